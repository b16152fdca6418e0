"""What is wrong is named with its place, the status says whose fault it is, and outputs stay."""

from __future__ import annotations

import pytest


@pytest.fixture
def built(mini):
    """The project, built once, so that there are outputs to leave alone."""
    assert mini.run("build").returncode == 0
    return mini


def assert_fails(project, status, *expected, arguments=("build",), **environment):
    before = project.outputs()
    result = project.run(*arguments, **environment)
    said = result.stdout + result.stderr
    assert result.returncode == status, said
    for text in expected:
        assert text in said, f"{text!r} is not in:\n{said}"
    assert "Traceback" not in said
    assert project.outputs() == before
    leftovers = [p.name for p in project.root.rglob(".*") if p.name != ".cache"]
    assert leftovers == []


def test_an_unknown_directive(built):
    built.change("entry.S", ".globl _start", ".golbl _start")
    assert_fails(built, 1, "entry.S:7:5: error: ", "'.golbl'", "did you mean '.globl'?", "^~~~")


def test_an_undefined_macro(built):
    built.change("entry.S", "    stop\n", "    stopp\n")
    assert_fails(built, 1, "entry.S:11:5: error: ", "'stopp'", "did you mean 'stop'?")


def test_an_error_inside_a_macro_shows_the_expansion(built):
    built.change("entry.S", "    cli\n", "    movq %eax, %rbx\n")
    assert_fails(built, 1, "entry.S:2:", "error: ", "entry.S:11:5: note: ", "'stop'")


def test_an_undefined_symbol_names_the_nearest_and_who_needs_it(built):
    built.change("entry.S", "call print_message", "call print_mesage")
    assert_fails(
        built, 1, "undefined symbol 'print_mesage'", "did you mean 'print_message'?", "_start"
    )


def test_a_duplicate_symbol_names_both_places(built):
    built.change("message.S", "print_message:", "print_message:\n    .globl _start\n_start:")
    assert_fails(built, 1, "'_start'", "entry.S", "message.S")


def test_a_section_that_the_script_does_not_place(built):
    built.change("message.S", ".section .rodata,", ".section .tables,")
    assert_fails(built, 1, "'.tables'", "message.S", "*(.tables)")


def test_a_relocation_out_of_range_names_symbol_value_and_limit(built):
    built.change("kernel.ld", "0xffffffff80100000", "0x0000600080100000")
    built.change("kernel.ld", "ENTRY(_start)", "ENTRY(_start)\nOUTPUT_ARCH(i386:x86-64)")
    assert_fails(built, 1, "R_X86_64_32S", "message", "0x6000801")


def test_a_script_that_is_not_there(built):
    built.change("orobuild.toml", '"kernel.ld"', '"kernel.lds"')
    assert_fails(built, 2, "orobuild.toml:5:", "there is no file 'kernel.lds'")


def test_a_script_with_an_error_in_it(built):
    built.change("kernel.ld", "SECTIONS", "SECTOINS")
    assert_fails(built, 1, "kernel.ld:7:1: error: ", "did you mean 'SECTIONS'?")


def test_a_c_compiler_that_is_not_there(built):
    (built.root / "extra.c").write_text("int extra;\n")
    built.change("orobuild.toml", '["*.S"]', '["*.S", "*.c"]')
    assert_fails(built, 2, "'no-such-cc'", "orobuild[cc]", CC="no-such-cc")


def test_an_error_in_c_is_shown_as_the_compiler_places_it(built):
    (built.root / "extra.c").write_text("int extra(void)\n{\n    return missing;\n}\n")
    built.change("orobuild.toml", '["*.S"]', '["*.S", "*.c"]')
    assert_fails(built, 1, "extra.c:3:12: error: ", "    return missing;")


def test_the_errors_of_all_files_are_shown_at_once(built):
    built.change("entry.S", ".globl _start", ".golbl _start")
    built.change("message.S", ".asciz", ".ascizz")
    assert_fails(built, 1, "entry.S:7:5", "message.S:3:5")


def test_an_emulator_that_is_not_there(built):
    """It is missed before anything is built."""
    empty = built.root / "bin"
    empty.mkdir()
    built.change("message.S", "hello", "changed")
    for emulator, expected in (("qemu", "apt install qemu-system-x86"), ("bochs", "bochs")):
        arguments = ("run", "--boot", "kernel", "--emulator", emulator)
        assert_fails(built, 2, f"'{emulator}", expected, arguments=arguments, PATH=str(empty))


def test_a_truncated_object(built):
    made = built.run("asm", "entry.S", "-o", "entry.o")
    assert made.returncode == 0, made.stderr
    whole = (built.root / "entry.o").read_bytes()
    (built.root / "cut.o").write_bytes(whole[: len(whole) - 10])
    assert_fails(
        built,
        1,
        "cut.o: error: truncated",
        arguments=("link", "-T", "kernel.ld", "cut.o", "-o", "out.elf"),
    )
    assert not (built.root / "out.elf").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("asm", "missing.S"),
        ("link", "-T", "missing.ld", "entry.S"),
        ("link", "-T", "kernel.ld", "missing.o"),
        ("lint", "missing.elf"),
    ],
)
def test_a_file_that_is_not_there(built, arguments):
    assert_fails(built, 1, "missing.", "No such file or directory", arguments=arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("biuld",), "did you mean 'build'?"),
        (("build", "--profil", "x"), "--profile"),
        (("build", "--profile", "relaese"), "did you mean 'release'?"),
        (("build", "kernle"), "did you mean 'kernel'?"),
        (("asm", "entry.S", "--defsym", "X"), "NAME=VALUE"),
        (("run", "--cores", "0"), "'--cores'"),
        (("lint",), "at least one file"),
        (("lint", "--select", "NOPE", "kernel.ld"), "NOPE"),
    ],
)
def test_wrong_usage(built, arguments, expected):
    assert_fails(built, 2, expected, arguments=arguments)
