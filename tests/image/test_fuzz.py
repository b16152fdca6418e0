"""Random damage to a kernel's headers, checksums right: builder and loader must agree about it.

`check_kernel` and the loader are two implementations of the same rules. Where they differ, one is
wrong. (The loader also knows the machine's memory: what it says of that alone is no difference.)
"""

from __future__ import annotations

import random
import struct

import pytest

from image.conftest import disk_of
from orobuild.errors import InputError
from orobuild.image.kernel import check_kernel
from orobuild.machine import Verdict

OF_THE_MACHINE = {"kernel-segment-memory", "memory-small", "memory-kernel-file"}
OF_UEFI = {"12", "17", "20"}  # information that a BIOS does not have
INTERESTING = (
    *(0, 1, 2, 7, 8, 16, 24, 56, 62, 64, 0xFF, 0x200, 0xFFF, 0x1000, 0x37FFF, 0x38000, 0x7FFF),
    *(0x8000, 0xFFFF, 0x100000, 0x101000, 0x104000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000),
    *(0xFFFFFFFF, 1 << 32, (1 << 32) + 0x101000, (1 << 63), (1 << 64) - 1),
    *(0xFFFFFFFF80100000, 0xFFFFFFFF80101000, 0xFFFFFFFF80114FFF),
)


def fields(kernel: bytes) -> list[tuple[int, str]]:
    """Where a number that the loader looks at is, and its format."""
    found = [(4, "B"), (5, "B"), (16, "H"), (18, "H"), (24, "Q"), (32, "Q"), (54, "H"), (56, "H")]
    for index in range(4):
        at = 64 + 56 * index
        found += [(at, "I"), (at + 4, "I")] + [(at + n, "Q") for n in (8, 16, 24, 32, 40)]
    header = kernel.index(struct.pack("<I", 0xE85250D6))
    found += [(header + n, "I") for n in (4, 8, 20, 24, 32, 36, 44)]
    found += [(header + n, "H") for n in (16, 18, 28, 30, 40, 42)]
    return found


def damaged(kernel: bytes, seed: int) -> bytes:
    numbers = random.Random(seed)
    changed = bytearray(kernel)
    for offset, kind in numbers.sample(fields(kernel), numbers.choice((1, 1, 2))):
        size = struct.calcsize(kind)
        old = int.from_bytes(changed[offset : offset + size], "little")
        new = numbers.choice(
            (numbers.choice(INTERESTING), old ^ 1 << numbers.randrange(8 * size), old + 1, old - 1)
        )
        changed[offset : offset + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
    header = changed.index(struct.pack("<I", 0xE85250D6))
    architecture, length = struct.unpack_from("<II", changed, header + 4)
    checksum = -(0xE85250D6 + architecture + length) & 0xFFFFFFFF
    struct.pack_into("<I", changed, header + 12, checksum)
    return bytes(changed)


def assert_they_agree(kernel, boot, loader, seed):
    try:
        check_kernel(kernel, "kernel.elf")
    except InputError as refused:
        opinion = str(refused)
    else:
        opinion = ""
    report = boot(disk_of(loader, kernel), memory_mib=64, timeout=10)
    where = (seed, opinion, report.verdict, report.reason, report.lines)
    entered = bool(report.console.of_kind("boot"))
    stopped = report.verdict is Verdict.LOADER_ERROR
    if report.console.loader_error in OF_THE_MACHINE:
        return
    if any(f.values.get("requested-tag") in OF_UEFI for f in report.console.of_kind("loader")):
        return
    assert stopped == bool(opinion), where
    assert not (stopped and entered), where


@pytest.mark.parametrize("seed", range(12))
def test_builder_and_loader_agree(seed, build_kernel, boot, loader):
    kernel = build_kernel(ENTRY_TAG=1, REQUEST=6)

    assert_they_agree(damaged(kernel, seed), boot, loader, seed)


@pytest.mark.full
@pytest.mark.parametrize("first", range(1000, 1600, 50))
def test_builder_and_loader_agree_at_length(first, build_kernel, boot, loader):
    kernel = build_kernel(ENTRY_TAG=1, REQUEST=6)

    for seed in range(first, first + 50):
        assert_they_agree(damaged(kernel, seed), boot, loader, seed)
