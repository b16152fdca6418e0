"""Page tables are walked as the processor does: permissions of all levels, huge pages, 5 levels."""

from __future__ import annotations

import struct

import pytest

from orobuild.debug.page_tables import find, mappings

P, W, U, PS, NX = 1, 2, 4, 0x80, 1 << 63
NXE, LA57 = 1 << 11, 1 << 12


class Memory:
    def __init__(self, **tables: dict[int, int]) -> None:
        self.data = bytearray(0x10000)
        for name, entries in tables.items():
            for index, entry in entries.items():
                struct.pack_into("<Q", self.data, int(name[1:], 16) + 8 * index, entry)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.data[address : address + size])


SMALL = Memory(
    t1000={0: 0x2000 | P | W | U, 511: 0x2000 | P | W | NX},
    t2000={1: 0x3000 | P | W | U, 2: 1 << 30 | P | PS | W},
    t3000={0: 0x4000 | P | U, 5: 0x600000 | P | W | PS | NX},
    t4000={7: 0x9000 | P | W | U, 8: 0xA000 | W},
)


def walk(memory=SMALL, cr4=0, efer=NXE):
    return list(mappings(memory.read, 0x1000, cr4=cr4, efer=efer))


def test_permissions_are_those_of_all_levels():
    page = next(m for m in walk() if m.size == 4096)
    assert (page.virtual, page.physical, page.level) == (0x40007000, 0x9000, "pte")
    assert (page.writable, page.executable, page.user) == (False, True, True)


def test_huge_pages_and_sign_extension():
    assert [(m.virtual, m.size, m.level) for m in walk()] == [
        (0x40007000, 1 << 12, "pte"),
        (0x40A00000, 2 << 20, "pde"),
        (0x80000000, 1 << 30, "pdpte"),
        (0xFFFFFF8040007000, 1 << 12, "pte"),
        (0xFFFFFF8040A00000, 2 << 20, "pde"),
        (0xFFFFFF8080000000, 1 << 30, "pdpte"),
    ]
    assert not any(m.executable for m in walk() if m.virtual >> 63)


def test_without_nxe_everything_is_executable():
    assert all(m.executable for m in walk(efer=0))


def test_five_levels():
    memory = Memory(
        t1000={256: 0x2000 | P | W},
        t2000={0: 0x3000 | P | W},
        t3000={0: 0x4000 | P | W},
        t4000={0: 0x5000 | P | W},
        t5000={0: 0x6000 | P},
    )
    (page,) = walk(memory, cr4=LA57)
    assert (page.virtual, page.entries[0][0]) == (0xFF00000000000000, "pml5e")


@pytest.mark.parametrize("page", walk(), ids=lambda m: hex(m.virtual))
def test_finding_one_page_agrees_with_walking_all(page):
    last = page.virtual + page.size - 1
    assert find(SMALL.read, last, 0x1000, cr4=0, efer=NXE) == page
    assert page.translate(last) == page.physical + page.size - 1


def test_what_is_not_present_or_not_there_is_no_page():
    assert find(SMALL.read, 0x40008000, 0x1000, cr4=0, efer=NXE) is None
    assert find(SMALL.read, 0x1000, 0x1000, cr4=0, efer=NXE) is None
    assert walk(Memory(t1000={0: 0xFFFFF000 | P})) == []
