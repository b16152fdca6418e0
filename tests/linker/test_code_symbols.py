"""`.oro.symbols` against the symbol table: a reader written from docs/code-symbols.md finds each name."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from linker.linking import assemble, check, compile_c, our_link
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.linker import LinkOptions
from orobuild.linker.code_symbols import NAMES_PER_BLOCK, pack_names

SCRIPT = """
SECTIONS
{
    . = 0xffffffff80100000;
    .text : { *(.text .text.*) }
    .rodata : { *(.rodata .rodata.*) . = ALIGN(8); table = .; *(.oro.symbols) table_end = .; }
    .data : { *(.data .data.*) }
    .bss : { *(.bss .bss.*) *(COMMON) }
    /DISCARD/ : { *(.comment .note.* .eh_frame) }
}
"""
WITH = LinkOptions(strict=False, orphan_handling="place", code_symbols=True)


@dataclass(frozen=True)
class Table:
    """The table as the documentation describes it; addresses are absolute again."""

    entries: tuple[tuple[int, int, str], ...]

    def find(self, address: int) -> str | None:
        below = [entry for entry in self.entries if entry[0] <= address]
        if not below:
            return None
        start, size, name = next(e for e in below if e[0] == below[-1][0])
        return name if not size or address < start + size else None


def read_names(data: bytes, count: int, blocks: int) -> list[str]:
    names: list[bytes] = []
    for number in range(count):
        if number % 16 == 0:
            (at,) = struct.unpack_from("<I", data, blocks + number // 16 * 4)
            name = b""
        end = data.index(b"\0", at + 1)
        name = name[: data[at]] + data[at + 1 : end]
        names.append(name)
        at = end + 1
    return [name.decode() for name in names]


def read_table(data: bytes, base: int) -> Table:
    magic, count, names, blocks = struct.unpack_from("<4sIII", data)
    assert magic == b"OSY1"
    text = read_names(data, names, blocks)
    entries = []
    for number in range(count):
        address, size, name = struct.unpack_from("<iII", data, 16 + 12 * number)
        entries.append(((base + address) % 2**64, size, text[name]))
    assert [e[0] - base for e in entries] == sorted(e[0] - base for e in entries)
    return Table(tuple(entries))


def table_of(image: bytes) -> Table:
    elf = read(image, "image")
    values = {symbol.name: symbol.st_value for symbol in elf.symbols}
    start, end = values["table"], values["table_end"]
    assert start % 8 == 0
    for segment in elf.segments:
        if segment.p_vaddr <= start < segment.p_vaddr + segment.p_filesz:
            offset = start - segment.p_vaddr
            return read_table(
                bytes(elf.segment_data(segment))[offset : offset + end - start], start
            )
    raise AssertionError("the table is in no segment")


def code_of(image: bytes, tmp_path: Path) -> dict[int, set[str]]:
    """What nm says is code, by address."""
    (tmp_path / "image").write_bytes(image)
    found: dict[int, set[str]] = {}
    for line in check("nm", "-n", tmp_path / "image").splitlines():
        address, kind, name = line.split(maxsplit=2)
        if kind in "tTwWi" and not name.startswith("."):
            found.setdefault(int(address, 16), set()).add(name)
    return found


def linked(objects: list[Path], script: str = SCRIPT, **options: object) -> bytes:
    from dataclasses import replace

    return our_link(script, objects, replace(WITH, **options)).data  # type: ignore[arg-type]


@pytest.fixture
def program(tmp_path: Path) -> list[Path]:
    c = """
    static int __attribute__((noinline)) helper(int x) { return x * 3; }
    int alias_target(int x) { return helper(x) + 1; }
    int other_name(int x) __attribute__((alias("alias_target")));
    int __attribute__((weak)) overridden(void) { return 1; }
    int dead(void) { return 2; }
    int data = 5;
    """
    asm = """
    .section .text.entry,"ax",@progbits
    .globl _start
_start:
    call alias_target
    call overridden
inner:
    ret
.Lhidden:
    nop
    .section .text.strong,"ax",@progbits
    .globl overridden
    .type overridden, @function
overridden:
    ret
    .size overridden, . - overridden
    .balign 64
    """
    return [
        compile_c(c, tmp_path / "c.o", "-O1", "-fno-pie", "-ffunction-sections"),
        assemble(asm, tmp_path / "a.o"),
    ]


def test_every_name_of_the_code_is_in_the_table(program: list[Path], tmp_path: Path) -> None:
    image = linked(program)
    table = table_of(image)
    named: dict[int, set[str]] = {}
    for address, _, name in table.entries:
        named.setdefault(address, set()).add(name)
    assert named == code_of(image, tmp_path)
    assert {"helper", "other_name", "inner", "_start"} <= set().union(*named.values())
    assert "data" not in set().union(*named.values())


def test_look_ups_find_the_function_and_no_padding(program: list[Path], tmp_path: Path) -> None:
    image = linked(program)
    table = table_of(image)
    addresses = {s.name: (s.st_value, s.st_size) for s in read(image, "image").symbols}
    start, size = addresses["alias_target"]
    assert size > 1
    assert table.find(start) == table.find(start + size - 1) == "alias_target"
    start, size = addresses["overridden"]
    assert (size, table.find(start), table.find(start + 1)) == (1, "overridden", None)
    assert table.find(addresses["inner"][0] + 1) == "inner"
    assert table.find(0x1000) is None


def test_a_function_comes_before_a_label_and_a_global_before_a_local(tmp_path: Path) -> None:
    text = """
    .globl _start, b_global
    .type a_local, @function
    .type b_global, @function
a_label: a_local: b_global: _start: ret
    """
    entries = table_of(linked([assemble(text, tmp_path / "a.o")])).entries
    assert [name for _, _, name in entries] == ["b_global", "a_local", "_start", "a_label"]


def test_what_garbage_collection_drops_has_no_name(program: list[Path]) -> None:
    names = {
        name for _, _, name in table_of(linked(program, gc_sections=True, entry="_start")).entries
    }
    assert "alias_target" in names
    assert "dead" not in names


def test_stripping_leaves_the_table(program: list[Path]) -> None:
    data = our_link(SCRIPT, program, WITH).data
    stripped = linked(program, strip="all")
    elf = read(data, "image")
    (section,) = [s for s in elf.sections if s.name == ".rodata"]
    (kept,) = [s for s in read(stripped, "stripped").sections if s.name == ".rodata"]
    assert bytes(elf.section_data(section)) == bytes(read(stripped, "s").section_data(kept))


def test_it_is_relative_to_itself_wherever_the_image_lies(program: list[Path]) -> None:
    low = table_of(linked(program, SCRIPT.replace("0xffffffff80100000", "0x100000")))
    high = table_of(linked(program))
    difference = 0xFFFFFFFF80100000 - 0x100000
    assert [(a + difference, s, n) for a, s, n in low.entries] == list(high.entries)


def test_code_that_is_too_far_away_is_left_out(tmp_path: Path) -> None:
    text = """
    .section .boot,"ax",@progbits
boot_code: ret
    .text
    .globl _start
_start: ret
    """
    script = SCRIPT.replace(
        "    . = 0xffffffff80100000;",
        "    . = 0x100000; .boot : { *(.boot) } . = 0xffff800000200000;",
    )
    table = table_of(linked([assemble(text, tmp_path / "a.o")], script))
    assert [name for _, _, name in table.entries] == ["_start"]


def test_no_code_is_an_empty_table(tmp_path: Path) -> None:
    objects = [assemble(".data\n.globl _start\n_start: .long 1\n", tmp_path / "a.o")]
    assert table_of(linked(objects)).entries == ()


def test_nothing_is_made_unless_it_is_wanted(program: list[Path]) -> None:
    elf = read(linked(program, code_symbols=False), "image")
    values = {symbol.name: symbol.st_value for symbol in elf.symbols}
    assert values["table"] == values["table_end"]


def test_a_script_without_a_place_for_it_is_told_which_rule_to_add(program: list[Path]) -> None:
    script = SCRIPT.replace("*(.oro.symbols)", "")
    with pytest.raises(InputError) as caught:
        linked(program, script, orphan_handling="error")
    (found,) = caught.value.diagnostics
    assert ".oro.symbols" in found.message
    assert "*(.oro.symbols)" in (found.hint or "")


def test_names_of_every_kind_come_back(tmp_path: Path) -> None:
    """Long ones, ones that share 300 bytes, more than a block; against the reader above."""
    random.seed(7)
    names = {f"{'s' * 300}{i}".encode() for i in range(5)} | {b"x" * 70000, "größe".encode()}
    for _ in range(200):
        stem = random.choice(["process_", "_ZN4core3fmt9", "", "frame"])
        names.add(f"{stem}{random.randrange(1 << random.randrange(1, 60)):x}".encode())
    for count in (0, 1, NAMES_PER_BLOCK, NAMES_PER_BLOCK + 1, len(names)):
        some = sorted(names)[:count]
        data = b"HEAD" + pack_names(some, 4)
        assert [n.encode() for n in read_names(data, count, 4)] == some


def test_the_same_link_gives_the_same_bytes(program: list[Path]) -> None:
    assert linked(program) == linked(program)


def test_the_command_makes_it_too(program: list[Path], tmp_path: Path) -> None:
    import sys

    (tmp_path / "s.ld").write_text(SCRIPT)
    command = [sys.executable, "-m", "orobuild", "link", "--code-symbols", "-T", "s.ld"]
    check(*command, "-o", "out.elf", *(p.name for p in program), cwd=tmp_path)
    assert table_of((tmp_path / "out.elf").read_bytes()).find(0xFFFFFFFF80100000) is not None
