"""Images that boot: from a linked kernel to the bytes of a disk, and back.

Pure functions from bytes to bytes. Nothing here reads or writes a file, starts a program, or
knows a particular kernel.
"""
