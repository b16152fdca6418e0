"""The UEFI loader: what it hands over, what it refuses, and its executable as others read it."""

from __future__ import annotations

import random
import re
import struct
import zlib

import pytest

from image import oracles
from image.conftest import ROOT
from image.test_refusals import set_header, set_segment
from orobuild.errors import InputError
from orobuild.image import Boot, Entry, Module, boot_volume, media
from orobuild.image.disk import VOLUME_LBA, assemble
from orobuild.image.efi import efi_application, with_files
from orobuild.image.fat import fat_volume
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.script import parse
from orobuild.machine import Drive, Firmware, Qemu, Verdict, boot

FRAMEBUFFER_800 = 800 << 16 | 600
SECURE_BOOT = 0x6F726F01
FULL = pytest.mark.full  # each of these boots takes OVMF five seconds


def tags(report, kind):
    found = report.console.of_kind("tag")
    return [f.values for f in found if int(f.values["type"], 16) == kind]


@pytest.fixture
def start(loaders, tmp_path):
    """Boots kernels by OVMF: `start(kernel, modules=…, change=…, **fields of Qemu)`."""

    def run(kernel, command_line="", modules=(), change=None, **fields):
        entry = Entry("Test", kernel, command_line, tuple(modules))
        files = boot_volume.files(Boot((entry,)), efi_loader=loaders.efi)
        if change:
            change(files)
        size = 36 << 20
        volume = fat_volume(files, size=size, hidden_sectors=VOLUME_LBA)
        disk = assemble(volume, boot_record=b"", stage2=b"")
        path = oracles.save(tmp_path / "disk.img", disk)
        return boot(Qemu(disk=path, firmware=Firmware.OVMF, **fields), timeout=180)

    return run


def test_modules_command_line_and_tables_arrive(start, build_kernel):
    modules = [Module("first  words", b"12345" * 70_000), Module("", b"")]

    report = start(build_kernel(FRAMEBUFFER=FRAMEBUFFER_800), " two  words", modules)

    assert report.passed, report.lines
    assert tags(report, 1)[0]["string"] == " two  words"
    first, second = tags(report, 3)
    assert first["string"] == "first  words"
    assert int(first["end"], 16) - int(first["start"], 16) == 350_000
    assert second["start"] == second["end"]
    (screen,) = tags(report, 8)
    assert (int(screen["width"], 16), int(screen["height"], 16)) == (800, 600)
    assert int(screen["kind"], 16) & 0xFFFF == 1 << 8 | 32
    assert tags(report, 9)[0]["first"] != ""
    assert tags(report, 12)
    assert tags(report, 15)
    assert tags(report, 17)
    assert not tags(report, 18)
    assert int(tags(report, SECURE_BOOT)[0]["value"], 16) in (1, 3)


@FULL
def test_the_framebuffer_is_there_without_being_asked_for(start, build_kernel):
    (screen,) = tags(start(build_kernel()), 8)

    assert int(screen["width"], 16) >= 640


@pytest.mark.full
def test_a_kernel_may_keep_boot_services(start, build_kernel):
    """With header tags 7 and 9 it is entered in long mode; tag 18 tells it so."""
    report = start(build_kernel(physical=0x4000000, KEEP_BOOT_SERVICES=0, EFI_ENTRY=1))

    assert report.passed, report.lines
    (entry,) = report.console.of_kind("boot")
    assert bytes.fromhex(entry.values["entry"])[1:] == b"efi"
    assert tags(report, 18)
    assert not tags(report, 17)


@pytest.mark.parametrize(
    "memory_mib", [pytest.param(128, marks=FULL), pytest.param(4096, marks=FULL), 6144]
)
@pytest.mark.full
def test_small_and_large_memories_boot(start, build_kernel, memory_mib):
    assert start(build_kernel(), memory_mib=memory_mib).passed


@pytest.mark.full
@pytest.mark.parametrize("drive", list(Drive))
def test_every_kind_of_drive_boots(start, build_kernel, drive):
    if drive is not Drive.CD:
        assert start(build_kernel(), drive=drive).passed


REFUSED = {
    "kernel-not-elf": lambda build: b"no kernel at all" * 100,
    "kernel-entry-not-executable": lambda build: set_segment(build(), 1, flags=4),
    "kernel-segment-overlap": lambda build: set_segment(build(), 3, paddr=0x100FFF),
    "kernel-segment-memory": lambda build: set_segment(build(), 3, paddr=0xFEE00000),
    "kernel-multiboot2-request": lambda build: build(REQUEST=5),
    "kernel-multiboot2-tag": lambda build: build(KEEP_BOOT_SERVICES=0),
    "kernel-elf-type": lambda build: set_header(build(), "type", 3),
}


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(reason, marks=() if reason.endswith("memory") else pytest.mark.full)
        for reason in REFUSED
    ],
)
def test_a_kernel_is_refused_by_name(start, build_kernel, reason):
    report = start(REFUSED[reason](build_kernel))

    assert report.verdict is Verdict.LOADER_ERROR, report.lines
    assert report.console.loader_error == reason
    assert not report.console.of_kind("boot")
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == "/OROBUILD/K0.ELF"


def damage_kernel(files):
    files["OROBUILD/K0.ELF"] = files["OROBUILD/K0.ELF"][:-1] + b"x"


def damage_menu(files):
    files["OROBUILD/BOOT.CFG"] = files["OROBUILD/BOOT.CFG"].replace(b"words", b"Words")


def lose_module(files):
    del files["OROBUILD/M0_0.BIN"]


DAMAGE = {
    "file-damaged": (damage_kernel, "/OROBUILD/K0.ELF"),
    "boot-config-damaged": (damage_menu, "/OROBUILD/BOOT.CFG"),
    "file-missing": (lose_module, "/OROBUILD/M0_0.BIN"),
}


@pytest.mark.parametrize("reason", [pytest.param(r, marks=FULL) for r in DAMAGE])
def test_a_damaged_file_is_named(start, build_kernel, reason):
    change, subject = DAMAGE[reason]

    report = start(build_kernel(), "words", [Module("m", b"1")], change)

    assert report.console.loader_error == reason, report.lines
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == subject
    assert not report.console.of_kind("boot")


def test_the_executable_is_sealed(loaders):
    """Place, size and checksum of .text and of .rodata, as sections have them and zlib finds it."""
    at = loaders.efi.index(b"oroSeal\1") + 8
    parts = list(struct.iter_unpack("<III", loaders.efi[at : at + 24]))
    sections = sections_of(loaders.efi)

    for (start, size, checksum), name in zip(parts, (b".text", b".rodata"), strict=True):
        address, raw = sections[name]
        assert start == address
        assert size > 1000
        assert zlib.crc32(loaders.efi[raw : raw + size]) == checksum


def sections_of(executable):
    """Each section's address and place in the file."""
    (header,) = struct.unpack_from("<I", executable, 0x3C)
    count, optional = struct.unpack_from("<H12xH", executable, header + 6)
    rows = struct.iter_unpack("<8s4xI4xI16x", executable[header + 24 + optional :][: 40 * count])
    return {name.rstrip(b"\0"): (address, raw) for name, address, raw in rows}


MODULE = Module("m", bytes(i * i & 255 for i in range(3000)))
LOADER = "EFI/BOOT/BOOTX64.EFI"
SECTORS = {
    "OROBUILD/K0.ELF": "file-damaged",
    "OROBUILD/M0_0.BIN": "file-damaged",
    "OROBUILD/BOOT.CFG": "boot-config-",
    LOADER: "loader-damaged",
}


@pytest.fixture
def damaged(start, build_kernel):
    """What happens after one flipped bit in a sector of a file: `damaged(file, sector)`."""

    def run(name, sector):
        def flip(files):
            changed = bytearray(files[name])
            first = sector % -(-len(changed) // 512) * 512
            place = random.Random(sector).randrange(first, min(first + 512, len(changed)))
            changed[place] ^= 1 << place % 8
            files[name] = bytes(changed)

        return start(build_kernel(), "words", [MODULE], flip)

    return run


@pytest.mark.parametrize(
    ("name", "sector"),
    [
        ("OROBUILD/M0_0.BIN", 3),
        *(pytest.param("OROBUILD/M0_0.BIN", n, marks=FULL) for n in (0, 1, 2, 4, 5)),
        *(pytest.param("OROBUILD/BOOT.CFG", n, marks=FULL) for n in range(3)),
        *(pytest.param("OROBUILD/K0.ELF", n, marks=FULL) for n in range(0, 32, 2)),
        *(pytest.param(LOADER, n, marks=FULL) for n in (20, 26, 33)),
    ],
)
@pytest.mark.full
def test_a_damaged_sector_stops_the_loader(damaged, name, sector):
    report = damaged(name, sector)

    assert not report.console.of_kind("boot"), report.lines
    if name != LOADER or report.console.loader_error:
        assert report.console.loader_error.startswith(SECTORS[name]), report.lines
        (fact,) = report.console.of_kind("loader-error")
        assert fact.values["subject"].rpartition("/")[2] == name.rpartition("/")[2]


def test_the_executable_is_one_that_strict_firmware_takes(loaders, tmp_path):
    """binutils reads it: no section is writable and executable, each has pages of its own."""
    path = tmp_path / "BOOTX64.EFI"
    path.write_bytes(loaders.efi)

    said = oracles.run("objdump", "-p", "-h", path)

    assert "file format pei-x86-64" in said
    assert "(EFI application)" in said
    assert "NX_COMPAT" in said
    assert "SectionAlignment\t00001000" in said
    rows = re.findall(r"^ +\d+ (\S+) +(\S+) +(\S+) .*\n +(.*)$", said, re.MULTILINE)
    assert [name for name, *_ in rows] == [".text", ".rodata", ".data", ".reloc"]
    for name, _, address, flags in rows:
        assert int(address, 16) % 4096 == 0
        assert ("READONLY" in flags) == (name != ".data")
        assert ("CODE" in flags) == (name == ".text")
    assert said.count("DIR64") >= 1


def test_the_same_source_gives_the_same_executable(loaders, tmp_path):
    from orobuild.pipeline.loader import build_loaders

    assert build_loaders(tmp_path).efi == loaders.efi


def test_files_inside_are_an_archive_that_cpio_unpacks(loaders, tmp_path):
    files = {"/OROBUILD/BOOT.CFG": b"text", "/OROBUILD/K0.ELF": bytes(range(256)) * 50}
    (tmp_path / "a.efi").write_bytes(with_files(loaders.efi, files))

    oracles.run("objcopy", "-O", "binary", "-j", ".orovol", tmp_path / "a.efi", tmp_path / "cpio")

    archive = (tmp_path / "cpio").read_bytes()
    assert archive.startswith(b"070701")
    for data in files.values():
        assert data in archive
    assert b"TRAILER!!!" in archive


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda elf: b"\x7fELX" + elf[4:], "not an ELF file"),
        (lambda elf: set_header(elf, "type", 2), "position-independent"),
        (lambda elf: set_segment(elf, 0, flags=7), "neither R, RW nor RX"),
        (lambda elf: set_segment(elf, 1, vaddr=0x1234), "page of its own"),
        (lambda elf: elf[:200], ""),
    ],
)
def test_what_is_no_loader_is_refused(tmp_path, change, said):
    source = tmp_path / "a.S"
    source.write_text(
        ".section .text\n.globl efi_main\nefi_main: ret\n.section .rodata\n.long 1\n"
        ".section .data\n.quad efi_main\n"
    )
    oracles.run("gcc", "-c", source, "-o", tmp_path / "a.o")
    text = (ROOT / "linker_scripts" / "boot_efi.ld").read_text()
    script = parse(text, "boot_efi.ld", read_file=lambda path: b"")
    made = link([LinkInput("a.o", (tmp_path / "a.o").read_bytes())], script, LinkOptions(pie=True))
    elf = made.data
    assert efi_application(elf).startswith(b"MZ")

    with pytest.raises(InputError) as refused:
        efi_application(change(elf), "a.elf")

    assert said in str(refused.value)


def test_a_file_that_is_no_efi_application_takes_no_files():
    with pytest.raises(InputError, match="not an EFI application"):
        with_files(struct.pack("<64x"), {})


def test_media_without_a_uefi_loader_say_what_is_missing(loaders, build_kernel):
    from dataclasses import replace

    from orobuild.errors import UsageError

    product = media.Product(
        name="x", boot=Boot((Entry("x", build_kernel()),)), loaders=replace(loaders, efi=None)
    )
    with pytest.raises(UsageError, match="takes a C compiler"):
        media.Media(product).efi()
