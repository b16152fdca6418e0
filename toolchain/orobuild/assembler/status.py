"""The status of every directive, as the documentation shows it.

``python -m orobuild.assembler.status`` prints `docs/assembler-directives.md`; a test keeps the
file and the code the same.
"""

from __future__ import annotations

import sys

from orobuild.assembler.directives import REFUSED, TABLE

_HEAD = """\
# Assembler directives

Made from the code (`python -m orobuild.assembler.status`); do not edit. GNU as 2.40 is the
reference: a directive that works gives the same object. One that is refused is an error that
says so; anything else is an unknown directive, with a hint at the nearest known name.

| directive | status | what it does |
|---|---|---|
"""


def table() -> str:
    """The page's text."""
    rows = {name: ("works", directive.note) for name, directive in TABLE.items()}
    rows |= {name: ("refused", reason.split(": ", 1)[1]) for name, reason in REFUSED.items()}
    lines = [
        f"| `{name}` | {status} | {note.replace('|', chr(92) + '|')} |"
        for name, (status, note) in sorted(rows.items())
    ]
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
