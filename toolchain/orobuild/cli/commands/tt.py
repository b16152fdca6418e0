"""`orobuild tt`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orobuild.cli import files, images, terminal
from orobuild.cli.parameters import HEXADECIMAL
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.debug.translation import Control
    from orobuild.lint.program import Program

_TIMEOUT: Final = 120.0
_MEMORY_MIB: Final = 128
_CR0: Final = 0x80010001  # PG, WP, PE
_CR4: Final = 0x20  # PAE


@click.command("tt")
@click.argument("kind", type=click.Choice(["v", "p"]))
@click.argument("address")
@click.option("-e", "--elf", "elf", metavar="FILE", help="The kernel (default: the project's).")
@click.option("--profile", help="Which build of the project's kernel.")
@click.option("--until", metavar="LINE", help="Stop at the console line that begins like this.")
@click.option("--append", default=None, metavar="WORDS", help="The kernel's command line.")
@click.option("--core", type=click.IntRange(0, 254), default=0, help="Which processor's tables.")
@click.option("--cpu", default="max", metavar="MODEL", help="The processor's model.")
@click.option(
    "--dump",
    metavar="FILE",
    help="Walk in this dump of memory: QEMU's ELF core, or plain bytes; boot nothing.",
)
@click.option("--cr3", type=HEXADECIMAL, help="With --dump: CR3, which a core has.")
@click.option("--cr4", type=HEXADECIMAL, help="With --dump: CR4 (default: the core's, else 20).")
@click.option(
    "--cr0", type=HEXADECIMAL, help="With --dump: CR0 (default: the core's, else 80010001)."
)
@click.option(
    "--efer", type=HEXADECIMAL, default="d00", help="With --dump: EFER.", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="One object (docs/tt.md).")
def command(
    kind: str,
    address: str,
    elf: str | None,
    profile: str | None,
    until: str | None,
    append: str | None,
    core: int,
    cpu: str,
    dump: str | None,
    cr3: int | None,
    cr4: int | None,
    cr0: int | None,
    efer: int,
    *,
    as_json: bool,
) -> int:
    """Translate an address as a running machine's page tables do, level by level.

    \b
    orobuild tt v 0xffffffff80101000          a virtual address, in the project's kernel
    orobuild tt v kernel_main --cpu qemu64
    orobuild tt p 101000                      every virtual address of a physical one
    orobuild tt v kernel_main --dump core      from QEMU's 'dump-guest-memory core'
    orobuild tt v 7f0000 --dump ram.bin --cr3 1ff000

    The kernel is booted until it says that its page tables stand (live-until in [lint], or --until),
    stopped, and its tables are read; QEMU's own translation and the image's segments are
    compared. ADDRESS is written as for 'orobuild at'. Exit status 1 if it is not mapped, or if
    an opinion differs.
    """
    from orobuild.debug import location

    program = _program(elf, profile, required=dump is None)
    if program is not None:
        number = location.parse(program, address)
    else:
        number = HEXADECIMAL.convert(address, None, click.get_current_context())
    if dump is not None:
        from orobuild.debug.translation import Control
        from orobuild.machine import memory_dump

        memory = memory_dump.read(files.read(dump), dump)
        if memory.processors:
            _check_core(core, len(memory.processors))
            own = memory.processors[core]
            cr3 = own.cr3 if cr3 is None else cr3
            cr4 = own.cr4 if cr4 is None else cr4
            cr0 = own.cr0 if cr0 is None else cr0
        if cr3 is None:
            raise UsageError("--dump needs --cr3", hint="the panic and the debugger print it")
        control = Control(
            cr0=_CR0 if cr0 is None else cr0, cr3=cr3, cr4=_CR4 if cr4 is None else cr4, efer=efer
        )
        return _answer(kind, number, memory.read, control, program, None, as_json)
    assert program is not None
    read, control, emulator = _boot(program, number, until, append, core, cpu)
    return _answer(kind, number, read, control, program, emulator, as_json)


def _program(elf: str | None, profile: str | None, *, required: bool) -> Program | None:
    try:
        return images.program(elf, profile)
    except UsageError:
        if required or elf is not None:
            raise
        return None


def _check_core(core: int, count: int) -> None:
    if core >= count:
        raise UsageError(f"the machine has {count} processors, counted from 0")


def _boot(
    program: Program, address: int, until: str | None, append: str | None, core: int, cpu: str
) -> tuple[Callable[[int, int], bytes], Control, int | None]:
    """The machine's memory, one core's registers, and QEMU's own answer."""
    from orobuild.debug.translation import Control
    from orobuild.machine.qemu import Qemu
    from orobuild.machine.snapshot import take

    line = until or program.config.live_until
    if not line:
        raise UsageError(
            "tt does not know when the kernel's page tables stand",
            hint="say --until 'oro: boot', or set live-until in [tool.orobuild.lint]",
        )
    machine = Qemu(
        kernel=Path(program.elf.path),
        command_line=program.config.live_command_line if append is None else append,
        cores=core + 1 if core else 2,
        memory_mib=_MEMORY_MIB,
        cpu=cpu,
    )
    snapshot = take(machine, until=line, timeout=_TIMEOUT, monitor=(f"gva2gpa {address:#x}",))
    _check_core(core, len(snapshot.processors))
    registers = snapshot.processors[core]
    control = Control(cr0=registers.cr0, cr3=registers.cr3, cr4=registers.cr4, efer=registers.efer)
    match = re.search(r"gpa: (0x[0-9a-f]+)", snapshot.answers[0]) if not core else None
    return snapshot.read, control, int(match[1], 16) if match else None


def _answer(
    kind: str,
    number: int,
    read: Callable[[int, int], bytes],
    control: Control,
    program: Program | None,
    emulator: int | None,
    as_json: bool,
) -> int:
    import json

    from orobuild.debug import translation, translation_text

    if kind == "p":
        pages = translation.virtual_addresses(read, number, control)
        lines = [translation_text.of_page(program, page, number) for page in pages]
        if as_json:
            addresses = [hex(page.virtual + number - page.physical) for page in pages]
            terminal.echo(json.dumps({"physical": hex(number), "virtual": addresses}, indent=2))
        else:
            terminal.echo("\n".join(lines) or f"nothing maps {number:#x}")
        return 0 if pages else 1
    found = translation.translate(read, number, control)
    if as_json:
        value = translation_text.as_object(program, found, emulator)
        terminal.echo(json.dumps(value, indent=2))
    else:
        terminal.echo(
            translation_text.text(program, found, images.paint, emulator=emulator), end=""
        )
    opinion = translation.agreement(program, found) if program is not None else None
    differs = (opinion is not None and not opinion[0]) or (
        emulator is not None and emulator != found.physical
    )
    return 1 if found.mapping is None or differs else 0
