"""Control flow is followed where it goes, and nowhere else."""

from __future__ import annotations

import subprocess

import pytest

from lint.building import assemble, link
from orobuild.elf import reader
from orobuild.lint import LintConfig
from orobuild.lint.config import CodeRange
from orobuild.lint.program import Program


def program(
    text: str, *arguments: str, script: str = "", config: LintConfig | None = None
) -> Program:
    arguments = arguments or ("-z", "separate-code")
    data = link({"o": assemble(text, "--64")}, *arguments, script=script)
    return Program(reader.read(data, "k"), config or LintConfig())


def reached(model: Program, *, certain: bool = True) -> set[int]:
    return {
        instruction.ip
        for _, decoder in model.flow.instructions(certain=certain)
        for instruction in decoder
    }


def names_reached(model: Program) -> set[str]:
    addresses = reached(model)
    return {s.name for s in model.symbols if s.address in addresses}


def test_both_sides_of_a_conditional_branch_are_followed():
    model = program(
        """
        .globl _start
        _start: je taken
        fallen: jmp end
        never: nop
        taken: nop
        end: ret
        """
    )
    assert names_reached(model) == {"_start", "fallen", "taken", "end"}


@pytest.mark.parametrize(
    ("instruction", "goes_on"),
    [
        ("call other", True),
        ("int $0x80", True),
        ("hlt", True),
        ("call *%rax", True),
        ("syscall", True),
        ("jmp other", False),
        ("jmp *%rax", False),
        ("ret", False),
        ("iretq", False),
        ("sysretq", False),
        ("lretq", False),
        ("ud2", False),
    ],
)
def test_control_goes_on_behind_an_instruction_exactly_if_it_can(instruction, goes_on):
    model = program(
        f"""
        .globl _start
        _start: {instruction}
        behind: ret
        other: ret
        """
    )
    assert ("behind" in names_reached(model)) is goes_on


def test_code_of_three_widths_is_decoded_at_its_own():
    text = """
        .globl _start, protected, real
        _start: jmp _start
        .code32
        protected: mov $0x12345678, %eax
        jmp protected
        .code16
        real: mov $0x1234, %ax
        jmp real
        last:
        """
    config = LintConfig(code=(CodeRange("protected..real", 32), CodeRange("real..last", 16)))
    model = program(text.replace(".globl _start, protected, real", ".globl _start"), config=config)
    assert [(r.width, r.declared) for r in model.regions] == [(64, True), (32, True), (16, True)]


def test_a_range_that_touches_its_neighbour_of_the_same_width_is_one_region():
    text = ".globl _start\n_start: nop\na: nop\nb: nop\nc: ret\nd:"
    config = LintConfig(
        code=(CodeRange("a..b", 32), CodeRange("b..c", 32), CodeRange("_start..a", 64))
    )
    assert [(r.width, len(r.data)) for r in program(text, config=config).regions] == [
        (64, 1),
        (32, 2),
        (64, 1),
    ]


CODE_SECTION = """
        .globl _start
_start: jmp _start
        .code16
real:   mov $0x1234, %ax
        jmp real
end:
        .section .oro.code, "", @progbits
        .quad real, end - real
        .long 16, 0
        .quad 0, 0
        .long 64, 0
"""


def test_widths_are_read_from_the_section_that_our_assembler_writes():
    model = program(CODE_SECTION)
    real = model.symbols.by_name["real"].address
    assert (real, real + 5, 16) in model.widths
    assert [r.width for r in model.regions] == [64, 16]


def test_the_configuration_has_the_last_word_on_a_width():
    model = program(CODE_SECTION, config=LintConfig(code=(CodeRange("real..end", 32),)))
    assert [r.width for r in model.regions] == [64, 32]


def test_control_falls_from_code_of_one_width_into_another():
    config = LintConfig(code=(CodeRange("wide..end", 64), CodeRange("_start..wide", 32)))
    model = program(".globl _start\n_start: nop\nwide: mov %rax, %r8\nend: ret", config=config)
    assert names_reached(model) == {"_start", "wide", "end"}


SWITCH = """
volatile int sink;
__attribute__((noinline)) int f(int i) {
    switch (i) {
    case 0: sink = 17; break;
    case 1: sink *= 3; break;
    case 2: sink ^= 99; break;
    case 3: sink -= 4; break;
    case 4: sink <<= 5; break;
    case 5: sink = -sink; break;
    case 6: sink %= 71; break;
    case 7: sink |= 64; break;
    }
    return sink;
}
void _start(void) { for (;;) sink = f(sink); }
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O1", "-O2"])
@pytest.mark.parametrize("model_flag", ["-fno-pic", "-fpie", "-mcmodel=kernel"])
def test_every_case_behind_a_compilers_jump_table_is_reached(compiler, level, model_flag, tmp_path):
    source, output = tmp_path / "k.c", tmp_path / "k.o"
    source.write_text(SWITCH)
    flags = [level, *model_flag.split(), "-ffreestanding", "-fcf-protection=none"]
    flags += ["-fno-asynchronous-unwind-tables", "-fno-tree-switch-conversion"]
    flags = [f for f in flags if compiler == "gcc" or f != "-fno-tree-switch-conversion"]
    if model_flag == "-mcmodel=kernel":
        flags.append("-fno-pic")
    done = subprocess.run(
        [compiler, *flags, "-c", str(source), "-o", str(output)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    base = "0xffffffff80100000" if model_flag == "-mcmodel=kernel" else "0x401000"
    data = link({"k.o": output.read_bytes()}, f"-Ttext={base}", "-z", "separate-code")
    model = Program(reader.read(data, "k"), LintConfig())
    image = tmp_path / "k.elf"
    image.write_bytes(data)
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "--disassemble=f", str(image)],
        capture_output=True,
        text=True,
    ).stdout
    expected = {
        int(line.split(":")[0], 16)
        for line in listing.splitlines()
        if ":\t" in line and not any(pad in line for pad in ("nop", "xchg   %ax,%ax", "data16"))
    }
    assert expected
    assert expected <= reached(model)


def test_a_pvh_and_a_multiboot2_entry_are_32_bit_roots_at_their_physical_addresses():
    text = """
        .section .boot, "a"
        .balign 8
        header: .long 0xe85250d6, 0, header_end - header
        .long -(0xe85250d6 + (header_end - header))
        .short 3, 0
        .long 12, entry_phys, 0
        .short 0, 0
        .long 8
        header_end:
        .section .note.Xen, "a", @note
        .long 4, 4, 18
        .asciz "Xen"
        .long pvh_phys
        .text
        .code32
        .globl entry, pvh
        entry: inc %eax
        hlt
        1: jmp 1b
        pvh: inc %ecx
        jmp entry
        .code64
        .globl _start
        _start: ret
        """
    script = """
        ENTRY(_start)
        BASE = 0xffffffff80000000;
        PHDRS { r PT_LOAD FLAGS(4); x PT_LOAD FLAGS(5); n PT_NOTE FLAGS(4); }
        SECTIONS {
          . = BASE + 0x100000;
          .boot : AT(ADDR(.boot) - BASE) { *(.boot) } :r
          .note : { *(.note.Xen) } :r :n
          .text : ALIGN(4096) { *(.text) } :x
          entry_phys = entry - BASE;
          pvh_phys = pvh - BASE;
        }
        """
    model = program(text, "-z", "max-page-size=4096", script=script)
    assert {(b.protocol, b.width) for b in model.boot_entries} == {
        ("Multiboot2 entry", 32),
        ("PVH entry", 32),
    }
    widths = {model.flow.regions[r[0]].width for r in model.flow.runs[: model.flow.certain_runs]}
    assert widths == {32}  # nothing says what _start is
    names = names_reached(model)
    assert {"entry", "pvh"} <= names
    assert "_start" not in names


def test_functions_of_a_stripped_image_come_from_its_unwind_table(tmp_path):
    source = tmp_path / "k.c"
    source.write_text(
        "static int g(int x){return x*x;} int(*h)(int)=g; void _start(void){for(;;);}"
    )
    output = tmp_path / "k"
    command = ["gcc", "-nostdlib", "-static", "-O1", "-Wl,--eh-frame-hdr", "-o", str(output)]
    subprocess.run([*command, str(source)], check=True)
    full = Program(reader.read(output.read_bytes(), "k"), LintConfig())
    expected = {(address, size) for address, size in full.functions if size}
    subprocess.run(["strip", str(output)], check=True)
    stripped = Program(reader.read(output.read_bytes(), "k"), LintConfig())
    assert stripped.elf.symbol_table is None
    assert set(stripped.functions) == expected
