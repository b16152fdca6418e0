"""docs/linker-options.md: what every option of GNU ld 2.40 does in `oro-ld`, from its own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.cli import ld_keywords
from orobuild.cli.gnu_options import spelled
from orobuild.cli.ld_options import TABLE

if TYPE_CHECKING:
    from orobuild.cli.gnu_options import Option

_HEAD: Final = """# Options of oro-ld

`oro-ld` takes the options of GNU ld 2.40. This page is generated from
`toolchain/orobuild/cli/ld_options.py` and `ld_keywords.py`; the tests compare it with what
`ld --help` lists, and the images with those that GNU ld makes. *works*: it does what GNU ld does.
*accepted*: it changes nothing, and the table says why. *refused*: an error that says why and what
to do instead. Options that are in no table are errors that name the nearest known one.

| option | state | what it does, or why not |
|---|---|---|
"""
_KEYWORDS: Final = """
## -z keywords

Unknown keywords are warnings, as in GNU ld.

| keyword | state | what it does, or why not |
|---|---|---|
"""


def render() -> str:
    """The page."""
    return _HEAD + "".join(map(_row, TABLE)) + _KEYWORDS + "".join(_keyword_rows())


def _row(option: Option) -> str:
    names = ", ".join(f"`{spelled(option, name)}`" for name in option.names)
    if option.refused:
        state, text = "refused", option.refused
        if option.instead:
            text += f"; {option.instead}"
    elif option.ignored:
        state, text = "accepted", option.ignored
    else:
        state, text = "works", option.help
        reasons = [f"{k}: {why}" for k, why in (option.choices or {}).items() if why]
        if reasons:
            text += f" (refused: {'; '.join(reasons)})"
    return f"| {_cell(names)} | {state} | {_cell(text)} |\n"


def _keyword_rows() -> list[str]:
    rows = [(name, "works", text) for name, (_, text) in ld_keywords.WORKING.items()]
    rows += [(name, "works", "say so in `.note.gnu.property`") for name in ld_keywords.PROPERTIES]
    rows += [(f"{name}=…", "works", text) for name, text in ld_keywords.VALUED.items()]
    rows += [(name, "accepted", text) for name, text in ld_keywords.IGNORED.items()]
    rows += [(f"{name}=…", "accepted", "reports nothing") for name in ld_keywords.IGNORED_VALUED]
    rows += [(name, "refused", text) for name, text in ld_keywords.REFUSED.items()]
    return [f"| `{name}` | {state} | {_cell(text)} |\n" for name, state, text in rows]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
