"""The MBR partition table: packing, reading back, and CHS addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.image.partition import Partition, PartitionTable, chs, unpack


@pytest.mark.parametrize(
    ("sector", "address"),
    [
        (0, (0, 1, 0)),
        (31, (0, 32, 0)),
        (32, (1, 1, 0)),
        (2047, (63, 32, 0)),
        (2048, (0, 1, 1)),
        (2048 * 256, (0, 1 | 0x40, 0)),  # cylinder 256: bit 8 is bit 6 of the sector byte
        (2048 * 1024 - 1, (63, 32 | 0xC0, 0xFF)),
        (2048 * 1024, (254, 0xFF, 0xFF)),  # beyond what CHS can say
    ],
)
def test_chs_addresses(sector, address):
    assert tuple(chs(sector)) == address


@given(
    st.integers(0, 2**32 - 1),
    st.lists(
        st.builds(
            Partition,
            st.integers(1, 255),
            st.integers(0, 2**31),
            st.integers(1, 2**31),
            active=st.booleans(),
        ),
        max_size=4,
    ),
)
def test_a_table_reads_back_as_it_was_written(signature, partitions):
    table = PartitionTable(signature, tuple(partitions))

    assert unpack(bytes(440) + table.pack()) == table


@pytest.mark.parametrize("sector", [b"", bytes(511), bytes(512), b"\xff" * 512])
def test_a_sector_without_the_boot_signature_has_no_table(sector):
    assert unpack(sector) is None
