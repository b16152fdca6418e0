"""What the loader refuses, and what `check_kernel` says about the same kernel before it is on a disk.

One table: how the kernel is spoilt, the loader's reason on the machine, the builder's message.
"""

from __future__ import annotations

import struct

import pytest

from image.conftest import disk_of
from orobuild.errors import InputError
from orobuild.image import Module
from orobuild.image.kernel import check_kernel
from orobuild.machine import Verdict

EHDR = {"type": (16, "H"), "machine": (18, "H"), "entry": (24, "Q"), "phoff": (32, "Q")}
EHDR |= {"phentsize": (54, "H"), "phnum": (56, "H"), "class": (4, "B"), "magic": (0, "I")}
PHDR = {"flags": (4, "I"), "offset": (8, "Q"), "vaddr": (16, "Q"), "paddr": (24, "Q")}
PHDR |= {"filesz": (32, "Q"), "memsz": (40, "Q")}


def set_header(kernel: bytes, name: str, value: int) -> bytes:
    offset, kind = EHDR[name]
    changed = bytearray(kernel)
    struct.pack_into(f"<{kind}", changed, offset, value)
    return bytes(changed)


def set_segment(kernel: bytes, index: int, **fields: int) -> bytes:
    """Segment 0 is the header's, 1 .text, 2 .rodata, 3 .data and .bss."""
    changed = bytearray(kernel)
    for name, value in fields.items():
        offset, kind = PHDR[name]
        struct.pack_into(f"<{kind}", changed, 64 + 56 * index + offset, value)
    return bytes(changed)


def set_multiboot2(kernel: bytes, *words: int) -> bytes:
    """The Multiboot2 header's fields from architecture on; the checksum is made right."""
    at = kernel.index(struct.pack("<I", 0xE85250D6))
    architecture, length = words
    checksum = -(0xE85250D6 + architecture + length) & 0xFFFFFFFF
    fields = struct.pack("<IIII", 0xE85250D6, architecture, length, checksum)
    return kernel[:at] + fields + kernel[at + 16 :]


def without_multiboot2(kernel: bytes) -> bytes:
    return kernel.replace(struct.pack("<I", 0xE85250D6), b"\0\0\0\0")


SPOILT = {
    "not ELF": (
        lambda build: set_header(build(), "magic", 0),
        "kernel-not-elf",
        "not an ELF file",
    ),
    "of no ELF class": (
        lambda build: set_header(build(), "class", 3),
        "kernel-elf-class",
        "unknown ELF class 3",
    ),
    "ELF32 for a machine of 64 bits": (
        lambda build: set_header(build(), "class", 1),
        "kernel-elf-machine",
        "",
    ),
    "for another machine": (
        lambda build: set_header(build(), "machine", 183),
        "kernel-elf-machine",
        "machine 183",
    ),
    "relocatable": (
        lambda build: set_header(build(), "type", 1),
        "kernel-elf-type",
        "not a linked executable",
    ),
    "position-independent": (
        lambda build: set_header(build(), "type", 3),
        "kernel-elf-type",
        "not a linked executable",
    ),
    "program headers of another size": (
        lambda build: set_header(build(), "phentsize", 32),
        "kernel-elf-segments",
        "e_phentsize is 32",
    ),
    "program headers outside": (
        lambda build: set_header(build(), "phoff", 0x7FFFFFF0),
        "kernel-elf-segments",
        "program headers",
    ),
    "program headers beyond 4 GiB": (
        lambda build: set_header(build(), "phoff", 1 << 32),
        "kernel-elf-segments",
        "program headers",
    ),
    "no program headers": (
        lambda build: set_header(build(), "phnum", 0),
        "kernel-elf-segments",
        "no PT_LOAD segment",
    ),
    "segment beyond the file's end": (
        lambda build: set_segment(build(), 3, offset=1 << 20),
        "kernel-segment-file",
        "segment 3",
    ),
    "segment offset that wraps around": (
        lambda build: set_segment(build(), 3, offset=0xFFFFFFFF),
        "kernel-segment-file",
        "segment 3",
    ),
    "segment larger in the file than in memory": (
        lambda build: set_segment(build(), 1, memsz=16),
        "kernel-segment-file",
        "larger in the file",
    ),
    "segment above 4 GiB": (
        lambda build: set_segment(build(), 3, paddr=1 << 32),
        "kernel-segment-address",
        "above 4 GiB",
    ),
    "segment that crosses 4 GiB": (
        lambda build: set_segment(build(), 3, memsz=0xFFFFF000),
        "kernel-segment-address",
        "above 4 GiB",
    ),
    "segment over the loader": (
        lambda build: set_segment(build(), 3, paddr=0x37000),
        "kernel-segment-loader",
        "overlaps the boot loader",
    ),
    "two segments in one place": (
        lambda build: set_segment(build(), 3, paddr=0x100FFF),
        "kernel-segment-overlap",
        "overlaps",
    ),
    "a segment around another": (
        lambda build: set_segment(build(), 0, memsz=0x1800),
        "kernel-segment-overlap",
        "overlaps",
    ),
    "without a Multiboot2 header": (
        lambda build: without_multiboot2(build()),
        "kernel-not-multiboot2",
        "no Multiboot2 header",
    ),
    "a Multiboot2 header for MIPS": (
        lambda build: set_multiboot2(build(), 4, 24),
        "kernel-multiboot2-header",
        "architecture 4",
    ),
    "a Multiboot2 header that is too long": (
        lambda build: set_multiboot2(build(), 0, 0x40000000),
        "kernel-multiboot2-header",
        "longer than",
    ),
    "a Multiboot2 header without an end": (
        lambda build: set_multiboot2(build(), 0, 16),
        "kernel-multiboot2-header",
        "no end tag",
    ),
    "a demand for load addresses instead of segments": (
        lambda build: build(EXTRA_TAG=2),
        "kernel-multiboot2-tag",
        "tag 2 has size 8",
    ),
    "a demand for the network's configuration": (
        lambda build: build(REQUEST=16),
        "kernel-multiboot2-request",
        "boot information 16",
    ),
    "a demand for something from the future": (
        lambda build: build(REQUEST=0x12345),
        "kernel-multiboot2-request",
        "boot information 74565",
    ),
    "entry point nowhere": (
        lambda build: set_header(build(), "entry", 0x12345678),
        "kernel-entry",
        "is in no segment",
    ),
    "entry point in .bss": (
        lambda build: set_header(build(), "entry", 0xFFFFFFFF80104000),
        "kernel-entry",
        "is in no segment",
    ),
    "entry point in .rodata": (
        lambda build: set_header(build(), "entry", 0xFFFFFFFF80102000),
        "kernel-entry-not-executable",
        "which is not executable",
    ),
    "entry segment without PF_X": (
        lambda build: set_segment(build(), 1, flags=4),
        "kernel-entry-not-executable",
        "which is not executable",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_the_loader_names_what_is_wrong_with_a_kernel_and_stops(case, build_kernel, loader, boot):
    spoil, reason, _ = SPOILT[case]

    report = boot(disk_of(loader, spoil(build_kernel)))

    assert report.verdict is Verdict.LOADER_ERROR, report.lines
    assert report.console.loader_error == reason
    assert not report.console.of_kind("boot")


@pytest.mark.parametrize("case", SPOILT)
def test_the_builder_says_the_same_before_anything_is_booted(case, build_kernel):
    spoil, _, message = SPOILT[case]

    with pytest.raises(InputError) as refused:
        check_kernel(spoil(build_kernel), "some/kernel.elf")

    assert message in str(refused.value)
    assert str(refused.value).startswith("some/kernel.elf: error: ")


@pytest.mark.parametrize(
    ("paddr", "reason"),
    [
        (0x9F000, "kernel-segment-memory"),  # runs into the extended BIOS data area and the screen
        (0xF0000, "kernel-segment-memory"),  # BIOS
        (0x7FFF000, "kernel-segment-memory"),  # the end of memory
        (0xFEE00000, "kernel-segment-memory"),  # local APIC
        (0x7FC0000, "memory-small"),  # where the kernel's file is
    ],
)
def test_a_segment_that_this_machine_has_no_memory_for_is_refused(
    build_kernel, loader, boot, paddr, reason
):
    kernel = set_segment(build_kernel(), 3, paddr=paddr)
    if reason == "memory-small":
        kernel = set_segment(kernel, 3, memsz=0x10000)
        kernel += b"\0" * 0x20000  # a longer file reaches further down from the end of memory

    report = boot(disk_of(loader, kernel), machine="pc", memory_mib=128)

    assert report.console.loader_error == reason, report.lines


def test_a_kernel_larger_than_memory_is_refused(build_kernel, loader, boot):
    kernel = build_kernel() + bytes(4 << 20)

    report = boot(disk_of(loader, kernel), machine="pc", memory_mib=4)

    assert report.console.loader_error == "memory-kernel-file"


def test_a_module_larger_than_memory_is_refused_by_name(build_kernel, loader, boot):
    modules = [Module("small", b"s"), Module("initrd.img root", bytes(4 << 20))]

    report = boot(disk_of(loader, build_kernel(), modules=modules), machine="pc", memory_mib=4)

    assert report.console.loader_error == "memory-module"
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == "/OROBUILD/M0_1.BIN"
