"""The status of every option of GNU as, as the documentation shows it.

``python -m orobuild.cli.as_status`` prints `docs/assembler-flags.md`; a test keeps the file and
the code the same.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from orobuild.cli.as_options import TABLE

if TYPE_CHECKING:
    from orobuild.cli.gnu_options import Option

_HEAD: Final = """\
# Options of oro-as

Made from the code (`python -m orobuild.cli.as_status`); do not edit. The options are those of GNU
as 2.40 for x86. One that works gives the same object. One without effect is accepted where GNU as
would give the same, or an equally meant, object. One that is refused ends `oro-as` with status 2
and says so.

| option | status | what it does |
|---|---|---|
"""


def table() -> str:
    """The page's text."""
    return _HEAD + "".join(f"| {_names(o)} | {_status(o)} | {_text(o)} |\n" for o in TABLE)


def _names(option: Option) -> str:
    return " ".join(f"`{name}`" for name in option.names)


def _status(option: Option) -> str:
    if option.refused:
        return "refused"
    return "no effect" if option.ignored else "works"


def _text(option: Option) -> str:
    text = option.refused or option.ignored or option.help
    if option.refused and option.instead:
        text += f"; instead: {option.instead}"
    wrong = [f"`{value}` is refused: {why}" for value, why in (option.choices or {}).items() if why]
    return "; ".join([text, *wrong]).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(table())
