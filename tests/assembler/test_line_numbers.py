"""-g beside `.file "name"`, `.line` and line markers: the rows of GNU as."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from assembler.gnu_as import gnu, ours
from orobuild.elf.compare import compare

INCLUDED = 'nop\n.line 50\nnop\n.file "z.asm"\nnop\n# 9\nnop\n'


@pytest.fixture(autouse=True)
def beside_the_included_file(tmp_path, monkeypatch):
    (tmp_path / "inc.s").write_text(INCLUDED)
    monkeypatch.chdir(tmp_path)


def assert_same_rows(text: str, version: int) -> None:
    theirs, said = gnu(text, 64, f"--gdwarf-{version}")
    assert theirs is not None, said
    mine = ours(
        text,
        files={"inc.s": INCLUDED.encode()},
        debug_info=True,
        dwarf=version,
        compilation_directory=str(Path.cwd()),
        producer="GNU AS 2.40",
    )
    assert compare(mine.object, theirs) == [], text


@pytest.mark.parametrize("version", [2, 5])
@pytest.mark.parametrize(
    "lines",
    [
        ['.file "a.asm"', "nop"],
        ["nop", '.file "a.asm"', "nop", ".line 77", "nop"],
        [".line 77", "nop", '.file "a.asm"', "nop"],
        ['# 5 "b.S"', "nop", '.file "a.asm"', "nop", ".line 8", "nop"],
        ['.file "a.asm"', '# 5 "b.S"', "nop", "# 80", "nop", "#line 90", "nop"],
        ['# 1 "p.c"', "nop", '.file "a.asm"', '.include "inc.s"', "nop"],
        ['.file "a.asm"', '.include "inc.s"', "nop", ".line 3", "nop"],
        [".rept 3", "nop", '.file "a.asm"', "nop", ".endr", ".line 5", "nop"],
        [".rept 2", "nop", ".line 30", "nop", ".endr", "nop"],
    ],
    ids="; ".join,
)
def test_names_and_numbers_count_once_both_are_known(lines, version):
    assert_same_rows("\n".join([*lines, ""]), version)


@pytest.mark.parametrize("seed", range(40))
def test_they_come_in_any_order(seed):
    chance = random.Random(seed)
    lines = []
    for _ in range(chance.randrange(4, 20)):
        name, number = chance.choice("abc"), chance.randrange(1, 99)
        lines.append(
            chance.choice(
                [
                    *("nop", "ret", "", "/* two\nlines */ nop", ".balign 8"),
                    *(f'.file "{name}.asm"', f".line {number}", f'# {number} "{name}.S"'),
                    *(f"# {number}", f"#line {number}", '.include "inc.s"'),
                ]
            )
        )
    assert_same_rows("\n".join([*lines, "nop", ""]), chance.choice((2, 3, 4, 5)))
