"""`.file`: the directories and names in the line table, as GNU as splits them."""

from __future__ import annotations

import subprocess

import pytest

from orobuild import assembler
from orobuild.elf.compare import compare


@pytest.mark.parametrize(
    "files",
    [
        ['1 "/x/y/c.c"'],
        ['1 "c.c"'],
        ['1 "a/c.c"'],
        ['0 "/tmp" "a/b.c"', '1 "/x" "sub/c.c"'],
        ['0 "/tmp" "b.c"', '1 "/tmp" "sub/c.c"'],
        ['0 "/tmp" "/abs/b.c"', '1 "/tmp" "sub/c.c"'],
        ['0 "/tmp/q" "/tmp/fresh/t/k.c"', '1 "/tmp" "fresh/t/k.c"'],
        ['0 "/tmp" "a/b.c"', '1 "a/d.c"', '2 "/tmp/a" "e.c"', '3 "/tmp" "f.c"'],
        ['0 "/tmp" "b.c"', '1 "/tmp/b.c"'],
        ['0 "/tmp/" "a/b.c"', '1 "/tmp/" "a/c.c"'],
    ],
    ids=" ".join,
)
def test_the_tables_are_those_of_gnu_as(files, tool, tmp_path):
    text = "".join(f".file {file}\n" for file in files)
    text += (
        f'.text\n.loc {len(files) - 1 or 1} 1 2\nnop\n.section .debug_info,"",@progbits\n.byte 0\n'
    )
    output = tmp_path / "gnu.o"
    subprocess.run([tool("as"), "-o", output], input=text, text=True, check=True)
    ours = assembler.assemble(text, "x.s", assembler.Options(strict=False), read_file=None)
    assert compare(ours.object, output.read_bytes()) == []
