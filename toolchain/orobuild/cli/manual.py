"""The manual pages: `--help` of every command as man(7) source, for `man orobuild-at`.

    python -m orobuild.cli.manual docs/man

writes them all. A page has nothing that `--help` has not; what of that is an example, a list or a
paragraph is seen by how click's help texts are written.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import orobuild
from orobuild.cli import as_options, ld_options, main
from orobuild.cli.gnu_options import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.cli.gnu_options import Option

_WIDTH: Final = 70  # of a line of source, before what roff needs written at length
_EXIT: Final = (
    ("0", "All is well."),
    ("1", "There are findings, or the input is in error."),
    ("2", "Wrong usage, or a tool is missing."),
    ("3", "A bug in orobuild."),
)
_DROP_INS: Final = {
    "oro-as": (
        "assemble as GNU as does",
        "[option...] [asmfile...]",
        as_options.TABLE,
        as_options.EXAMPLES,
        "gcc(1), as(1)",
    ),
    "oro-ld": (
        "link as GNU ld does",
        "[option...] file...",
        ld_options.TABLE,
        ld_options.EXAMPLES,
        "ld(1)",
    ),
}
"""By program: its line, its arguments, its options, its examples, and related pages."""


def pages() -> dict[str, str]:
    """Every page by its file's name (`orobuild-at.1`)."""
    group = main.group()
    context = _context(group, "orobuild")
    made = dict(_of_command(group, context, "assemble, link, lint and boot x86_64 kernels"))
    lint = group.get_command(context, "lint")
    assert lint is not None
    made |= _of_command(lint, _context(lint, "orolint"), main.commands()["lint"])
    return made | {f"{name}.1": _of_drop_in(name) for name in _DROP_INS}


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    """As click makes it when the command is run: its settings say how the help option is spelled."""
    return click.Context(command, parent, info_name=name, **command.context_settings)


def _of_command(command: click.Command, context: click.Context, line: str) -> dict[str, str]:
    """The page of a command, and those of its subcommands."""
    name = context.command_path.replace(" ", "-")
    lines = list(_head(name, line))
    usage = " ".join(command.collect_usage_pieces(context)).strip()
    lines += [".SH SYNOPSIS", f".B {_text(context.command_path)}", _text(usage)]
    paragraphs = _paragraphs(command.help or "")
    lines += [".SH DESCRIPTION", *_described([p for p in paragraphs if not p.startswith("\b")])]
    named = [p for p in command.params if isinstance(p, click.Option)]
    options = [record for option in named if (record := option.get_help_record(context))]
    # click makes this option once for each command, as the first one to run it wanted it spelled.
    options.append((", ".join(context.help_option_names), "Show this message and exit."))
    made: dict[str, str] = {}
    related = [context.parent.command_path.replace(" ", "-")] if context.parent else []
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            assert child is not None
            below = _context(child, word, context)
            short = main.commands().get(word) if context.parent is None else None
            short = short or child.get_short_help_str(200).rstrip(".")
            lines += _item(f"{name}-{word}(1)", short)
            made |= _of_command(child, below, short)
            related.append(f"{name}-{word}")
    if options:
        lines.append(".SH OPTIONS")
        for left, right in options:
            lines += _item(left, right)
    lines.append(".SH EXIT STATUS")
    for status, meaning in _EXIT:
        lines += _item(status, meaning)
    if examples := [p for p in paragraphs if p.startswith("\b")]:
        lines += [".SH EXAMPLES", *_described(examples)]
    if related:
        shown = ", ".join(f"{page}(1)" for page in sorted(related))
        lines += [".SH SEE ALSO", _text(shown)]
    return {f"{name}.1": "\n".join(lines) + "\n", **made}


def _of_drop_in(name: str) -> str:
    line, arguments, table, examples, related = _DROP_INS[name]
    lines = [*_head(name, line), ".SH SYNOPSIS", f".B {_text(name)}", _text(arguments)]
    lines += [".SH DESCRIPTION"]
    lines += _filled(f"{name} takes the options of the GNU program, and has its defaults.")
    lines += [".SH OPTIONS", *_rows([o for o in table if not o.refused and not o.ignored])]
    if ignored := [o for o in table if o.ignored]:
        lines += [".SS Accepted, and without effect", *_rows(ignored)]
    if refused := [o for o in table if o.refused]:
        lines += [".SS Refused", *_rows(refused)]
    lines.append(".SH EXIT STATUS")
    for status, meaning in _EXIT:
        lines += _item(status, meaning)
    lines += [".SH EXAMPLES", *_described(["\b\n" + inspect.cleandoc(examples)])]
    lines += [".SH SEE ALSO", _text(f"orobuild(1), {related}")]
    return "\n".join(lines) + "\n"


def _rows(table: Sequence[Option]) -> Iterator[str]:
    for option in table:
        names = ", ".join(spelled(option, name) for name in option.names)
        yield from _item(names, option.refused or option.ignored or option.help)


def _head(name: str, line: str) -> Iterator[str]:
    # No date: the same sources give the same page on any day.
    yield f'.TH {_text(name.upper())} 1 "" "orobuild {_text(orobuild.__version__)}"'
    yield ".SH NAME"
    yield f"{_text(name)} \\- {_text(line)}"


def _paragraphs(text: str) -> list[str]:
    """A help text's paragraphs; one that click must not wrap begins with a backspace."""
    return [p for p in re.split(r"\n\s*\n", inspect.cleandoc(text)) if p.strip()]


def _described(paragraphs: Sequence[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from (_text(line.rstrip()) for line in paragraph[1:].strip("\n").splitlines())
            yield ".fi"
        else:
            yield from _filled(paragraph)


def _item(term: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_text(term)}\\fR"
    yield from _filled(meaning) or ["\\&"]


def _filled(text: str) -> list[str]:
    return [_text(line) for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def _text(text: str) -> str:
    """Words as roff has them: nothing in them is a command, and `-` is the one that is typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    text = re.sub(r"[^\x00-\x7f]", lambda match: f"\\[u{ord(match[0]):04X}]", text)
    text = text.replace('"', "\\(dq").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def write(directory: Path) -> None:
    """Write every page into `directory`, and take away those of commands that are gone."""
    made = pages()
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
