"""What the `oro` commands of GDB say: a stopped machine, looked at through GDB.

`session` talks with GDB; each other module is a family of commands, a function from the target and
the words of the command to text.
"""
