"""Images that boot: from linked kernels to the bytes of a disk, and back.

Pure functions from bytes to bytes. Nothing here reads or writes a file, starts a program, or
knows a particular kernel.
"""

from orobuild.image.boot_disk import BootDisk, Loaders, boot_disk
from orobuild.image.boot_volume import Boot, Entry, Module
from orobuild.image.disk import Region

__all__ = ["Boot", "BootDisk", "Entry", "Loaders", "Module", "Region", "boot_disk"]
