"""ELF: what is wrong with a file before anyone asks what it means."""
