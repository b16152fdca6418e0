"""The BIOS loader on an emulated PC: what it hands over, and from which drives and addresses."""

from __future__ import annotations

import pytest

from image import oracles
from image.conftest import disk_of
from orobuild.image import Module
from orobuild.machine import Bochs, Drive, Verdict
from orobuild.machine import boot as boot_machine

SECTOR = 512


def rotating_sum(data: bytes) -> int:
    """The checksum that kernels/report.S makes of a module."""
    total = 0
    for byte in data:
        total = ((total << 1 | total >> 31) + byte) & 0xFFFFFFFF
    return total


def hexadecimal(fact, key):
    return int(fact.values[key], 16)


def tags(report, kind):
    return [f for f in report.console.of_kind("tag") if hexadecimal(f, "type") == kind]


@pytest.fixture
def disk(loader, build_kernel):
    """A disk with kernels/report.S: `disk(command_line, modules, **symbols of the kernel)`."""

    def make(command_line="", modules=(), **kernel):
        return disk_of(loader, build_kernel(**kernel), command_line, modules)

    return make


def test_the_kernel_is_entered_in_the_state_of_the_multiboot2_specification(disk, boot):
    report = boot(disk())

    assert report.passed, report.lines
    (entry,) = report.console.of_kind("boot")
    assert hexadecimal(entry, "magic") == 0x36D76289
    cr0, eflags = hexadecimal(entry, "cr0"), hexadecimal(entry, "eflags")
    assert cr0 & 1, "protected mode"
    assert not cr0 >> 31, "no paging"
    assert not eflags & 1 << 9, "interrupts off"
    assert not eflags & 1 << 17, "no virtual 8086 mode"
    assert hexadecimal(entry, "cs-limit") == hexadecimal(entry, "ds-limit") == 0xFFFFFFFF
    assert hexadecimal(entry, "a20-closed") == 0


def test_segments_are_loaded_and_bss_is_cleared(disk, boot):
    (entry,) = boot(disk()).console.of_kind("boot")

    assert hexadecimal(entry, "data") == 0x600DDA7A
    assert hexadecimal(entry, "bss") == 0


def test_the_information_is_aligned_and_its_sizes_lead_from_tag_to_tag(disk, boot):
    report = boot(disk("one two", [Module("m" * n, b"x") for n in range(9)]))

    found = report.console.of_kind("tag")
    at = hexadecimal(report.console.of_kind("boot")[0], "info") + 8
    for tag in found:
        assert hexadecimal(tag, "at") == at
        at += hexadecimal(tag, "size") + 7 & ~7
    assert hexadecimal(found[-1], "type") == 0
    assert hexadecimal(found[-1], "size") == 8


def test_the_command_line_arrives(disk, boot):
    (tag,) = tags(boot(disk("root=ram quiet x='a b' ä")), 1)

    assert tag.values["string"] == "root=ram quiet x='a b' ä"


def test_the_loader_gives_its_name(disk, boot):
    (tag,) = tags(boot(disk()), 2)

    assert tag.values["string"] == "orobuild"


def test_modules_arrive_whole_on_pages_of_their_own_in_order(disk, boot):
    modules = [
        Module("first --with=words", b"abc" * 1000),
        Module("", b""),
        Module("exactly", bytes(range(256)) * 2),
        Module("large", bytes(i * i & 0xFF for i in range(200_001))),
    ]

    report = boot(disk(modules=modules))

    found = tags(report, 3)
    assert [t.values["string"] for t in found] == [m.string for m in modules]
    end = 0x100000
    for tag, module in zip(found, modules, strict=True):
        start = hexadecimal(tag, "start")
        assert start % 4096 == 0
        assert start >= end
        end = hexadecimal(tag, "end")
        assert end - start == len(module.data)
        assert hexadecimal(tag, "sum") == rotating_sum(module.data)


def test_the_memory_map_is_the_machines(disk, boot):
    report = boot(disk(), memory_mib=64)

    (tag,) = tags(report, 6)
    assert (hexadecimal(tag, "entry-size"), hexadecimal(tag, "version")) == (24, 0)
    entries = [
        (hexadecimal(f, "base"), hexadecimal(f, "length"), hexadecimal(f, "type"))
        for f in report.console.of_kind("memory")
        if hexadecimal(f, "base-high") == 0
    ]
    assert entries[0][0] == 0
    usable = sum(length for _, length, kind in entries if kind == 1)
    assert 63 << 20 < usable < 64 << 20
    (basic,) = tags(report, 4)
    assert 600 < hexadecimal(basic, "lower") <= 640
    above = next(length for base, length, kind in entries if base == 0x100000 and kind == 1)
    assert hexadecimal(basic, "upper") == above >> 10


def test_the_acpi_root_pointer_is_found(disk, boot):
    (tag,) = tags(boot(disk()), 14)

    assert hexadecimal(tag, "signature") == 0x20445352  # "RSD "
    assert hexadecimal(tag, "rsdt") != 0


@pytest.mark.parametrize("offset", [0, 0xFFFFFFFF80000000, 0xFFFF800000000000])
def test_the_entry_point_is_translated_from_virtual_to_physical(disk, boot, offset):
    (entry,) = boot(disk(offset=offset)).console.of_kind("boot")

    assert bytes.fromhex(entry.values["entry"])[1:] == b"elf"


def test_an_entry_address_tag_wins_over_e_entry(disk, boot):
    (entry,) = boot(disk(ENTRY_TAG=1)).console.of_kind("boot")

    assert bytes.fromhex(entry.values["entry"])[1:] == b"tag"


def test_an_optional_tag_and_an_information_request_are_understood(disk, boot):
    assert boot(disk(REQUEST=6)).passed
    assert boot(disk(EXTRA_TAG=6)).passed


@pytest.mark.parametrize(("width", "height"), [(800, 600), (1024, 768), (1, 1)])
def test_a_framebuffer_is_set_up_for_a_kernel_that_asks(disk, boot, width, height):
    """The mode that is nearest to the wish, by the VESA BIOS."""
    report = boot(disk(FRAMEBUFFER=width << 16 | height))

    assert report.passed, report.lines
    (screen,) = tags(report, 8)
    found = hexadecimal(screen, "width"), hexadecimal(screen, "height")
    assert found == (width, height) or (width == 1 and found[0] <= 640)
    bits, kind = hexadecimal(screen, "kind") & 0xFF, hexadecimal(screen, "kind") >> 8 & 0xFF
    assert (bits, kind) == (32, 1)
    assert hexadecimal(screen, "pitch") >= found[0] * 4
    assert hexadecimal(screen, "address") >= 0x80000000
    assert tags(report, 7)


def test_without_a_wish_the_screen_stays_in_text_mode(disk, boot):
    report = boot(disk())

    (screen,) = tags(report, 8)
    assert hexadecimal(screen, "address") == 0xB8000
    assert (hexadecimal(screen, "width"), hexadecimal(screen, "height")) == (80, 25)
    assert not tags(report, 7)


@pytest.mark.parametrize("optional", [False, True])
def test_a_machine_without_a_framebuffer_is_refused_unless_it_is_optional(disk, boot, optional):
    flags = {"OPTIONAL": 1} if optional else {}
    kernel = disk(FRAMEBUFFER=800 << 16 | 600, **flags)

    report = boot(kernel, extra=("-vga", "none"))

    assert report.passed == optional, report.lines
    if not optional:
        assert report.console.loader_error == "framebuffer"


def test_section_headers_lead_to_the_names_in_the_file(disk, boot):
    (sections,) = tags(boot(disk()), 9)

    assert hexadecimal(sections, "count") > 5
    assert sections.values["first"].startswith(".")


@pytest.mark.parametrize("physical", [0x38000, 0x200000, 0x1000000])
def test_the_kernel_may_lie_anywhere_in_usable_memory_above_the_loader(disk, boot, physical):
    assert boot(disk(physical=physical)).passed


@pytest.mark.parametrize("kind", ["pc", "q35"])
@pytest.mark.parametrize("drive", [drive for drive in Drive if drive is not Drive.CD])
def test_every_kind_of_drive_boots(disk, boot, kind, drive):
    report = boot(disk(modules=[Module("m", b"z" * 300_000)]), machine=kind, drive=drive)

    assert report.passed, report.lines


@pytest.mark.parametrize("memory_mib", [2, 8, 4096])
def test_small_and_large_memories_boot(disk, boot, memory_mib):
    assert boot(disk(), machine="pc", memory_mib=memory_mib).passed


NO_EDD = ("boot.inc", ".set EDD_ANSWER,           0xaa55", ".set EDD_ANSWER, 0")
CLOSE_A20 = (
    "first_stage.inc",
    "    ljmp $0, $STAGE2_BASE\n",
    "    inb $0x92, %al\n    andb $0xfd, %al\n    outb %al, $0x92\n    ljmp $0, $STAGE2_BASE\n",
)
NO_BIOS_A20 = ("a20.S", ".set BIOS_A20_ENABLE,      0x2401", ".set BIOS_A20_ENABLE, 0x24ff")
NO_KEYBOARD = ("a20.S", "orb $KBC_A20, %al", "andb $~KBC_A20, %al")
NO_FAST_A20 = ("a20.S", "orb $CONTROL_A_A20, %al", "nop")


def test_a_drive_without_edd_is_read_by_cylinder_head_and_sector(build_loader, build_kernel, boot):
    modules = [Module("m", bytes(range(256)) * 1500)]
    loader = build_loader(NO_EDD)
    made = disk_of(loader, build_kernel(), modules=modules)

    report = boot(made)

    assert report.passed, report.lines
    assert any("read=chs" in line for line in report.lines)
    (module,) = tags(report, 3)
    assert hexadecimal(module, "sum") == rotating_sum(modules[0].data)


@pytest.mark.parametrize(
    "missing", [(), (NO_BIOS_A20,), (NO_BIOS_A20, NO_KEYBOARD)], ids=["bios", "keyboard", "fast"]
)
def test_a_closed_a20_gate_is_opened_by_the_next_means_that_works(
    build_loader, build_kernel, boot, missing
):
    loader = build_loader(CLOSE_A20, *missing)

    report = boot(disk_of(loader, build_kernel()))

    assert report.passed, report.lines
    assert hexadecimal(report.console.of_kind("boot")[0], "a20-closed") == 0


def test_a_gate_that_does_not_open_stops_the_loader(build_loader, build_kernel, boot):
    loader = build_loader(CLOSE_A20, NO_BIOS_A20, NO_KEYBOARD, NO_FAST_A20)

    report = boot(disk_of(loader, build_kernel()))

    assert report.console.loader_error == "a20"


def test_the_last_words_of_the_loader_name_the_reason(loader, boot):
    report = boot(disk_of(loader, b"no kernel at all" * 100))

    assert report.verdict is Verdict.LOADER_ERROR
    assert report.console.loader_error == "kernel-not-elf"
    assert "The kernel is not an ELF file." in report.lines


def test_the_strict_machine_boots_it_too(disk, tmp_path):
    """Bochs: its serial port, disk controller and real mode forgive nothing."""
    path = tmp_path / "disk.img"
    oracles.save(path, disk("words", [Module("m", b"12345" * 20_000)]))

    report = boot_machine(Bochs(disk=path, memory_mib=32), timeout=60)

    assert report.passed, report.lines
    assert tags(report, 1)[0].values["string"] == "words"
    assert hexadecimal(tags(report, 3)[0], "sum") == rotating_sum(b"12345" * 20_000)
