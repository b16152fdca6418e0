"""Source places are addr2line's, inlined functions included, for every version of DWARF."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from debug.conftest import code_addresses, program_of
from orobuild.elf import reader
from orobuild.elf.places import SourcePlaces

FULL = pytest.mark.full


def addr2line(tool, path, addresses) -> list[list[tuple[str, str]]]:
    """(function, file:line) of each address, innermost first."""
    command = [tool("addr2line"), "-i", "-f", "-a", "-e", str(path), *map(hex, addresses)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for block in re.split(r"^0x[0-9a-f]+\n", printed, flags=re.MULTILINE)[1:]:
        lines = block.splitlines()
        places = [re.sub(r" \(discriminator.*", "", line) for line in lines[1::2]]
        normal = [os.path.normpath(place) for place in places]
        found.append(list(zip(lines[::2], normal, strict=True)))
    return found


def ours(path, addresses):
    places = SourcePlaces(reader.read(path.read_bytes(), str(path)))
    found = [
        [(place.linkage_name or place.function, str(place)) for place in places.at(address)]
        for address in addresses
    ]
    assert not places.problems
    return found


def gdb(tool, path, addresses) -> list[str]:
    """`file:line` of each address as GDB sees it, "" where it knows none."""
    commands = [word for address in addresses for word in ("-ex", f"info line *{address:#x}")]
    printed = subprocess.run(
        [tool("gdb"), "-q", "-nx", "-batch", *commands, str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.findall(r"^(?:Line (\d+) of \"(.*)\"|No line number)", printed, re.MULTILINE)
    return [f"{os.path.normpath(file)}:{line}" if line else "" for line, file in found]


def assert_same(tool, path, addresses):
    """Our answers are addr2line's, or, where 2.40 is wrong about the file, at least GDB's."""
    known = 0
    theirs = addr2line(tool, path, addresses)
    for address, mine, other in zip(addresses, ours(path, addresses), theirs, strict=True):
        if other[0][1].endswith((":?", "??:0")) and not mine:
            continue  # addr2line falls back on symbols, which is not for us to do here
        # Padding behind a function is in none, but for addr2line in the symbol before it.
        same = mine == other if mine[0][0] else mine[0][1] == other[0][1]
        if not same:
            assert [mine[0][1]] == gdb(tool, path, [address]), hex(address)
        known += same
    assert known > len(addresses) // 2


@pytest.mark.parametrize(
    ("version", "optimisation"),
    [
        pytest.param(2, "-O2", marks=FULL),
        pytest.param(3, "-O0", marks=FULL),
        (4, "-O2"),
        pytest.param(5, "-O2", marks=FULL),
        (5, "-O0"),
    ],
)
def test_places_of_gcc_are_those_of_addr2line(cxx, tool, version, optimisation):
    path = cxx("g++", "-g", f"-gdwarf-{version}", optimisation)
    assert_same(tool, path, code_addresses(program_of(path), 40))


@pytest.mark.parametrize("version", [pytest.param(2, marks=FULL), 4])
def test_places_of_clang_are_those_of_addr2line(cxx, tool, version):
    path = cxx("clang++", "-g", f"-gdwarf-{version}", "-O2")
    assert_same(tool, path, code_addresses(program_of(path), 40))


def test_the_innermost_place_of_clang_with_dwarf_5_is_that_of_gdb(cxx, tool):
    """addr2line 2.40 does not read this compiler's lists of ranges; GDB does."""
    path = cxx("clang++", "-g", "-gdwarf-5", "-O2")
    addresses = code_addresses(program_of(path), 40)
    compared = 0
    for address, theirs, mine in zip(
        addresses, gdb(tool, path, addresses), ours(path, addresses), strict=True
    ):
        if theirs and mine and not mine[0][1].endswith(":?"):
            assert mine[0][1] == theirs, hex(address)
            compared += 1
    assert compared > 20


def test_compressed_and_discarded_debugging_information_is_read(cxx, tool):
    path = cxx("g++", "-g", "-O1", "-gz=zlib", "-ffunction-sections", "-Wl,--gc-sections")
    assert_same(tool, path, code_addresses(program_of(path), 40))


def test_without_debugging_information_nothing_is_known(cxx):
    path = cxx("g++", "-O1", "-s")
    assert ours(path, code_addresses(program_of(path), 5)) == [[]] * 5


def test_damaged_debugging_information_is_said_and_never_raised(cxx):
    path = cxx("g++", "-g", "-gdwarf-5", "-O2")
    data = bytearray(path.read_bytes())
    elf = reader.read(bytes(data), str(path))
    addresses = code_addresses(program_of(path), 3)
    said = 0
    for name in (".debug_info", ".debug_abbrev", ".debug_line", ".debug_rnglists", ".debug_str"):
        section = elf.section(name)
        for step in range(3):
            broken = bytearray(data)
            at = section.sh_offset + section.sh_size * step // 3
            broken[at : at + 16] = bytes(range(0xF0, 0x100))
            places = SourcePlaces(reader.read(bytes(broken), str(path)))
            for address in addresses:
                places.at(address)
            said += bool(places.problems)
    assert said > 2
