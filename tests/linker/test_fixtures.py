"""Links whose expectations stand in the fixture itself.

A fixture is one file of parts, each begun by `//--- name`; `.ld` parts are scripts, `.s` and `.c`
parts are assembled and compiled. Lines `//#Key: value` before the first part say what must happen:

- `ExpectError: text`     our strict link fails, and its message contains the text (repeatable)
- `ExpectLd: accepts`     GNU ld, with fatal warnings, links it all the same
- `ExpectSegment: line`   `TYPE FLAGS vaddr memsz` as our image has it (repeatable, in order)
- `ExpectSym: line`       `name address` or `name section+offset`
- `ExpectSame: yes`       GNU ld's image is the same
- `Options: k=v …`        fields of LinkOptions
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from linker.linking import assemble, compile_c, differences, gnu_link, our_link
from orobuild.elf import constants as c
from orobuild.elf.descriptions import PT, segment_flags
from orobuild.elf.reader import ElfFile
from orobuild.errors import InputError
from orobuild.linker import LinkOptions

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.txt"))


@dataclass
class Fixture:
    expectations: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    def expected(self, key: str) -> list[str]:
        return self.expectations.get(key, [])


def load(path: Path) -> Fixture:
    fixture = Fixture()
    name = None
    for line in path.read_text().splitlines():
        if line.startswith("//--- "):
            name = line[6:].strip()
            fixture.parts[name] = ""
        elif name is not None:
            fixture.parts[name] += line + "\n"
        elif match := re.fullmatch(r"//#(\w+): ?(.*)", line):
            fixture.expectations.setdefault(match[1], []).append(match[2])
    known = {"ExpectError", "ExpectLd", "ExpectSegment", "ExpectSym", "ExpectSame", "Options"}
    assert set(fixture.expectations) <= known, "unknown key in the fixture"
    assert fixture.expectations, "the fixture expects nothing"
    return fixture


def build(fixture: Fixture, directory: Path) -> tuple[str, str, list[Path]]:
    """The script's name and text, and the objects."""
    objects = []
    script = ("", "")
    for name, text in fixture.parts.items():
        target = directory / Path(name).with_suffix(".o")
        if name.endswith(".s"):
            objects.append(assemble(text, target))
        elif name.endswith(".c"):
            flags = ("-O1", "-ffreestanding", "-fno-pic", "-mcmodel=kernel", "-mno-red-zone")
            objects.append(compile_c(text, target, *flags))
        elif not script[0]:
            script = (name, text)
            (directory / name).write_text(text)
        else:
            (directory / name).write_text(text)
    return *script, objects


def options(fixture: Fixture) -> LinkOptions:
    values: dict[str, Any] = {}
    for word in " ".join(fixture.expected("Options")).split():
        key, _, value = word.partition("=")
        values[key] = {"yes": True, "no": False}.get(value, value)
    return LinkOptions(**values)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixture(path: Path, tmp_path: Path) -> None:
    fixture = load(path)
    name, script, objects = build(fixture, tmp_path)
    if fixture.expected("ExpectLd"):
        assert fixture.expected("ExpectLd") == ["accepts"]
        image, result = gnu_link(script, objects, "--fatal-warnings", "--no-warn-rwx-segments")
        assert image is not None, result.stderr
    if fixture.expected("ExpectError"):
        with pytest.raises(InputError) as caught:
            our_link(script, objects, options(fixture), name)
        for text in fixture.expected("ExpectError"):
            assert text in str(caught.value)
        return
    elf = our_link(script, objects, options(fixture), name).elf
    assert elf is not None
    if fixture.expected("ExpectSegment"):
        assert [show_segment(elf, i) for i in range(len(elf.segments))] == [
            " ".join(line.split()) for line in fixture.expected("ExpectSegment")
        ]
    for line in fixture.expected("ExpectSym"):
        symbol, place = line.split()
        assert show_symbol(elf, symbol, place) == place
    if fixture.expected("ExpectSame"):
        assert differences(script, objects) == []


def show_segment(elf: ElfFile, index: int) -> str:
    segment = elf.segments[index]
    flags = segment_flags(segment.p_flags)
    return f"{PT[segment.p_type][3:]} {flags} {segment.p_vaddr:#x} {segment.p_memsz:#x}"


def show_symbol(elf: ElfFile, name: str, like: str) -> str:
    (symbol,) = [s for s in elf.symbols if s.name == name]
    if like.startswith("0x"):
        return f"{symbol.st_value:#x}"
    if symbol.st_shndx in (c.SHN_ABS, c.SHN_UNDEF):
        return "*ABS*" if symbol.st_shndx == c.SHN_ABS else "*UND*"
    section = elf.sections[symbol.st_shndx]
    return f"{section.name}+{symbol.st_value - section.sh_addr:#x}"
