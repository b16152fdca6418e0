"""`orobuild decode`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from orobuild.cli import files, images, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.crash import Crash
    from orobuild.debug.killed import Killed
    from orobuild.elf.places import SourcePlaces
    from orobuild.lint.program import Program
    from orobuild.machine.console import Console, Fact


@click.command("decode")
@click.argument("log", default="-")
@click.option("-e", "--elf", "elf", metavar="FILE", help="The image that printed the log.")
@click.option("--profile", help="Which build of the project's kernel, if the log does not say.")
@click.option("--json", "as_json", is_flag=True, help="One object (docs/decode.md).")
def command(log: str, elf: str | None, profile: str | None, *, as_json: bool) -> int:
    """Explain a panic: where, what denied the access, the likely rule, the backtrace with lines.

    \b
    orobuild decode serial.log
    orobuild run --boot kernel | orobuild decode
    orobuild decode -e build/debug/oro.elf -       then paste, and Ctrl-D

    LOG is a console's log, with whatever a terminal or a mailer added to its lines; '-' is standard
    input. The image is found by the build-id in the log, else it is the project's kernel.
    Programs that the kernel ended are explained too. A log with no panic is searched for addresses
    of the image's code. Exit status 1 if there is nothing to explain.
    """
    from orobuild.debug import crash, killed, logs
    from orobuild.elf.places import SourcePlaces
    from orobuild.machine.console import read_console

    if log == "-" and sys.stdin.isatty():
        terminal.echo("paste the log, then Ctrl-D:", err=True)
    lines = logs.clean(files.read_text(log))
    console = read_console(lines)
    identity = next((f.values["build-id"] for f in _facts(console) if "build-id" in f.values), None)
    program = images.program(elf or images.by_build_id(identity), profile)
    places = SourcePlaces(program.elf)
    crashes = [crash.understand(panic, program, places) for panic in console.panics]
    ended = killed.programs(console.facts, lambda name: images.program_named(name, profile))
    notes = _identity_notes(identity, program, named=elf is not None) if console.panics else []
    if as_json:
        _print_json(program, crashes, ended, notes)
    else:
        for note in notes:
            terminal.echo(terminal.warn(note), err=True)
        _print(program, crashes, ended)
    if crashes or ended:
        return 0
    return _print_annotated(lines, program, places, as_json=as_json)


def _facts(console: Console) -> list[Fact]:
    return [*(fact for panic in console.panics for fact in panic.facts), *console.facts]


def _identity_notes(identity: str | None, program: Program, *, named: bool) -> list[str]:
    from orobuild.elf.build_id import build_id

    own = build_id(program.elf)
    if identity is None:
        return [] if named else [f"the log has no build-id: {program.elf.path} is assumed"]
    if own is None or own.hex() != identity:
        return [f"the log is of another build than {program.elf.path}: build-id {identity}"]
    return []


def _print(program: Program, crashes: Sequence[Crash], ended: Sequence[Killed]) -> None:
    from orobuild.debug import crash_text, killed

    source = images.sources(program.elf.path)
    for number, one in enumerate(crashes):
        text = crash_text.text(program, one, images.paint, source=source)
        terminal.echo(("\n" if number else "") + text, end="")
    for program_end in ended:
        terminal.echo(killed.text(program_end, images.paint, source=source), end="")


def _print_json(
    program: Program, crashes: Sequence[Crash], ended: Sequence[Killed], notes: Sequence[str]
) -> None:
    import json

    from orobuild.debug import crash_text, killed

    value = {
        "image": program.elf.path,
        "notes": list(notes),
        "panics": [crash_text.as_object(program, one) for one in crashes],
        "killed": [killed.as_object(one) for one in ended],
    }
    terminal.echo(json.dumps(value, indent=2))


def _print_annotated(
    lines: Sequence[str], program: Program, places: SourcePlaces, *, as_json: bool
) -> int:
    from orobuild.debug import logs

    if as_json:
        return 1
    found = False
    for annotated in logs.annotate(lines, program, places):
        found = True
        terminal.echo(annotated.line)
        for location in annotated.locations:
            place = f"  {location.places[0]}" if location.places else ""
            terminal.echo(images.paint(f"    {location.asked:#x} {location.name}{place}", "good"))
    if not found:
        terminal.echo(
            f"no panic, no ended program and no address of {program.elf.path} in the log", err=True
        )
    return 0 if found else 1
