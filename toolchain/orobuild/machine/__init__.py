"""Machines as values: describe one, boot it, read what it said.

`Qemu` is a machine; `boot` starts it, follows its serial console and gives a `BootReport`. No
emulator outlives the process that started it, however that ends. Knows no particular kernel:
what is read from the console are `oro: key=value` lines and panic blocks.
"""

from orobuild.machine.bochs import Bochs, find_bochs
from orobuild.machine.boot import boot
from orobuild.machine.console import Console, Core, Fact, Panic
from orobuild.machine.firmware import Firmware, find_ovmf
from orobuild.machine.media import Drive, Network
from orobuild.machine.qemu import Accelerator, Qemu, find_qemu
from orobuild.machine.report import BootReport, Machine, Verdict

__all__ = [
    "Accelerator",
    "Bochs",
    "BootReport",
    "Console",
    "Core",
    "Drive",
    "Fact",
    "Firmware",
    "Machine",
    "Network",
    "Panic",
    "Qemu",
    "Verdict",
    "boot",
    "find_bochs",
    "find_ovmf",
    "find_qemu",
]
