"""Intel syntax: which bare expressions are memory and which are numbers, as GNU as decides."""

from __future__ import annotations

import subprocess

import pytest

from orobuild import assembler
from orobuild.elf.compare import compare

PROGRAM = """\
.intel_syntax noprefix
.set before, 7
.text
1:  nop
code:
    mov ecx, {expression}
    jmp 1b
    jz 2f
    call 2f
    lea rax, [rip + 2f]
2:  nop
.set after, 5
.bss
start: .skip 4096
end:
"""
EXPRESSIONS = (
    "start", "start + 4", "4 + start", "start - 4", "(start)", "end - start", "(end - start) / 4",
    "end - start + start", "after", "after * 2", "after + 1", "before", "before + 1", "before * 2",
    "start + before", "before + start", "start - before", "start + after", ".", "code - .",
    ". - 1b", "unknown", "unknown + 4", "unknown - 1b", "code + (2f - 1b)", "start + 4 + 4",
    "[start]", "start[4]", "dword ptr start", "offset start + 4", "offset 1b", "5", "(5)",
)  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_operand_is_what_gnu_as_takes_it_for(expression, tool, tmp_path):
    program = PROGRAM.format(expression=expression)
    output = tmp_path / "gnu.o"
    subprocess.run([tool("as"), "-o", output], input=program, text=True, check=True)
    ours = assembler.assemble(program, "x.s", assembler.Options(strict=False), read_file=None)
    assert compare(ours.object, output.read_bytes()) == []
