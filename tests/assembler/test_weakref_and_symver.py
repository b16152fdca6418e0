"""`.weakref` and `.symver`: which symbols there are in the end, compared with GNU as."""

from __future__ import annotations

import subprocess

import pytest

from orobuild import assembler
from orobuild.elf.compare import compare
from orobuild.errors import InputError

PROGRAMS = {
    "a target that is used only through its alias is weak": ".weakref w, t\ncall w\n.quad w + 8\n",
    "an alias that is not used leaves nothing": ".weakref w, t\n",
    "a target that is used directly too is not weak": ".weakref w, t\ncall w\ncall t\n",
    "a target that is defined here": "t: nop\n.weakref w, t\ncall w\n",
    "a target that is global": ".weakref w, t\ncall w\n.globl t\n",
    "a target that is called weak but never used": ".weakref w, t\n.weak t\n",
    "a second name for a global symbol": "f: nop\n.globl f\n.symver f, g@V1\n",
    "a default version of a local symbol": "f: nop\n.symver f, f@@V2\n",
    "a version that renames": "f: nop\n.symver f, f@@@V3\n",
    "an undefined symbol takes its version as its name": ".symver e, e@V1\ncall e\n",
    "an undefined symbol with three signs": ".symver e, e@@@V1\ncall e\n",
    "an undefined symbol that is never used": ".symver e, e@V1\n",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_symbols_are_those_of_gnu_as(program, tool, tmp_path):
    output = tmp_path / "gnu.o"
    subprocess.run([tool("as"), "-o", output], input=program, text=True, check=True)
    ours = assembler.assemble(program, "x.s", assembler.Options(strict=False), read_file=None)
    assert compare(ours.object, output.read_bytes()) == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (".symver f, g\n", "has no version"),
        (".symver f, f@V, hiden\n", "not a visibility"),
        ("f: nop\n.symver f, f@@@V\n.symver f, f@W\n", "has a version already"),
        (".symver e, e@@V\ncall e\n", "is undefined"),
    ],
)
def test_what_cannot_be_done_is_said(program, expected):
    with pytest.raises(InputError, match=expected):
        assembler.assemble(program, "x.s", assembler.Options(strict=False), read_file=None)
