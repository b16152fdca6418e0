"""Flat binaries, compared with objcopy."""

from __future__ import annotations

import struct
import subprocess

import pytest

from orobuild.errors import InputError
from orobuild.image.flat import flatten


def elf(*segments, e_type=2):
    """An ELF64 executable with PT_LOAD segments (paddr, contents)."""
    header = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", e_type, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 64, 0, 0
    )
    at = 64 + 56 * len(segments)
    table, data = b"", b""
    for paddr, contents in segments:
        table += struct.pack(
            "<IIQQQQQQ", 1, 5, at + len(data), paddr, paddr, len(contents), len(contents), 1
        )
        data += contents
    return header + table + data


@pytest.mark.parametrize("part", ["mbr", "stage2"])
def test_the_loader_is_flattened_as_objcopy_does_it(loader, part, tmp_path, tool):
    (tmp_path / "in").write_bytes(getattr(loader, part))
    command = [tool("objcopy"), "-O", "binary", tmp_path / "in", tmp_path / "out"]
    subprocess.run(command, check=True)

    assert flatten(getattr(loader, part), part) == (tmp_path / "out").read_bytes()


def test_gaps_are_zeros_and_order_is_that_of_addresses():
    assert flatten(elf((0x1008, b"CD"), (0x1000, b"AB")), "x") == b"AB" + bytes(6) + b"CD"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (elf(), "no PT_LOAD segment has contents"),
        (elf((0x1000, b"")), "no PT_LOAD segment has contents"),
        (elf((0x1000, b"abcd"), (0x1002, b"xy")), "two segments overlap"),
        (elf((0, b"a"), (1 << 40, b"b")), "span 0x10000000001 bytes"),
        (elf((0, b"a"), e_type=1), "not an executable"),
        (b"MZ", "not an ELF file"),
    ],
)
def test_what_cannot_be_flat_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        flatten(data, "program.elf")
