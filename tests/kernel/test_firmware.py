"""Firmware that lies is survived: the kernel says what it could not use, and runs."""

from __future__ import annotations

import random
import struct

import pytest

from . import firmware_tables as tables


@pytest.fixture
def boot_with(built, boot, tmp_path):
    """Boots two cores with these bytes at tables.ADDRESS as their firmware's tables."""

    def run(data: bytes, *, option: str = "acpi_rsdp", command_line: str = "", **settings):
        file = tmp_path / "tables.bin"
        file.write_bytes(data)
        loader = f"loader,file={file},addr={tables.ADDRESS:#x},force-raw=on"
        other = "mp_table=0" if option == "acpi_rsdp" else "acpi_rsdp=0"
        words = f"{option}={tables.ADDRESS:#x} {other} {command_line}"
        return boot(built.kernel, words, extra=("-device", loader), **settings)

    return run


def entry_of(report):
    (entry,) = report.console.of_kind("boot")
    return entry.values


def test_sound_tables_are_believed(boot_with):
    report = boot_with(tables.acpi(tables.madt(tables.lapic(0), tables.lapic(1), tables.IOAPIC)))
    assert (entry_of(report)["topology"], entry_of(report)["cores"]) == ("acpi", "2")
    assert report.passed, report.reason


def test_cores_that_are_not_there_are_reported_and_left_off(boot_with):
    cores = [tables.lapic(apic_id) for apic_id in (0, 1, 2, 9)]
    report = boot_with(tables.acpi(tables.madt(*cores, tables.IOAPIC)))
    for apic_id in (2, 9):
        assert f"core with APIC id {apic_id} does not answer: left off" in report.lines
    assert (entry_of(report)["found"], entry_of(report)["cores"]) == ("4", "2")
    assert report.passed, report.reason


@pytest.mark.full
def test_three_hundred_cores_are_too_many_and_most_do_not_answer(boot_with):
    cores = [tables.x2apic(apic_id) for apic_id in range(300)]
    report = boot_with(tables.acpi(tables.madt(*cores, tables.IOAPIC)))
    assert "236 cores are more than the kernel can use: left off" in report.lines
    assert sum("does not answer" in line for line in report.lines) == 62
    assert entry_of(report)["found"] == "300"
    assert report.passed, report.reason


def test_an_mp_table_is_believed_where_there_is_no_acpi(boot_with):
    report = boot_with(tables.mp(tables.mp_core(0), tables.mp_core(1)), option="mp_table")
    assert (entry_of(report)["topology"], entry_of(report)["cores"]) == ("mp", "2")
    assert report.passed, report.reason


def _flip(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 0x55]) + data[offset + 1 :]


_SOUND = tables.acpi(tables.madt(tables.lapic(0), tables.lapic(1)))
_MADT = 64 + 36 + 8

UNSOUND = {
    "no tables at all": b"\0" * 64,
    "a root pointer with a wrong checksum": _flip(_SOUND, 9),
    "an XSDT with a wrong checksum": _flip(_SOUND, 64 + 20),
    "a MADT with a wrong checksum": _flip(_SOUND, _MADT + 20),
    "an XSDT above 4 GiB": tables.acpi(tables.madt(tables.lapic(0)), root=1 << 40),
    "an XSDT at the end of what is mapped": tables.acpi(root=(4 << 30) - 8),
    "a MADT of 4 GiB": tables.acpi(tables.table(b"APIC", b"\0" * 8, length=0xFFFFFFFF)),
    "a MADT shorter than its header": tables.acpi(tables.table(b"APIC", b"", length=20)),
    "a MADT without cores": tables.acpi(tables.madt()),
    "an entry of no length": tables.acpi(tables.madt(struct.pack("<BB", 0, 0) + b"\0" * 30)),
    "an entry beyond the end": tables.acpi(tables.madt(struct.pack("<BB", 0, 200))),
    "bytes without meaning": random.Random(6).randbytes(4096),
}


# Half of them by default.
@pytest.mark.parametrize(
    "what",
    [pytest.param(w, marks=pytest.mark.full if n % 2 else ()) for n, w in enumerate(UNSOUND)],
)
def test_unsound_tables_leave_one_core(boot_with, what):
    report = boot_with(UNSOUND[what], command_line="test")
    assert any(line.startswith("neither ACPI nor an MP table") for line in report.lines)
    assert (entry_of(report)["topology"], entry_of(report)["cores"]) == ("none", "1")
    assert report.passed, report.reason


def test_an_ioapic_that_is_not_there_is_left_alone(boot_with):
    absent = struct.pack("<BBBBII", 1, 12, 0, 0, 0xFEC80000, 0)
    report = boot_with(tables.acpi(tables.madt(tables.lapic(0), absent)))
    assert "no I/O APIC answers at 0xfec80000: left alone" in report.lines
    assert report.passed, report.reason


@pytest.mark.full
@pytest.mark.parametrize("seed", range(40))
def test_damaged_tables_never_take_the_kernel_down(boot_with, seed):
    """Bytes are wrong, checksums right: any number of cores, but never a fault or a reset."""
    chance = random.Random(seed)
    entries = bytearray(b"".join(tables.lapic(i) for i in range(4)) + tables.IOAPIC)
    for _ in range(4):
        entries[chance.randrange(len(entries))] = chance.randrange(256)
    report = boot_with(
        tables.acpi(tables.madt(bytes(entries))), command_line="run=forever", timeout=8
    )
    assert not report.panic, "\n".join(report.lines)
    assert report.console.of_kind("boot"), "\n".join(report.lines)


STUB = """\
.section .note.Xen,"a",@note
    .long 4, 4, 18
    .asciz "Xen"
    .long stub
.text
stub:
    movl ${magic}, %eax
    movl $information, %ebx
    movl ${entry}, %ecx
    jmp *%ecx
.balign 8
information:
    {information}
    .skip 64
"""

MULTIBOOT2 = 0x36D76289
END = ".long 0, 8"
BOOT_INFORMATION = {
    "no memory map": (MULTIBOOT2, f".long 16, 0; {END}", "no-memory-map"),
    "an empty memory map": (MULTIBOOT2, f".long 32, 0, 6, 16, 24, 0; {END}", "no-memory-map"),
    "entries of no size": (MULTIBOOT2, f".long 32, 0, 6, 16, 0, 0; {END}", "no-memory-map"),
    "no end": (MULTIBOOT2, ".long 16, 0, 1, 0xfffffff0", "no-memory-map"),
    "a tag of no size": (MULTIBOOT2, ".long 1000, 0, 1, 0", "no-memory-map"),
    "an unknown protocol": (0x2BADB002, ".long 0", "no-memory-map"),
    "another magic number in PVH's structure": (0x336EC578, ".long 1, 1", "no-memory-map"),
}


@pytest.mark.parametrize("what", BOOT_INFORMATION)
def test_a_loader_that_says_nothing_of_memory_is_told_so(built, boot, tmp_path, gnu, what):
    magic, information, reason = BOOT_INFORMATION[what]
    source = tmp_path / "stub.s"
    entry = _multiboot2_entry(built.kernel)
    source.write_text(STUB.format(magic=magic, entry=entry, information=information))
    gnu("as", "--32", "-o", tmp_path / "stub.o", source)
    stub = tmp_path / "stub.elf"
    gnu("ld", "-melf_i386", "-Ttext=0x4000000", "-e0x4000000", "-o", stub, tmp_path / "stub.o")
    report = boot(stub, "", extra=("-device", f"loader,file={built.kernel}"))
    verdict = next(line for line in report.lines if line.startswith("oro: verdict="))
    assert verdict.startswith(f"oro: verdict=fail reason={reason} "), "\n".join(report.lines)


def _multiboot2_entry(kernel) -> int:
    """e_entry as a physical address."""
    (entry,) = struct.unpack_from("<Q", kernel.read_bytes(), 24)
    return entry & 0x7FFFFFFF


@pytest.fixture
def gnu(tool):
    """Runs a program of GNU binutils."""
    import subprocess

    def run(name: str, *arguments) -> None:
        subprocess.run([tool(name), *map(str, arguments)], check=True, capture_output=True)

    return run
