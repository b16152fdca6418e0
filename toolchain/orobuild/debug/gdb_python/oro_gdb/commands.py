"""`oro` and its subcommands."""

from __future__ import annotations

import sys
from typing import Any

import gdb

from .inspector import Inspector
from .refusal import Refused

_COMMANDS = {
    "apic": "the selected processor's local APIC, vectors with their handlers",
    "boot": "what was booted, and whether memory holds what the ELF file says",
    "bt": "a backtrace across interrupt frames, exceptions and changes of ring",
    "buddy": "the buddy allocator's free lists, and whether they are intact",
    "console": "the last lines of the serial console (of 'orobuild debug'): oro console [N]",
    "cpu": "every processor: mode, ring, what it runs",
    "cr": "the control registers, bit by bit",
    "frame": "saved frames, decoded: oro frame [EXPRESSION]",
    "gdt": "the global descriptor table",
    "idt": "the interrupt descriptor table, gate by gate: oro idt [VECTOR]",
    "ioapic": "the I/O APICs' redirection tables",
    "isr": "interrupt handlers, and whether they can be executed: oro isr [-a] [VECTOR]",
    "locks": "every lock, and who holds it",
    "msr": "model-specific registers: oro msr [NAME|NUMBER...]",
    "ps": "processes",
    "qemu": "a command of QEMU's monitor: oro qemu COMMAND",
    "runq": "run queues",
    "show": "a table of the configuration: oro show [NAME]",
    "threads": "threads",
    "track": "record allocations and locks: oro track alloc|lock start|stop|report",
    "tss": "the task state segment and its stacks",
    "tt": "a translation by the page tables: oro tt v|p ADDRESS",
}


_INSPECTOR = Inspector()


class _Command(gdb.Command):
    """One of the `oro` commands: its words go to the inspector as they are."""

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        # GDB takes the help of a command from its documentation.
        self.__doc__ = "%s%s." % (summary[:1].upper(), summary[1:])
        gdb.Command.__init__(self, "oro " + name, gdb.COMMAND_DATA)

    def invoke(self, text: str, from_tty: bool) -> None:
        self.dont_repeat()
        words = [text.strip()] if self.name in ("qemu", "frame") else text.split()
        try:
            _INSPECTOR.run([self.name] + [word for word in words if word])
        except Refused as reason:
            raise gdb.GdbError("oro %s: %s" % (self.name, reason)) from None
        except KeyboardInterrupt:
            _INSPECTOR.abandon()
            raise gdb.GdbError("oro %s: interrupted" % self.name) from None
        except ValueError:
            _INSPECTOR.abandon()
            raise gdb.GdbError("oro %s: the answer is not understood" % self.name) from None

    def complete(self, text: str, word: str) -> Any:
        if self.name == "track":
            return [w for w in ("alloc", "lock", "start", "stop", "report") if w.startswith(word)]
        if self.name == "tt":
            return gdb.COMPLETE_SYMBOL
        return gdb.COMPLETE_EXPRESSION if self.name == "frame" else gdb.COMPLETE_NONE


class _Oro(gdb.Command):
    """What a kernel is doing: page tables, descriptor tables, processors, threads, memory."""

    def __init__(self) -> None:
        gdb.Command.__init__(self, "oro", gdb.COMMAND_DATA, gdb.COMPLETE_COMMAND, True)

    def invoke(self, text: str, from_tty: bool) -> None:
        if text.strip():
            raise gdb.GdbError("oro: no command is called '%s'; 'oro' lists them" % text.split()[0])
        for name in sorted(_COMMANDS):
            gdb.write("oro %-8s  %s\n" % (name, _COMMANDS[name]))


def load() -> None:
    """Make the commands; once, however often it is called."""
    if getattr(gdb, "oro_loaded", False):
        return
    if sys.version_info < (3, 7):
        gdb.write("the oro commands need a GDB with Python 3.7 or later\n")
        return
    gdb.oro_loaded = True
    _Oro()
    for name in sorted(_COMMANDS):
        _Command(name, _COMMANDS[name])
