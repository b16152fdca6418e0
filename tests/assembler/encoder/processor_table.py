"""Which instructions GNU as takes for which processor, asked of GNU as itself.

``python tests/assembler/encoder/processor_table.py`` prints the table of
`orobuild.assembler.processor_features`; a test asks GNU as again and compares.
"""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

import iced_x86 as iced

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from assembler.encoder.gnu_oracle import gnu_as
from assembler.encoder.mnemonic_corpus import candidates
from orobuild.assembler.encoder.types import Dialect
from orobuild.assembler.processor import EXTENSIONS, NAMES
from orobuild.assembler.processor_features import group_of

_ERROR = re.compile(r":(\d+): Error: (.*)")


@functools.cache
def texts(bits: int, share: float = 1.0) -> dict[str, str]:
    """Instructions that GNU as takes without a limit, one of each opcode, and their groups."""
    answers = gnu_as(candidates(bits, share=share, seed=5), Dialect(bits))
    found: dict[tuple[str, int], str] = {}
    for text, answer in answers.items():
        if answer is not None:
            code = iced.Decoder(bits, answer.code, iced.DecoderOptions.MPX).decode().code
            found.setdefault((text.split()[0], code), text)
    groups = {}
    for text in found.values():
        answer = answers[text]
        assert answer is not None
        group = group_of(answer.code, bits)
        if group is not None:
            groups[text] = group
    return groups


def refused(
    lines: list[str], bits: int, *, march: str = "", directive: str = ""
) -> set[int] | None:
    """The numbers of the lines that GNU as refuses; None when it refuses the processor."""
    head = [directive] if directive else []
    run = subprocess.run(
        ["as", f"--{bits}", "-W", *([f"-march={march}"] if march else []), "-o", "/dev/null", "-"],
        input="\n".join(head + lines) + "\n",
        capture_output=True,
        text=True,
    )
    if "Fatal error" in run.stderr:
        return None
    found = {int(m[1]) - 1 - len(head) for m in map(_ERROR.search, run.stderr.splitlines()) if m}
    return None if -1 in found else found


def masks(bits: int) -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, set[str]]]:
    """Groups by processor, groups that an extension adds to the 80386's, groups that go with it."""
    groups = texts(bits)
    lines = list(groups)
    names = list(groups.values())

    def taken(wrong: set[int]) -> set[str]:
        return set(names) - {names[number] for number in wrong}

    processors, adds, removes = {}, {}, {}
    base = "generic64" if bits == 64 else "i386"
    least = refused(lines, bits, march=base)
    assert least is not None
    for name in sorted(NAMES):
        wrong = refused(lines, bits, march=name)
        if wrong is not None:
            processors[name] = taken(wrong)
    for name in sorted(EXTENSIONS):
        wrong = refused(lines, bits, march=f"{base}+{name}")
        if wrong is not None:
            adds[name] = taken(wrong) - taken(least)
        wrong = refused(lines, bits, directive=f".arch .no{name}")
        if wrong is not None:
            removes[name] = set(names) - taken(wrong)
    return processors, adds, removes


def table() -> str:
    """The module's constants."""
    both = [masks(bits) for bits in (64, 32)]
    merged: list[dict[str, set[str]]] = [{}, {}, {}]
    for part in range(3):
        for found in both:
            for name, groups in found[part].items():
                merged[part].setdefault(name, set()).update(groups)
    known = sorted({group for part in merged for groups in part.values() for group in groups})
    known = sorted({*known, *texts(64).values(), *texts(32).values()})
    lines = ["GROUPS: Final = (", *(f'    "{name}",' for name in known), ")"]
    for title, part in zip(("PROCESSORS", "ADDS", "REMOVES"), merged, strict=True):
        lines.append(f"{title}: Final = {{")
        for name, groups in sorted(part.items()):
            mask = sum(1 << known.index(group) for group in groups)
            lines.append(f'    "{name}": {mask:#x},')
        lines.append("}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
