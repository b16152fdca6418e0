"""`orobuild debug`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import debugging, terminal
from orobuild.cli.commands.build import build_options, run_build
from orobuild.cli.commands.run import machine_options, take_wishes, wanted
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from orobuild.machine import Qemu

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("debug")
@build_options
@machine_options
@click.option("--elf", type=_FILE, help="Debug this kernel, by PVH unless --attach; build nothing.")
@click.option("--attach", metavar="ADDRESS", help="A gdbstub that runs: HOST:PORT, or a socket.")
@click.option("--core", type=_FILE, help="A dump by QEMU's dump-guest-memory; boot nothing.")
@click.option("--append", default=None, metavar="WORDS", help="The kernel's command line (PVH).")
@click.option(
    "--console",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the serial console goes ('oro console' shows it).",
)
@click.option("--batch", is_flag=True, help="GDB ends after its commands; nothing is asked.")
@click.option(
    "-ex", "--ex", "commands", multiple=True, metavar="COMMAND", help="A command for GDB."
)
@click.option("-x", "scripts", type=_FILE, multiple=True, help="A file of commands for GDB.")
@click.option("--setup", is_flag=True, help="Say what makes a plain 'gdb kernel.elf' know 'oro'.")
@click.option("--extension", is_flag=True, hidden=True)
@click.option("--inspector", is_flag=True, hidden=True)
@click.argument("file", required=False, type=click.Path(), metavar="")
def command(
    elf: Path | None,
    attach: str | None,
    core: Path | None,
    append: str | None,
    console: Path | None,
    commands: tuple[str, ...],
    scripts: tuple[Path, ...],
    file: str | None,
    *,
    batch: bool,
    setup: bool,
    extension: bool,
    inspector: bool,
    **options: Any,
) -> int:
    """Build the project, start it stopped in QEMU, and debug it with GDB and the oro commands.

    \b
    orobuild debug --boot kernel -ex 'hbreak kernel_main' -ex continue
    orobuild debug --profile debug --cores 2
    orobuild debug --elf k.elf --batch -ex 'hbreak main' -ex c -ex 'oro isr'
    orobuild debug --attach localhost:1234      a machine that runs already
    orobuild debug --core vmcore                QEMU's dump-guest-memory

    In GDB, 'oro' lists what it can show: page tables, handlers and their permissions, descriptor
    tables, processors, threads, locks, the allocator, backtraces across interrupts. Stepping and
    breakpoints are GDB's. The machine ends with GDB. The exit status is GDB's.
    """
    if inspector:
        debugging.inspect(file)
        return 0
    if extension:
        terminal.echo(str(debugging.extension()))
        return 0
    if file is not None:
        raise UsageError(f"'{file}' is not understood", hint="a kernel is named by --elf")
    if setup:
        terminal.echo(debugging.setup())
        return 0
    gdb = debugging.find_gdb()
    words = [word for path in scripts for word in ("-x", str(path))]
    words += [word for line in commands for word in ("-ex", line)]
    wishes = take_wishes(options)
    if sum(x is not None for x in (attach, core)) > 1:
        raise UsageError("--attach and --core exclude each other")
    if attach is not None or core is not None:
        start = [f"target remote {debugging.remote(attach)}"] if attach else []
        kernel = elf or debugging.built(options.get("directory"), options.get("profile"))
        return debugging.run(gdb, kernel, start, words, batch=batch, core=core)
    if wishes.emulator != "qemu":
        raise UsageError("the debugger starts QEMU only", hint="use --attach for another gdbstub")
    if append is not None and elf is None and wishes.boot != "kernel":
        raise UsageError("--append is for --boot kernel and --elf", hint="a loader has its own")
    machine: Qemu
    if elf is not None:
        kernel, machine = elf, debugging.machine_of(elf, wishes)
    else:
        result = run_build(**options)
        if result.kernel is None:
            raise UsageError("the configuration makes no kernel to debug")
        kernel, machine = result.kernel, debugging.only_qemu(wanted(result, wishes))
    return debugging.run_machine(gdb, kernel, machine, append, console, words, batch=batch)
