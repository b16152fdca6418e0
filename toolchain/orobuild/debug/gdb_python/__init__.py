"""What GDB's own Python loads; nothing of it is imported by orobuild itself (see `load`)."""
