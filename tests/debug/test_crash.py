"""A panic beside its image: what denied the access, whether the image asked for it, which rule."""

from __future__ import annotations

import random
import subprocess

import pytest

from debug.conftest import program_of
from orobuild.debug import crash, crash_text, logs
from orobuild.debug.denial import denial
from orobuild.debug.exceptions import describe
from orobuild.debug.page_tables import Entry
from orobuild.elf.places import SourcePlaces
from orobuild.machine.console import read_console

SOURCE = """\
    .section .text,"ax"
    .globl start
    .type start, @function
start:
    call stub
    jmp *table
    movl $1, constant
    movups %xmm0, (%rax)
    movq %gs:8, %rax
    rep stosb
    iretq
    .size start, . - start
    .section .rodata,"a"
    .type stub, @function
stub:
    cld
    .size stub, . - stub
    .type handler, @function
handler:
    cld
    .size handler, . - handler
    .type nobody, @function
nobody:
    nop
    .size nobody, . - nobody
    .balign 8
table:
    .quad handler
constant:
    .quad 1
"""
SCRIPT = """\
SECTIONS
{
    . = 0xffffffff80100000;
    .text : { *(.text) }
    . = ALIGN(0x1000);
    .rodata : { *(.rodata) }
}
"""
START = 0xFFFFFFFF80100000
PRESENT, WRITE, USER, NX = 1, 2, 4, 1 << 63


@pytest.fixture(scope="module")
def program(tool, tmp_path_factory):
    directory = tmp_path_factory.mktemp("crash")
    (directory / "a.s").write_text(SOURCE)
    (directory / "a.ld").write_text(SCRIPT)
    subprocess.run([tool("as"), "-g", "a.s", "-o", "a.o"], cwd=directory, check=True)
    command = [tool("ld"), "-e", "start", "-T", "a.ld", "a.o", "-o", "a.elf"]
    subprocess.run(command, cwd=directory, check=True)
    return program_of(directory / "a.elf")


def panic_text(program, *, rip, error=0, vector=14, cr2=None, walk=None, more=""):
    """A panic block as a kernel prints it; `rip` and `cr2` are addresses or symbols."""
    names = program.symbols.by_name

    def number(place):
        return names[place].address if isinstance(place, str) else place

    lines = [
        "oro: panic-begin",
        "oro: reason=exception core=1 apic=1",
        f"oro: vector={vector} name=x error={error:#x} rip={number(rip):#x} cr2={number(cr2 or 0):#x}",
        *(f"oro: walk={name} entry={entry:#x}" for name, entry in walk or ()),
        *more.splitlines(),
        "oro: panic-end",
    ]
    return "\n".join(lines)


def understand(program, text):
    panics = read_console(logs.clean(text)).panics
    assert len(panics) == 1
    return crash.understand(panics[0], program, SourcePlaces(program.elf))


def walk(last):
    table = PRESENT | WRITE | 0x1000
    return [("pml4e", table), ("pdpte", table), ("pde", table), ("pte", last)]


@pytest.mark.parametrize(
    ("symbol", "rule", "why"),
    [
        ("stub", "SEG001", "the call at start in .text goes there"),
        ("handler", "SEG015", "the table at table in .rodata names it"),
        ("nobody", "SEG017", "nobody in .rodata is in no executable segment"),
    ],
)
def test_a_fetch_from_read_only_data_names_the_rule_and_the_way_there(program, symbol, rule, why):
    text = panic_text(
        program, rip=symbol, cr2=symbol, error=0x11, walk=walk(PRESENT | NX | 0x101000)
    )
    found = understand(program, text)
    assert (found.denied.flag, found.denied.level.name) == ("nx", "pte")
    assert found.agreement.startswith("the image asks for that: .rodata")
    assert [(suspect.rule, suspect.why) for suspect in found.suspects[:1]] == [(rule, why)]


def test_a_page_with_other_permissions_than_the_image_is_told_apart(program):
    text = panic_text(
        program, rip="start", cr2="start", error=0x11, walk=walk(PRESENT | NX | 0x100000)
    )
    found = understand(program, text)
    assert "mapped R, but the image asks for RX" in found.agreement
    assert found.suspects[0].rule == "SEG008"


def test_a_write_to_a_constant_is_the_segments_doing(program):
    text = panic_text(
        program, rip=START + 12, cr2="constant", error=3, walk=walk(PRESENT | NX | 0x101000)
    )
    found = understand(program, text)
    assert found.denied.flag == "write"
    assert found.suspects[0].rule == "SEG007"
    assert found.at.instruction.text.startswith("movl $1")


def at_instruction(program, text):
    """The address of the first instruction of `start` that is written like that."""
    from orobuild.debug import disassembly

    lines = disassembly.around(program, START, before=0, after=20)
    return next(line.address for line in lines if text in line.text)


@pytest.mark.parametrize(
    ("instruction", "vector", "more", "rule"),
    [
        ("movups", 6, "", "FLG002"),
        ("movups", 7, "", "FLG002"),
        ("gs:8", 14, "oro: gs_base=0x0", "IDT005"),
        ("stos", 14, "oro: rflags=0x10402", "IDT004"),
        ("iret", 13, "", "IDT006"),
    ],
)
def test_the_faulting_instruction_points_to_a_rule(program, instruction, vector, more, rule):
    text = panic_text(program, rip=at_instruction(program, instruction), vector=vector, more=more)
    assert rule in [suspect.rule for suspect in understand(program, text).suspects]


@pytest.mark.parametrize(
    ("instruction", "vector", "more"),
    [("gs:8", 14, "oro: gs_base=0xffffffff80174770"), ("stos", 14, "oro: rflags=0x10002")],
)
def test_the_same_instruction_with_good_registers_points_to_none(
    program, instruction, vector, more
):
    text = panic_text(program, rip=at_instruction(program, instruction), vector=vector, more=more)
    assert understand(program, text).suspects == ()


@pytest.mark.parametrize(
    ("entry", "error", "flag"),
    [
        (0, 0, "present"),
        (PRESENT, 4, "user"),
        (PRESENT | USER, 0x3, "write"),
        (PRESENT | USER | NX, 0x15, "nx"),
        (PRESENT | USER | WRITE, 0x11, "smep"),
        (PRESENT | USER | WRITE, 0x1, "smap"),
        (PRESENT | USER | WRITE, 0x9, "reserved"),
        (PRESENT | USER | WRITE, 0x25, "protection-key"),
    ],
)
def test_the_flag_that_denied_is_found_by_the_rules_of_the_manual(entry, error, flag):
    table = Entry("pde", PRESENT | WRITE | USER)
    assert denial([table, Entry("pte", entry)], error).flag == flag


def test_error_codes_are_sentences():
    assert "entry 5 of the IDT" in describe(13, 5 << 3 | 2).meaning
    assert "ring 3 wrote to 0x1000, a page that is not mapped" in (
        describe(14, 6, {"cr2": 0x1000}).meaning
    )
    assert describe(200, 0).name == "vector 200"


def test_return_addresses_are_looked_up_in_the_call_before_them(program):
    more = f"oro: backtrace=0 address={START + 5:#x} symbol=start+0x5/0x30"
    found = understand(program, panic_text(program, rip="nobody", more=more))
    assert found.backtrace[0].is_return
    assert str(found.backtrace[0].location.places[0]).endswith("a.s:5")
    assert not found.doubts
    text = crash_text.text(program, found, lambda words, _role: words)
    assert "start+0x5  " in text


def test_a_name_that_the_image_does_not_have_is_a_doubt(program):
    more = f"oro: backtrace=0 address={START + 5:#x} symbol=other+0x5"
    found = understand(program, panic_text(program, rip="nobody", more=more))
    assert "of another build" in found.doubts[0]


def test_other_cores_say_what_they_did(program):
    more = (
        f'oro: stopped=yes index=0 core_apic=4 program="" doing=idle at={START:#x}\n'
        f"oro: stopped_backtrace=0 address={START + 5:#x}\n"
        'oro: stopped=no index=2 core_apic=8 program="hog"'
    )
    first, second = understand(program, panic_text(program, rip="start", more=more)).cores
    assert (first.index, first.doing, first.location.name) == (0, "idle", "start")
    assert len(first.backtrace) == 1
    assert (second.index, second.stopped, second.program) == (2, False, "hog")


def test_logs_are_read_through_stamps_colours_and_quotes(program):
    text = panic_text(program, rip="start", cr2=0x10, walk=[("pml4e", 0)])
    plain = understand(program, text)
    for form in ("[   12.345678] {}", "> {}", "\x1b[2m{}\x1b[0m", "12:01:02 ttyS0: {}", "{}\r"):
        dressed = "\n".join(form.format(line) for line in text.splitlines())
        found = understand(program, dressed)
        assert (found.at, found.denied, found.complete) == (plain.at, plain.denied, True), form


def test_every_prefix_of_a_log_says_what_it_can(program):
    text = panic_text(
        program,
        rip="stub",
        cr2="stub",
        error=0x11,
        walk=walk(PRESENT | NX),
        more=f"oro: backtrace=0 address={START + 5:#x} symbol=start+0x5\noro: stopped=yes index=0",
    )
    places = SourcePlaces(program.elf)
    for end in range(len("oro: panic-begin\n"), len(text), 3):
        for panic in read_console(logs.clean(text[:end])).panics:
            found = crash.understand(panic, program, places)
            assert crash_text.text(program, found, lambda words, _role: words)
            assert crash_text.as_object(program, found)["complete"] is found.complete


def test_garbled_logs_never_raise(program):
    text = panic_text(program, rip="stub", cr2="stub", error=0x11, walk=walk(PRESENT | NX))
    choice = random.Random(3)
    places = SourcePlaces(program.elf)
    for _ in range(150):
        letters = list(text)
        for _ in range(choice.randrange(1, 12)):
            letters[choice.randrange(20, len(letters))] = chr(choice.randrange(1, 300))
        for panic in read_console(logs.clean("".join(letters))).panics:
            found = crash.understand(panic, program, places)
            crash_text.text(program, found, lambda words, _role: words)


def test_addresses_in_a_foreign_log_are_named(program):
    log = f"BUG: at [<{START + 5:x}>] after 0x{START:x}, 12345 and deadbeef\nnothing here"
    (line,) = logs.annotate(log.splitlines(), program, SourcePlaces(program.elf))
    assert [location.name for location in line.locations] == ["start+0x5", "start"]
