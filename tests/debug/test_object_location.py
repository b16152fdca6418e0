"""Relocatable objects are asked by section and offset; objdump and addr2line are asked too."""

from __future__ import annotations

import random
import re
import subprocess

import pytest

from orobuild.debug import object_location, object_text
from orobuild.debug.object_location import ObjectPlace
from orobuild.debug.placed_object import PlacedObject
from orobuild.elf import reader
from orobuild.elf.places import SourcePlaces
from orobuild.errors import InputError, UsageError

SOURCE = """\
extern int printf(const char *, ...);
extern int other(int);
static int counter;
int table[4] = {1, 2, 3, 4};
int *where = &table[2];
static inline int twice(int x) { return x * 2 + counter; }
__attribute__((noinline)) static int helper(int a)
{
    counter += a;
    return twice(a);
}
int pick(int n)
{
    switch (n) {
    case 0: return other(3);
    case 1: return 14;
    case 2: return helper(15);
    case 3: return 92;
    case 4: return printf("%d", counter);
    default: return n;
    }
}
int main(int argc, char **argv)
{
    printf("%s %d", argv[0], helper(argc));
    return other(table[argc]) + pick(argc);
}
"""

BUILDS = {
    "gcc": ("gcc", "-O2", "-g"),
    "dwarf4-sections-compressed": ("gcc", "-O1", "-gdwarf-4", "-ffunction-sections", "-gz=zlib"),
    "i386": ("clang", "-O1", "-g", "-m32", "-fno-pic"),
    "x32-large": ("gcc", "-O0", "-g", "-mcmodel=large", "-fpic"),
    "clang": ("clang", "-O2", "-g", "-ffunction-sections"),
}


@pytest.fixture(scope="module")
def objects(tool, tmp_path_factory):
    directory = tmp_path_factory.mktemp("objects")
    (directory / "pick.c").write_text(SOURCE)
    made = {}
    for name, (compiler, *flags) in BUILDS.items():
        made[name] = directory / f"{name}.o"
        command = [tool(compiler), *flags, "-c", "pick.c", "-o", made[name]]
        subprocess.run(command, cwd=directory, check=True)
    return made


def placed_of(path) -> PlacedObject:
    return PlacedObject(reader.read(path.read_bytes(), str(path)))


def ask(placed, *texts, **options):
    places = [object_location.parse(placed, text) for text in texts]
    sources = SourcePlaces(placed.program.elf)
    return object_location.locate(placed, places, places=sources, **options)


def disassembled(path, tool):
    """By section: (offset, bytes, relocations as (offset, text)) of objdump's instructions."""
    command = [tool("objdump"), "-drw", "--no-show-raw-insn", path]
    rows: dict[str, list[tuple[int, list[str]]]] = {}
    section = ""
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        if match := re.match(r"Disassembly of section (\S+):", line):
            section = match[1]
        elif match := re.match(r"\s*([0-9a-f]+):\t(.*)", line):
            relocations = re.findall(r"([0-9a-f]+): (R_\w+)\s+(\S+)", line)
            rows.setdefault(section, []).append((int(match[1], 16), relocations))
    return rows


@pytest.mark.parametrize("name", BUILDS)
def test_every_instruction_and_relocation_is_objdumps(objects, name, tool):
    placed = placed_of(objects[name])
    told = disassembled(objects[name], tool)
    assert sum(len(relocations) for rows in told.values() for _, relocations in rows) > 8
    for section, rows in told.items():
        (found,) = ask(placed, section, after=1000, with_references=False)
        ours = [
            (line.address, [re.fullmatch(r"(\w+): (R_\w+) (\S+)", one) for one in line.relocations])
            for line in found.found.instructions
        ]
        assert [at for at, _ in ours] == [at for at, _ in rows]
        for (at, relocations), (_, expected) in zip(ours, rows, strict=True):
            assert [match.groups() for match in relocations] == expected, (section, at)


@pytest.mark.parametrize("name", BUILDS)
def test_every_source_place_is_addr2lines(objects, name, tool):
    placed = placed_of(objects[name])
    choice = random.Random(8)
    for section in placed.code:
        offsets = sorted(choice.sample(range(section.sh_size), min(40, section.sh_size)))
        command = [tool("addr2line"), "-fi", "-j", section.name, "-e", objects[name]]
        said = subprocess.run(
            [*command, *(hex(offset) for offset in offsets)], capture_output=True, text=True
        ).stdout.splitlines()
        ours = []
        sources = SourcePlaces(placed.program.elf)
        asked = [ObjectPlace(section, offset) for offset in offsets]
        for one in object_location.locate(placed, asked, places=sources, with_references=False):
            for place in one.found.places:
                ours += [place.function, str(place)]
        expected = [re.sub(r" \(discriminator \d+\)", "", line) for line in said]
        # Padding belongs to no function; addr2line names the symbol before it.
        expected = ["" if not mine else told for mine, told in zip(ours, expected, strict=True)]
        assert ours == expected, section.name
        assert any(ours[::2])


def test_a_call_shows_its_relocation_and_a_function_who_calls_it(objects):
    placed = placed_of(objects["gcc"])
    (helper,) = ask(placed, "helper+1")
    assert {row.kind for row in helper.found.callers} >= {"call"}
    text = object_text.text(placed, helper, lambda text, role: text)
    assert "helper is called by" in text
    assert "R_X86_64_PC32 .bss-0x4" in text
    (pointer,) = ask(placed, "where")
    assert [str(one) for one in pointer.relocations] == ["R_X86_64_64 table+0x8"]
    assert pointer.found.data == bytes(8), "the file's bytes, not what a linker would make of them"
    (table,) = ask(placed, "table+8")
    assert [row.kind for row in table.found.referenced] == ["pointer"]


def test_nothing_is_called_that_only_lies_behind_an_unresolved_call(objects):
    """The field of a call to an undefined symbol is 0: taken literally it calls what follows."""
    placed = placed_of(objects["gcc"])
    for section in placed.code:
        asked = [ObjectPlace(section, offset) for offset in range(section.sh_size)]
        sources = SourcePlaces(placed.program.elf)
        for one in object_location.locate(placed, asked, places=sources):
            for reference in one.found.referenced:
                if reference.kind == "call":
                    assert one.found.name in ("helper", "pick")


def test_what_is_outside_of_its_section_is_said_to_be(objects):
    placed = placed_of(objects["gcc"])
    before, behind = ask(placed, ".text-1", ".text+0x100000")
    assert before.found is None
    assert behind.found is None
    assert "bytes" in object_text.text(placed, behind, lambda text, role: text)
    assert object_text.as_object(placed, behind)["found"] is False


def test_a_bare_number_is_refused_where_it_could_be_two_places(objects):
    with pytest.raises(UsageError, match=r"sections with code"):
        object_location.parse(placed_of(objects["clang"]), "0x10")
    placed = placed_of(objects["x32-large"])
    (text,) = [s for s in placed.code if s.name == ".text"]
    if len(placed.code) == 1:
        assert object_location.parse(placed, "0x10") == ObjectPlace(text, 0x10)
    loaded = object_location.parse(placed, "ffffffffc0001234", base=0xFFFFFFFFC0001000)
    assert loaded == ObjectPlace(text, 0x234)


def test_an_undefined_symbol_is_said_to_be_that(objects):
    with pytest.raises(UsageError, match=r"'printf' is used in .*, and defined elsewhere"):
        object_location.parse(placed_of(objects["gcc"]), "printf+4")


def test_names_that_are_several_things_are_refused_with_their_places(tmp_path, tool):
    source = tmp_path / "twice.s"
    source.write_text(
        '.section .text.a,"axG",@progbits,a,comdat\na: nop\nlocal: nop\n'
        '.section .text.b,"ax"\nlocal2: nop\n'
    )
    one, two, both = (tmp_path / name for name in ("one.o", "two.o", "both.o"))
    subprocess.run([tool("as"), source, "-o", one], check=True)
    source.write_text('.section .text.c,"ax"\nnop\nlocal: nop\n')
    subprocess.run([tool("as"), source, "-o", two], check=True)
    subprocess.run([tool("ld"), "-r", one, two, "-o", both], check=True)
    placed = placed_of(both)
    with pytest.raises(UsageError, match="'local' is 2 things") as caught:
        object_location.parse(placed, "local")
    hinted = re.findall(r"\[\d+\]\+0x1", str(caught.value.diagnostics))
    assert len(hinted) == 2
    assert [object_location.parse(placed, text).offset for text in hinted] == [1, 1]


@pytest.mark.full
def test_more_sections_than_sixteen_bits_can_count(tmp_path, tool):
    lines = [f'.section .text.f{n},"ax"\n.globl f{n}\nf{n}: call f{n // 2}\n' for n in range(33000)]
    source = tmp_path / "many.s"
    source.write_text("".join(lines))
    made = tmp_path / "many.o"
    subprocess.run([tool("as"), source, "-o", made], check=True)
    placed = placed_of(made)
    assert len(placed.elf.sections) > 0xFFFF
    first, last = ask(placed, "f3", "f32999", with_references=False)
    assert (first.found.name, last.found.name) == ("f3", "f32999")
    assert last.place.section.name == ".text.f32999"
    assert last.found.instructions[0].relocations == ("1: R_X86_64_PLT32 f16499-0x4",)


@pytest.mark.parametrize("name", ["gcc", "dwarf4-sections-compressed", "i386"])
def test_damaged_objects_are_refused_or_answered(objects, name):
    good = objects[name].read_bytes()
    choice = random.Random(5)
    for _ in range(60):
        broken = bytearray(good)
        for _ in range(choice.randrange(1, 9)):
            broken[choice.randrange(len(broken))] = choice.choice((0, 1, 0x7F, 0x80, 0xFF))
        try:
            placed = PlacedObject(reader.read(bytes(broken), "broken.o"))
            for one in ask(placed, *[f"[{s.index}]+1" for s in placed.program.sections]):
                object_text.text(placed, one, lambda text, role: text)
                object_text.as_object(placed, one)
        except (InputError, UsageError):
            continue
