"""Mistakes: what GNU as refuses we refuse, what it warns of we warn of, what it takes we take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assembler.gnu_as import NAME, gnu, ours
from orobuild.errors import InputError

CASES = [
    case
    for case in (Path(__file__).parent / "programs" / "mistakes.txt").read_text().split("\n=====\n")
    if case.strip()
]
# Case: (GNU as, oro-as, why). docs/gnu-as-differences.md tells users.
ELSEWISE = {
    '.byte "a': ("warns", "refuses", "a string without an end is hardly meant"),
    "/* x": ("warns", "refuses", "neither is a comment"),
    "mov %eax,%eax // c": ("refuses", "takes", "LLVM's comments"),
    "in $256,%al": ("warns", "refuses", "the port is another one"),
    "out %al,$256": ("warns", "refuses", "the port is another one"),
    "mov %dr8,%rax": ("takes", "refuses", "no processor has %dr8"),
    "jmp foo@GOT": ("takes", "refuses", "there is no such relocation"),
    ".comm a,-1": ("warns", "refuses", "the symbol would not exist"),
    ".lcomm a,-1": ("warns", "refuses", "the symbol would not exist"),
    ".comm a,1,3": ("takes", "refuses", "linkers want a power of two"),
    ". = a": ("warns", "refuses", "an undefined symbol is no place"),
    ".bundle_align_mode": ("takes", "refuses", "bundles are not supported"),
    ".subsection -1": ("takes", "refuses", "GNU's own manual allows 0 to 8192"),
    ".long 1+": ("warns", "refuses", "half an expression"),
    **dict.fromkeys(
        (
            ".fill", '.section ""', ".ident", ".reloc 0,R_X86_64_64,", ".rept\n.endr", ".nops", ".dcb",
            ".ds", ".intel_syntax noprefix\nmov eax,dword ptr",
            ".intel_syntax noprefix\nmov eax,offset",
        ),
        ("takes", "refuses", "an operand is missing"),
    ),
}  # fmt: skip


def _of_gnu(text: str) -> str:
    made, said = gnu(text)
    if made is None:
        return "refuses"
    # What GNU as says about its own line ends is not about the text.
    return (
        "warns" if re.search(r": Warning: (?!end of file not at end of a line)", said) else "takes"
    )


def _of_ours(text: str) -> tuple[str, str]:
    try:
        made = ours(text)
    except InputError as problem:
        return "refuses", str(problem)
    return ("warns" if made.warnings else "takes"), "\n".join(map(str, made.warnings))


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_that_of_gnu_as(case: str) -> None:
    text = f"{case}\n"
    verdict, said = _of_ours(text)
    theirs, expected, _ = ELSEWISE.get(case, (_of_gnu(text), None, None))
    assert verdict == (expected or theirs)
    assert _of_gnu(text) == theirs
    if verdict == "refuses":
        assert re.match(rf"{re.escape(NAME)}:\d+:\d+: (error|warning): ", said), "has a place"


def test_every_exception_is_a_case() -> None:
    assert set(ELSEWISE) <= set(CASES)
