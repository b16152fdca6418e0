"""Page tables made on paper, against a walk of them and a model."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from orobuild.image.page_tables import (
    LARGE_PAGE,
    NO_EXECUTE,
    PAGE,
    PRESENT,
    WRITABLE,
    Tables,
    is_canonical,
)

BASE = 0x7654000
HIGH = 0xFFFFFFFF80000000
FLAGS = st.sampled_from([0, PRESENT, PRESENT | WRITABLE, PRESENT | NO_EXECUTE])


def walk(data, virtual):
    """The physical address and the flags that a processor finds (SDM Vol. 3A §4.5), or None."""
    table = BASE
    for shift in (39, 30, 21, 12):
        at = table - BASE + (virtual >> shift & 511) * 8
        (entry,) = struct.unpack_from("<Q", data, at)
        if not entry & PRESENT:
            return None
        table = entry & 0x000FFFFFFFFFF000
        if shift == 12 or entry & 1 << 7:
            assert not entry & ((1 << shift) - 1) & ~0xFFF, "reserved bits"
            offset = virtual & (1 << shift) - 1
            return table + offset, entry & (PRESENT | WRITABLE | NO_EXECUTE)
        assert entry & WRITABLE
        assert not entry & NO_EXECUTE
    raise AssertionError


RANGES = st.lists(
    st.tuples(
        st.sampled_from([0, LARGE_PAGE, 5 * LARGE_PAGE, HIGH, HIGH + LARGE_PAGE, 1 << 40]),
        st.integers(0, 1100),  # pages
        st.integers(1, 1100),
        st.integers(0, 3),  # moves the physical range off the large pages
        FLAGS,
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(RANGES)
def test_a_walk_finds_what_was_mapped_last(ranges):
    tables = Tables(BASE)
    model = {}
    for start, page, count, move, flags in ranges:
        virtual = start + page * PAGE
        physical = 0x40000000 + page * PAGE + move * PAGE
        tables.map(virtual, physical, count * PAGE, flags)
        for number in range(count):
            found = (physical + number * PAGE, flags) if flags else None
            model[virtual + number * PAGE] = found
    data = tables.to_bytes()

    assert len(data) == tables.size
    assert {page: walk(data, page) for page in model} == model
    edges = {page + step for page in model for step in (-PAGE, PAGE)} - set(model)
    assert all(walk(data, page) is None for page in edges if page >= 0)


def test_the_end_of_the_address_space_can_be_mapped():
    tables = Tables(BASE)
    tables.map((1 << 64) - LARGE_PAGE, 0x200000, LARGE_PAGE, PRESENT)

    assert tables.size == 3 * PAGE
    assert walk(tables.to_bytes(), (1 << 64) - PAGE) == (0x3FF000, PRESENT)


def test_canonical_addresses_have_equal_upper_bits():
    good = (0, 0x7FFFFFFFFFFF, 0xFFFF800000000000, HIGH, (1 << 64) - 1)
    bad = (0x800000000000, 0xFFFF7FFFFFFFFFFF, 1 << 63, 1 << 64)
    assert all(map(is_canonical, good))
    assert not any(map(is_canonical, bad))
