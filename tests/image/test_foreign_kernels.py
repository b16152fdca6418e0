"""Kernels that somebody else has built, for other entry protocols: started from media of ours."""

from __future__ import annotations

import gzip
import struct
import subprocess

import pytest

from image import oracles
from image.conftest import KERNELS, disk_of
from image.test_loader import rotating_sum
from orobuild.elf.crosscheck import crosscheck
from orobuild.errors import InputError
from orobuild.image import Boot, Entry, Module, boot_volume, media
from orobuild.image.adaptation import ELF, MULTIBOOT, adapt, unpacked
from orobuild.image.disk import VOLUME_LBA, assemble
from orobuild.image.fat import fat_volume
from orobuild.image.kernel import check_kernel
from orobuild.machine import Drive, Firmware, Qemu
from orobuild.machine import boot as boot_machine
from orobuild.pipeline.build import Request, build
from orobuild.project import load

C_FLAGS = (
    *("-ffreestanding", "-fno-pic", "-fno-pie", "-fno-stack-protector", "-O1", "-Wall", "-Wextra"),
    *("-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-omit-frame-pointer"),
)
HIGH = 0xFFFFFFFF80000000
MODULES = (Module("first module", b"12345" * 5000), Module("", b""))
WORDS = "console=com1  two"
MULTIBOOT_MAGIC, MULTIBOOT2_MAGIC = 0x2BADB002, 0x36D76289


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """Builds kernels/foreign.c by gcc and GNU ld: `foreign(bits, OFFSET=…, **symbols of foreign.S)`.

    `flat` gives the bytes of its segments without ELF.
    """
    folder = tmp_path_factory.mktemp("foreign")

    def make(bits, *, flat=False, offset=0, physical=0x100000, **symbols):
        name = folder / "_".join(map(str, (bits, offset, physical, *symbols, *symbols.values())))
        code = ["-m64", "-mcmodel=kernel"] if bits == 64 else ["-m32"]
        objects = [name.with_suffix(".c.o")]
        subprocess.run(
            ["gcc", *C_FLAGS, *code, "-c", KERNELS / "foreign.c", "-o", objects[0]], check=True
        )
        if symbols:
            objects.insert(0, name.with_suffix(".s.o"))
            defined = [f for k, v in symbols.items() for f in ("--defsym", f"{k}={v:#x}")]
            command = ["as", f"--{bits}", *defined, "-o", objects[0], KERNELS / "foreign.S"]
            subprocess.run(command, check=True)
        places = ["--defsym", f"OFFSET={offset:#x}", "--defsym", f"PHYSICAL={physical:#x}"]
        format_ = "elf_x86_64" if bits == 64 else "elf_i386"
        entry = "start" if symbols else "kernel"
        output = name.with_suffix(".elf")
        command = ["ld", "-m", format_, "-T", KERNELS / "foreign.ld", *places, "-e", entry]
        subprocess.run([*command, "-o", output, *objects], check=True)
        if flat:
            raw = name.with_suffix(".bin")
            subprocess.run(["objcopy", "-O", "binary", output, raw], check=True)
            return raw.read_bytes()
        return output.read_bytes()

    return make


# What it is, how it is made, the protocol that has to be said, and the magic number that it gets.
KINDS = {
    "multiboot-elf32": (lambda make: make(32, MULTIBOOT=3), "", MULTIBOOT_MAGIC),
    "multiboot-flat": (lambda make: make(32, flat=True, MULTIBOOT=0x10007), "", MULTIBOOT_MAGIC),
    "multiboot2-elf32": (lambda make: make(32, MULTIBOOT2=1), "", MULTIBOOT2_MAGIC),
    "multiboot2-flat": (
        lambda make: make(32, flat=True, MULTIBOOT2=1, ADDRESSES=1, LOAD_START=0x100000),
        "",
        MULTIBOOT2_MAGIC,
    ),
    "multiboot2-flat-from-its-start": (
        lambda make: make(32, flat=True, MULTIBOOT2=1, ADDRESSES=1, LOAD_START=0xFFFFFFFF),
        "",
        MULTIBOOT2_MAGIC,
    ),
    "elf32": (lambda make: make(32), ELF, MULTIBOOT2_MAGIC),
    "elf64": (lambda make: make(64, offset=HIGH, physical=0x234000), ELF, MULTIBOOT2_MAGIC),
    "elf64-low": (lambda make: make(64, physical=0x400000), ELF, MULTIBOOT2_MAGIC),
}


def number(fact, key):
    return int(fact.values[key], 16)


def check_report(report, kind, magic):
    assert report.passed, "\n".join(report.lines)
    (entry,) = report.console.of_kind("foreign")
    assert number(entry, "magic") == magic
    assert number(entry, "bits") == (64 if kind.startswith("elf64") else 32)
    assert report.console.of_kind("words")[0].values["string"] == WORDS
    found = report.console.of_kind("module")
    assert [m.values["string"] for m in found] == [m.string for m in MODULES]
    assert [number(m, "size") for m in found] == [len(m.data) for m in MODULES]
    assert [number(m, "sum") for m in found] == [rotating_sum(m.data) for m in MODULES]
    (memory,) = report.console.of_kind("memory")
    assert 240 << 20 < number(memory, "usable") < 256 << 20
    sections = report.console.of_kind("sections")
    assert len(sections) == (0 if "flat" in kind else 1)
    for fact in sections:
        assert number(fact, "size") == (64 if kind.startswith("elf64") else 40)
        assert fact.values["first"] == ".symtab"
    assert report.console.of_kind("screen")


@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_from_a_bios(kind, foreign, loader, loaders, boot):
    make, protocol, magic = KINDS[kind]
    kernel = adapt(make(foreign), "kernel", protocol, loaders.entries)

    report = boot(disk_of(loader, kernel, WORDS, MODULES))

    check_report(report, kind, magic)


@pytest.mark.parametrize(
    "kind", [k if k == "elf64" else pytest.param(k, marks=pytest.mark.full) for k in KINDS]
)
def test_it_starts_from_uefi(kind, foreign, loaders, tmp_path):
    make, protocol, magic = KINDS[kind]
    entry = Entry("Test", adapt(make(foreign), "k", protocol, loaders.entries), WORDS, MODULES)
    files = boot_volume.files(Boot((entry,)), efi_loader=loaders.efi)
    volume = fat_volume(files, size=36 << 20, hidden_sectors=VOLUME_LBA)
    disk = oracles.save(tmp_path / "disk.img", assemble(volume, boot_record=b"", stage2=b""))

    report = boot_machine(Qemu(disk=disk, firmware=Firmware.OVMF), timeout=180)

    check_report(report, kind, magic)


def test_a_plain_elf64_kernel_is_entered_as_documented(foreign, loader, loaders, boot):
    """Each segment with its own permissions at its virtual address, and a C function's world."""
    kernel = adapt(foreign(64, offset=HIGH, physical=0x234000), "k", ELF, loaders.entries)

    (entry,) = boot(disk_of(loader, kernel)).console.of_kind("foreign")

    expected = {"text-page": "R-X", "rodata-page": "R--", "data-page": "RW-", "bss-page": "RW-"}
    expected |= {"first": "RW-", "screen": "RW-", "stack-page": "RW-"}
    expected |= {"entry-program": "R-X", "guard": "---"}
    assert {name: entry.values[name] for name in expected} == expected
    start, end = number(entry, "taken-start"), number(entry, "taken-end")
    assert number(entry, "half") == (end - start) // 2, "SSE works"
    assert number(entry, "stack") % 16 == 0
    assert start < number(entry, "stack") < end
    last = max(s.p_paddr + s.p_memsz for s in check_kernel(kernel, "k").segments)
    assert end == last
    assert number(entry, "cr0") == 0x80010033
    assert number(entry, "cr4") == 0x620


def test_a_processor_without_execute_disable_gets_tables_without_it(foreign, loader, loaders, boot):
    kernel = adapt(foreign(64, offset=HIGH), "k", ELF, loaders.entries)

    (entry,) = boot(disk_of(loader, kernel), cpu="qemu64,-nx").console.of_kind("foreign")

    assert entry.values["data-page"] == "RWX"
    assert entry.values["text-page"] == "R-X"


def test_a_processor_without_long_mode_is_told_so(foreign, loader, loaders, boot):
    kernel = adapt(foreign(64, offset=HIGH), "k", ELF, loaders.entries)

    report = boot(disk_of(loader, kernel), cpu="qemu32")

    assert report.console.loader_error == "no-long-mode", report.lines


def test_a_multiboot_kernel_learns_from_us_what_it_learns_from_grub(
    foreign, loader, loaders, boot, tmp_path
):
    original = foreign(32, MULTIBOOT=3)
    grub = tmp_path / "grub" / "boot" / "grub"
    grub.mkdir(parents=True)
    (grub.parent / "kernel").write_bytes(original)
    lines = [f"multiboot /boot/kernel {WORDS}"]
    for index, module in enumerate(MODULES[:1]):  # GRUB leaves empty files out
        (grub.parent / f"module{index}").write_bytes(module.data)
        lines.append(f"module /boot/module{index} {module.string}")
    menu = "\n".join(("set timeout=0", "menuentry K {", *lines, "boot", "}", ""))
    (grub / "grub.cfg").write_text(menu)
    oracles.run("grub-mkrescue", "-o", tmp_path / "grub.iso", tmp_path / "grub")
    theirs = boot_machine(Qemu(disk=tmp_path / "grub.iso", drive=Drive.CD), timeout=120).console

    kernel = adapt(original, "k", "", loaders.entries)
    ours = boot(disk_of(loader, kernel, WORDS.replace("  ", " "), MODULES[:1])).console

    for kind in ("module", "words", "sections"):
        assert [f.values for f in ours.of_kind(kind)] == [f.values for f in theirs.of_kind(kind)]
    (mine,), (grubs,) = ours.of_kind("multiboot"), theirs.of_kind("multiboot")
    assert mine.values["lower"] == grubs.values["lower"]
    assert mine.values["upper"] == grubs.values["upper"]
    boot_device = 1 << 1  # a CD has no number that GRUB would give
    frame = 1 << 11 | 1 << 12  # screens differ: GRUB's is graphical
    assert (number(mine, "flags") ^ number(grubs, "flags")) & ~boot_device & ~frame == 0


@pytest.mark.parametrize("kind", ["elf64", pytest.param("multiboot-elf32", marks=pytest.mark.full)])
def test_grub_starts_what_was_made_for_our_loaders(kind, foreign, loaders, tmp_path):
    make, protocol, magic = KINDS[kind]
    grub = tmp_path / "grub" / "boot" / "grub"
    grub.mkdir(parents=True)
    (grub.parent / "kernel").write_bytes(adapt(make(foreign), "k", protocol, loaders.entries))
    (grub / "grub.cfg").write_text(
        "set timeout=0\nmenuentry K {\nmultiboot2 /boot/kernel words\nboot\n}\n"
    )
    oracles.run("grub-mkrescue", "-o", tmp_path / "grub.iso", tmp_path / "grub")

    report = boot_machine(Qemu(disk=tmp_path / "grub.iso", drive=Drive.CD), timeout=120)

    assert report.passed, report.lines
    assert number(report.console.of_kind("foreign")[0], "magic") == magic
    assert report.console.of_kind("words")[0].values["string"] == "words"


@pytest.mark.parametrize("kind", [k for k in KINDS if k.startswith("elf") or k.endswith("elf32")])
def test_other_readers_understand_the_new_file_and_its_symbols(kind, foreign, loaders, tmp_path):
    make, protocol, _ = KINDS[kind]
    original = make(foreign)
    made = adapt(original, "k", protocol, loaders.entries)
    paths = [tmp_path / "original", tmp_path / "made"]
    for path, data in zip(paths, (original, made), strict=True):
        path.write_bytes(data)

    symbols = [oracles.run("nm", path) for path in paths]

    assert symbols[0] == symbols[1]
    assert "warning" not in oracles.run("readelf", "-aW", paths[1]).lower()
    assert not crosscheck(made, "made")


def test_the_same_kernel_is_made_into_the_same_bytes(foreign, loaders):
    kernel = foreign(64, offset=HIGH)

    assert adapt(kernel, "a", ELF, loaders.entries) == adapt(kernel, "b", ELF, loaders.entries)


def test_a_kernel_of_our_own_form_stays_as_it_is(build_kernel, loaders):
    kernel = build_kernel()

    assert adapt(kernel, "k", "", loaders.entries) is kernel


def test_a_configuration_is_all_that_it_takes(foreign, loaders, build_cache, tmp_path):
    """Three foreign kernels in one menu; the one in the middle starts by itself."""
    (tmp_path / "old.gz").write_bytes(gzip.compress(foreign(32, MULTIBOOT=3)))
    (tmp_path / "plain.elf").write_bytes(foreign(64, offset=HIGH))
    flat = foreign(32, flat=True, MULTIBOOT2=1, ADDRESSES=1, LOAD_START=0x100000)
    (tmp_path / "flat.bin").write_bytes(flat)
    (tmp_path / "initrd").write_bytes(b"contents")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / ".cache").symlink_to(build_cache)
    (tmp_path / "orobuild.toml").write_text("""\
name = "foreign"
[targets.kernel]
prebuilt = "old.gz"
lint = false
[targets.plain]
prebuilt = "plain.elf"
protocol = "elf"
lint = false
[targets.flat]
prebuilt = "flat.bin"
format = "binary"
[image]
formats = ["img"]
default-entry = 1
timeout = 0
[[image.entries]]
title = "Old"
[[image.entries]]
title = "Plain"
kernel = "plain"
command-line = "of the configuration"
[[image.entries.modules]]
file = "initrd"
string = "ramdisk"
[[image.entries]]
title = "Flat"
kernel = "flat"
""")

    built = build(load(tmp_path), Request(output=tmp_path / "out"))
    report = boot_machine(Qemu(disk=built.disk), timeout=60)

    assert report.passed, report.lines
    assert number(report.console.of_kind("foreign")[0], "bits") == 64
    assert report.console.of_kind("words")[0].values["string"] == "of the configuration"
    assert report.console.of_kind("module")[0].values["string"] == "ramdisk"


def put(data, at, form, *values):
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def segment(kernel, index, **fields):
    """An ELF64 kernel with fields of a program header changed: 1 is .text, 2 .rodata, 3 .data."""
    offsets = {"flags": 4, "vaddr": 16, "paddr": 24, "memsz": 40}
    for name, value in fields.items():
        form = "<I" if name == "flags" else "<Q"
        kernel = put(kernel, 64 + 56 * index + offsets[name], form, value)
    return kernel


def multiboot_header(kernel, *, flags=0x10003, **fields):
    """A flat Multiboot kernel, its header (which it begins with) changed."""
    offsets = {"header": 12, "load": 16, "load_end": 20, "bss_end": 24, "entry": 28}
    kernel = put(kernel, 4, "<II", flags, -(0x1BADB002 + flags) & 0xFFFFFFFF)
    for name, value in fields.items():
        kernel = put(kernel, offsets[name], "<I", value)
    return kernel


REFUSED = {
    "says nothing": (lambda make: make(64, offset=HIGH), "", "no entry protocol"),
    "is Linux": (lambda make: put(bytes(2048), 0x202, "<4s", b"HdrS"), "", "a Linux kernel"),
    "is text": (lambda make: b"#!/bin/sh\n", "", "this is no kernel"),
    "is empty": (lambda make: b"", "", "this is no kernel"),
    "is not Multiboot": (lambda make: make(32), MULTIBOOT, "no Multiboot header"),
    "is not ELF": (lambda make: b"no kernel at all", ELF, "not an ELF file"),
    "is an object": (lambda make: put(make(64), 16, "<H", 1), ELF, "not a linked executable"),
    "is for another machine": (lambda make: put(make(64), 18, "<H", 40), ELF, "machine 40"),
    "has no canonical address": (
        lambda make: segment(make(64, offset=HIGH), 3, vaddr=0x800000000000),
        ELF,
        "is at no canonical address",
    ),
    "wraps around": (
        lambda make: segment(make(64, offset=HIGH), 3, vaddr=0xFFFFFFFFFFFFF000, memsz=0x2000),
        ELF,
        "is at no canonical address",
    ),
    "is at two places in a page": (
        lambda make: segment(make(64, offset=HIGH), 3, paddr=0x200800),
        ELF,
        "different places",
    ),
    "runs low where it is not loaded": (
        lambda make: segment(make(64), 3, paddr=0x900000),
        ELF,
        "mapped one to one",
    ),
    "has pages with two meanings": (
        lambda make: segment(make(64, offset=HIGH), 2, vaddr=HIGH + 0x100000, paddr=0x900000),
        ELF,
        "share a virtual page and no physical one",
    ),
    "has its entry in data": (
        lambda make: segment(make(64, offset=HIGH), 1, flags=4),
        ELF,
        "which is not executable",
    ),
    "has its entry nowhere": (
        lambda make: put(make(64, offset=HIGH), 24, "<Q", HIGH),
        ELF,
        "",
    ),
    "leaves no room": (
        lambda make: segment(make(64, offset=HIGH), 3, paddr=0xFFFFC000, memsz=0x3000),
        ELF,
        "no room for its entry program",
    ),
    "demands the unknown": (
        lambda make: multiboot_header(make(32, flat=True, MULTIBOOT=0x10007), flags=0x10010),
        "",
        "demands 0x10",
    ),
    "has its header elsewhere": (
        lambda make: multiboot_header(make(32, flat=True, MULTIBOOT=0x10007), header=0x99000),
        "",
        "does not lie at 0x99000",
    ),
    "ends behind the file": (
        lambda make: multiboot_header(make(32, flat=True, MULTIBOOT=0x10007), load_end=0x900000),
        "",
        "and the file has",
    ),
    "ends before it begins": (
        lambda make: multiboot_header(make(32, flat=True, MULTIBOOT=0x10007), load_end=0x1000),
        "",
        "and the file has",
    ),
    "has less memory than contents": (
        lambda make: multiboot_header(make(32, flat=True, MULTIBOOT=0x10007), bss_end=0x100010),
        "",
        "before its contents",
    ),
    "is entered where nothing is": (
        lambda make: put(make(32, MULTIBOOT=3), 24, "<I", 0x12345678),
        "",
        "0x12345678 is in no segment",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_started_is_refused_by_name(case, foreign, loaders):
    make, protocol, message = REFUSED[case]

    with pytest.raises(InputError) as refused:
        check_kernel(adapt(make(foreign), "some/kernel", protocol, loaders.entries), "some/kernel")

    assert message in str(refused.value)
    assert str(refused.value).startswith("some/kernel: error: ")


def test_code_and_data_in_one_page_are_refused(foreign, loaders):
    """The one's end and the other's beginning: the page would be writable and executable."""
    kernel = foreign(64, offset=HIGH)
    text = HIGH + 0x100000
    spoilt = segment(kernel, 3, vaddr=text + 0xF00, paddr=0x100F00, memsz=16)
    spoilt = put(spoilt, 64 + 56 * 3 + 32, "<Q", 0)
    spoilt = segment(spoilt, 1, memsz=0xE00)
    spoilt = put(spoilt, 64 + 56 + 32, "<Q", 0xE00)

    with pytest.raises(InputError, match="would be writable and executable"):
        adapt(spoilt, "k", ELF, loaders.entries)


@pytest.mark.parametrize("size", [2, 3, 10, 100, 1000])
def test_a_gzip_file_that_was_cut_is_refused(foreign, size):
    with pytest.raises(InputError, match=r"k\.gz: error: the gzip file is damaged"):
        unpacked(gzip.compress(foreign(32, MULTIBOOT=3))[:size], "k.gz")


def test_a_gzip_file_that_holds_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("orobuild.image.adaptation._UNPACKED_MAX", 1 << 16)

    with pytest.raises(InputError, match="holds more than"):
        unpacked(gzip.compress(bytes(1 << 17)), "k.gz")


def test_a_kernel_in_an_iso_is_the_one_that_was_adapted(foreign, loaders, tmp_path):
    kernel = adapt(foreign(64, offset=HIGH), "k", ELF, loaders.entries)
    product = media.Product(name="k", boot=Boot((Entry("K", kernel, WORDS),)), loaders=loaders)
    path = oracles.save(tmp_path / "k.iso", media.Media(product).iso())

    report = boot_machine(Qemu(disk=path, drive=Drive.CD), timeout=60)

    assert report.passed, report.lines
