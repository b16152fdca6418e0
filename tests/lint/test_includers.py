"""A source that another one includes is judged as a part of it, as in Xen's boot code."""

from __future__ import annotations

import pytest

from orobuild.lint import check_paths
from orobuild.lint.config import LintConfig

HEAD = '.section .init.text,"ax",@progbits\nstart:\n{include}\n    hlt\n'
PART = "probe:\n    movw $0xe820, %ax\n    int $0x15\n    ret\n"


def codes(paths, **settings):
    result = check_paths(list(map(str, paths)), config=LintConfig(**settings))
    assert not result.errors
    return [(f.rule, f.span.path.rpartition("/")[2]) for f in result.findings]


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return make


@pytest.mark.parametrize(
    "include",
    ['#include "mem.S"', '  # include  "./mem.S"', '.include "mem.S"', '#include "../boot/mem.S"'],
)
def test_a_neighbour_that_includes_it_need_not_be_checked_with_it(write, include):
    part = write("boot/mem.S", PART)
    assert codes([part]) == [("ASM001", "mem.S")]

    write("boot/trampoline.S", HEAD.format(include=include))

    assert codes([part]) == []
    assert codes([part.parent]) == []


def test_one_from_another_folder_counts_when_it_is_checked_too(write):
    part = write("kernel/verify.S", PART)
    head = write("boot/head.S", HEAD.format(include='#include "../kernel/verify.S"'))

    assert codes([part]) == [("ASM001", "verify.S")]
    assert codes([part, head]) == []


def test_a_search_path_finds_it_by_the_end_of_its_name(write):
    part = write("include/asm/probe.S", PART)
    head = write("boot/head.S", HEAD.format(include="#include <asm/probe.S>"))
    other = write("boot/probe.S", PART)

    assert codes([part, head, other]) == [("ASM001", "probe.S")]


def test_where_the_includer_chooses_no_section_either_it_is_reported_there(write):
    part = write("mem.S", PART)
    head = write("head.S", '#include "mem.S"\n')

    assert codes([part]) == []
    assert codes([head]) == [("ASM001", "mem.S")]


@pytest.mark.parametrize(
    "text",
    [
        '/* mem.S */\n.ascii "mem.S"\n',
        '// see #include "mem.S"\n',
        '.incbin "mem.S"\n',
        "#include <mem.S>\n",
        '#include "other/mem.S"\n',
    ],
)
def test_what_only_names_it_does_not_include_it(write, text):
    part = write("mem.S", PART)
    write("head.S", HEAD.format(include=text))

    assert codes([part]) == [("ASM001", "mem.S")]


def test_inline_assembly_and_the_file_itself_are_no_includers(write):
    part = write("mem.S", f'{PART}\n#ifdef AGAIN\n#include "mem.S"\n#endif\n')
    write("lib.rs", 'global_asm!(include_str!("mem.S"));\n')
    write("lib.c", '#include "mem.S"\n')

    assert codes([part]) == [("ASM001", "mem.S")]


def test_a_suppression_in_a_part_may_be_used_by_another(write):
    mark = "# orolint: ignore[ASM001] the includer chooses\n"
    part = write("mem.S", PART.replace("    movw", f"{mark}    movw"))
    assert codes([part], select=("ASM", "SUP")) == []
    write("mem.S", mark)
    assert codes([part], select=("ASM", "SUP")) == [("SUP001", "mem.S")]

    write("trampoline.S", HEAD.format(include='#include "mem.S"'))

    assert codes([part], select=("ASM", "SUP")) == []


def test_a_crowd_of_includers_and_broken_ones_do_no_harm(write, tmp_path):
    part = write("mem.S", PART)
    (tmp_path / "gone.S").symlink_to("nowhere")
    (tmp_path / "loop.S").symlink_to("loop.S")
    (tmp_path / "folder.S").mkdir()
    (tmp_path / "bytes.S").write_bytes(b'#include "\xff\0.S"\n' + bytes(range(256)))
    assert codes([part]) == [("ASM001", "mem.S")]
    for number in range(50):
        write(f"many{number}.S", HEAD.format(include='#include "mem.S"'))
    assert codes([part]) == []
