"""Translations: rights by the control registers, flags in words."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys

import pytest

from orobuild.debug import translation, translation_text
from orobuild.debug.translation import Control

P, W, U, PWT, PCD, PS, NX = 1, 2, 4, 8, 16, 0x80, 1 << 63
WP, PG, SMEP, SMAP, LA57, NXE = 1 << 16, 1 << 31, 1 << 20, 1 << 21, 1 << 12, 1 << 11


def memory(**tables):
    data = bytearray(0x8000)
    for name, entries in tables.items():
        for index, entry in entries.items():
            struct.pack_into("<Q", data, int(name[1:], 16) + 8 * index, entry)
    return lambda at, size: bytes(data[at : at + size])


READ = memory(
    t1000={0: 0x2000 | P | W | U, 511: 0x9000000 | P | W},
    t2000={0: 0x3000 | P | W | U, 1: 1 << 30 | P | W | PS | 1 << 12},
    t3000={0: 0x4000 | P | W | U, 1: 0x400000 | P | PS | PCD | PWT | NX},
    t4000={1: 0xA000 | P | W | U, 2: 0xB000 | P, 3: 0xC000 | P | U | NX | 5 << 59},
)


def control(*, cr0=PG | WP, cr4=0, efer=NXE):
    return Control(cr0=cr0, cr3=0x1000, cr4=cr4, efer=efer)


def translate(address, **registers):
    return translation.translate(READ, address, control(**registers))


def test_each_level_is_shown_on_the_way_to_the_page():
    found = translate(0x1234)
    assert [(s.name, s.table, s.index) for s in found.steps] == [
        ("pml4e", 0x1000, 0),
        ("pdpte", 0x2000, 0),
        ("pde", 0x3000, 0),
        ("pte", 0x4000, 1),
    ]
    assert found.physical == 0xA234


@pytest.mark.parametrize(
    ("address", "registers", "kernel", "user"),
    [
        (0x1000, {}, "rwx", "rwx"),
        (0x1000, {"cr4": SMEP}, "rw-", "rwx"),
        (0x1000, {"cr4": SMAP}, "--x", "rwx"),
        (0x1000, {"cr4": SMEP | SMAP}, "---", "rwx"),
        (0x2000, {}, "r-x", "---"),
        (0x2000, {"cr0": PG}, "rwx", "---"),
        (0x3000, {}, "r--", "r--"),
        (0x3000, {"efer": 0}, "r-x", "r-x"),
        (0x200000, {}, "r--", "---"),
        (1 << 30, {}, "rwx", "---"),
    ],
)
def test_rights_are_those_of_the_manual(address, registers, kernel, user):
    rights = translate(address, **registers).rights
    assert (rights.kernel, rights.user) == (kernel, user)


def test_why_there_is_no_page():
    assert translate(0x4000).reason == "the pte is not present"
    assert translate(0xFFFFFF8000000000).reason == "the pdpte lies outside the memory that was read"
    assert "not canonical" in translate(1 << 47).reason
    assert translate(0x1000, cr0=0).reason == "paging is off (CR0.PG is clear)"


def test_flags_have_meanings_and_pages_their_memory_type():
    def names(address):
        return [name for name, _ in translation.flags(translate(address).steps[-1])]

    assert names(0x1000) == ["P", "R/W", "U/S", "PAT0"]
    assert names(0x3000) == ["P", "U/S", "PAT0", "PK5", "XD"]
    assert names(0x200000) == ["P", "PWT", "PCD", "PS", "PAT3", "XD"]
    assert names(1 << 30) == ["P", "R/W", "PS", "PAT4"]


def test_every_virtual_address_of_a_physical_one_is_found():
    pages = translation.virtual_addresses(READ, 0x40000123 - 0x123, control())
    assert [page.virtual for page in pages] == [1 << 30]
    assert translation.virtual_addresses(READ, 0x7000, control()) == ()


def test_random_bytes_as_page_tables_never_raise():
    choice = random.Random(2)
    for _ in range(50):
        data = choice.randbytes(0x8000)
        registers = Control(
            cr0=PG, cr3=choice.randrange(0x9000), cr4=choice.choice([0, LA57]), efer=NXE
        )
        for _ in range(20):
            found = translation.translate(
                lambda at, size, data=data: data[at : at + size], choice.getrandbits(64), registers
            )
            assert translation_text.text(None, found, lambda words, _role: words)
            assert json.dumps(translation_text.as_object(None, found))


def test_a_dump_of_memory_is_walked_without_a_machine(tmp_path):
    dump = tmp_path / "ram"
    dump.write_bytes(READ(0, 0x8000))
    result = subprocess.run(
        [
            *(sys.executable, "-m", "orobuild", "tt", "v", "1234", "--json"),
            *("--dump", str(dump), "--cr3", "1000"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["physical"] == "0xa234"
