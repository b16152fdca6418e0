"""Images that boot: from a linked kernel to the bytes of a disk, and back.

Pure functions from bytes to bytes. Nothing here reads or writes a file, starts a program, or
knows a particular kernel.
"""

from orobuild.image.bios import DiskImage, Region, bios_disk, read_disk
from orobuild.image.payload import Files, Module

__all__ = ["DiskImage", "Files", "Module", "Region", "bios_disk", "read_disk"]
