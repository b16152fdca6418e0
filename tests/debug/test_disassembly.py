"""Instructions around an address begin where objdump says, with and without symbols."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from debug.conftest import code_addresses, program_of
from orobuild.debug import disassembly
from orobuild.debug.references import references


def objdump(tool, path) -> dict[int, tuple[int, str]]:
    """By address: (size in bytes, text) of every instruction."""
    printed = subprocess.run(
        [tool("objdump"), "-d", "-w", "-z", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {}
    for line in printed.splitlines():
        match = re.match(r"\s+([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(.*))?", line)
        if match:
            found[int(match[1], 16)] = (len(match[2].split()), match[3] or "")
    return found


def assert_boundaries(program, known, addresses, *, most=0):
    wrong = []
    for address in addresses:
        lines = disassembly.around(program, address, before=3, after=3)
        here = next(line for line in lines if line.address <= address < line.end)
        if here.address not in known or len(here.data) != known[here.address][0]:
            wrong.append(address)
    assert len(wrong) <= most, [hex(address) for address in wrong]


def test_with_symbols_every_instruction_is_objdumps(cxx, tool):
    path = cxx("g++", "-g", "-O2")
    program = program_of(path)
    assert_boundaries(program, objdump(tool, path), code_addresses(program, 300))


@pytest.mark.full
def test_in_a_stripped_program_nearly_every_instruction_is_objdumps(tool):
    path = Path(tool("gdb"))  # several megabytes of stripped code
    program = program_of(path)
    addresses = code_addresses(program, 300)
    assert_boundaries(program, objdump(tool, path), addresses, most=3)


def test_neighbours_are_whole_and_in_order(cxx):
    path = cxx("g++", "-g", "-O2")
    program = program_of(path)
    main = program.symbols.by_name["main"].address
    lines = disassembly.around(program, main + 40, before=4, after=5)
    at = next(i for i, line in enumerate(lines) if line.address <= main + 40 < line.end)
    assert (at, len(lines) - at - 1) == (4, 5)
    assert all(a.end == b.address for a, b in itertools.pairwise(lines))


def test_an_address_inside_an_instruction_shows_that_instruction(cxx):
    path = cxx("g++", "-g", "-O2")
    program = program_of(path)
    main = program.symbols.by_name["main"].address
    first = disassembly.around(program, main, before=0, after=0)[0]
    assert first.address == main
    assert disassembly.around(program, main + 1, before=0, after=0) == (first,)


def test_intel_syntax_is_written_on_demand(cxx):
    path = cxx("g++", "-g", "-O2")
    program = program_of(path)
    main = program.symbols.by_name["main"].address
    lines = disassembly.around(program, main, before=0, after=9, syntax="intel")
    assert any(re.search(r"\[r[a-z0-9]+", line.text) for line in lines)
    assert not any("%" in line.text for line in lines)


@pytest.mark.parametrize("flags", [("-O2",), ("-O2", "-static-pie"), ("-O0", "-no-pie")])
def test_branches_to_an_address_are_those_that_objdump_shows(cxx, tool, flags):
    path = cxx("g++", "-g", *flags)
    program = program_of(path)
    theirs: dict[int, set[int]] = {}
    for address, (_, text) in objdump(tool, path).items():
        match = re.match(r"(?:bnd |notrack )?(?:j\w+|call)(?:,p[nt])?\s+([0-9a-f]+) ", text + " ")
        if match:
            theirs.setdefault(int(match[1], 16), set()).add(address)
    wanted = sorted(theirs)[:: max(1, len(theirs) // 200)]
    found = references(program, wanted)
    branches = ("jump", "conditional jump", "call")
    mine = {t: {r.source for r in found[t] if r.kind in branches} for t in wanted}
    assert mine == {t: theirs[t] for t in wanted}


def test_a_pointer_in_data_is_found(cxx):
    path = cxx("g++", "-g", "-O0", "-no-pie", "-static")
    program = program_of(path)
    table = program.symbols.by_name["_ZTVN6shapes5ShapeE"]
    wanted = int.from_bytes(program.read(table.address + 16, 8), "little")
    found = references(program, [wanted])[wanted]
    assert any(r.kind == "pointer" and r.source == table.address + 16 for r in found)
