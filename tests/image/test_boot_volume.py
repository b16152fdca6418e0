"""The boot volume: BOOT.CFG as the loaders read it, and the files that it names."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orobuild.errors import InputError
from orobuild.image import boot_config, boot_volume
from orobuild.image.boot_config import BootFile, Menu, MenuEntry
from orobuild.image.boot_volume import Boot, Entry, Module
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume
from orobuild.image.fat_reader import read_volume

BOOT = Boot(
    (
        Entry("Oro, release", b"kernel", "a=1 # no comment", (Module("first one", b"1" * 600),)),
        Entry("Oro, debug", b"other", "", (Module("", b"1" * 600), Module("x", b""))),
    ),
    default=1,
    timeout=3,
)


def packed(boot: Boot, **arguments: object) -> Extents:
    return fat_volume(boot_volume.files(boot, **arguments), kind=16)


def test_the_menu_is_the_text_that_the_loaders_read():
    text = boot_volume.files(BOOT)["OROBUILD/BOOT.CFG"]

    module = f"/OROBUILD/M0_0.BIN size=600 crc32={zlib.crc32(b'1' * 600):08x}"
    body = (
        "orobuild-boot 1 sealed\n"
        "timeout 3\n"
        "default 1\n"
        "entry Oro, release\n"
        f"kernel /OROBUILD/K0.ELF size=6 crc32={zlib.crc32(b'kernel'):08x}\n"
        "cmdline a=1 # no comment\n"
        f"module {module} first one\n"
        "entry Oro, debug\n"
        f"kernel /OROBUILD/K1.ELF size=5 crc32={zlib.crc32(b'other'):08x}\n"
        f"module {module}\n"
        "module /OROBUILD/M1_1.BIN size=0 crc32=00000000 x\n"
    )
    assert bytes(text).decode() == body + f"end crc32={zlib.crc32(body.encode()):08x}\n"


def test_what_was_put_on_a_volume_is_found_on_it():
    assert boot_volume.read(read_volume(packed(BOOT), "v"), "v") == BOOT


def test_equal_files_are_stored_once():
    assert sorted(boot_volume.files(BOOT)) == [
        "OROBUILD/BOOT.CFG",
        "OROBUILD/K0.ELF",
        "OROBUILD/K1.ELF",
        "OROBUILD/M0_0.BIN",
        "OROBUILD/M1_1.BIN",
    ]


def test_the_users_own_files_and_the_efi_loader_are_there():
    files = boot_volume.files(BOOT, efi_loader=b"PE", extra={"/docs/Read me.txt": b"hello"})

    assert files["EFI/BOOT/BOOTX64.EFI"] == b"PE"
    assert files["docs/Read me.txt"] == b"hello"
    with pytest.raises(InputError, match="would replace a file of the loader's"):
        boot_volume.files(BOOT, extra={"orobuild/boot.cfg": b""})


line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=30)


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            MenuEntry,
            line.filter(str.strip),
            st.builds(BootFile, st.just("/K"), st.integers(0, 9), st.integers(0, 2**32 - 1)),
            line,
            st.lists(st.tuples(st.just(BootFile("/M")), st.text("ab c=", max_size=9))).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 3600),
)
def test_every_menu_survives_being_written_and_read(entries, timeout):
    menu = Menu(tuple(entries), len(entries) - 1, timeout)

    assert boot_config.parse(boot_config.to_text(menu), "BOOT.CFG") == menu


def test_a_menu_by_hand_needs_no_checksums_and_may_have_windows_lines():
    text = b"# mine\r\norobuild-boot 1\r\n\r\nentry One\r\nkernel /K.ELF\r\nmodule /M.BIN two words\r\n"

    menu = boot_config.parse(text, "BOOT.CFG")

    assert not menu.sealed
    assert menu.entries == (
        MenuEntry("One", BootFile("/K.ELF"), "", ((BootFile("/M.BIN"), "two words"),)),
    )


@pytest.mark.parametrize(
    "string", ["mod=1", "size=3", "crc32=12", "size=3 crc32=00000000", "a size=1", "=", "a  b"]
)
def test_a_modules_string_may_look_like_anything(string):
    """The loaders take size= and crc32= once each; what comes then is the string."""
    boot = Boot((Entry("A", b"k", string, (Module(string, b"m"),)),))

    assert boot_volume.read(read_volume(packed(boot), "v"), "v") == boot


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the menu has no entry"),
        ("timeout 1\n", "1:1.*the first statement must be 'orobuild-boot 1'"),
        ("orobuild-boot 1 sealed\nentry A\nkernel /K\n", "the menu has lost its end"),
        ("orobuild-boot 2\n", "the first statement must be"),
        ("orobuild-boot 1\nkernel /K\n", "2:1.*stands before the first 'entry'"),
        ("orobuild-boot 1\nentry A\nentry B\nkernel /K\n", "the entry 'A' has no kernel"),
        ("orobuild-boot 1\nentry A\nkernel K\n", "a file's path starts with '/'"),
        ("orobuild-boot 1\nentry A\nkernel /K size=a\n", "'a' is not a number"),
        ("orobuild-boot 1\nentry A\nkernel /K crc32=12\n", "'crc32=12' is not crc32= and 8"),
        ("orobuild-boot 1\nentry A\nkernel /K\nboot\n", "4:1.*unknown statement 'boot'"),
        (
            "orobuild-boot 1\nentry A\nkernel /K\nend crc32=00000000\n",
            "does not match its checksum",
        ),
        ("orobuild-boot 1\ndefault 1\nentry A\nkernel /K\n", "the default entry is 1, there are 1"),
        ("orobuild-boot 1\ntimeout -1\n", "'-1' is not a number from 0 to 3600"),
    ],
)
def test_a_wrong_menu_is_explained_with_its_line(text, message):
    with pytest.raises(InputError, match=message):
        boot_config.parse(text.encode(), "BOOT.CFG")


@settings(max_examples=150)
@given(st.data())
def test_any_bytes_are_a_menu_or_an_explanation(data):
    text = bytearray(boot_volume.files(BOOT)["OROBUILD/BOOT.CFG"])
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        menu = boot_config.parse(bytes(text), "BOOT.CFG")
    except InputError as refused:
        assert str(refused).startswith("BOOT.CFG")  # noqa: PT017
    else:
        assert not menu.sealed or bytes(text) == boot_volume.files(BOOT)["OROBUILD/BOOT.CFG"]


@pytest.mark.parametrize(
    ("boot", "message"),
    [
        (Boot(()), "no entry to boot"),
        (Boot((Entry("A", b"k"),), default=1), "default entry is 1"),
        (Boot((Entry("A", b"k"),), timeout=4000), "timeout is 4000"),
        (Boot((Entry(" ", b"k"),)), "has no title"),
        (Boot((Entry("A\nentry B", b"k"),)), "a title contains a line feed"),
        (Boot((Entry("A", b"k", "x\0y"),)), "the command line of 'A' contains a NUL"),
        (Boot((Entry("A", b"k", "\ud800"),)), "cannot be written as UTF-8"),
        (Boot((Entry("A", b"k", "", (Module("a\rb", b""),)),)), "contains a carriage return"),
    ],
)
def test_what_does_not_fit_in_a_menu_is_refused(boot, message):
    with pytest.raises(InputError, match=message):
        boot_volume.files(boot)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"OROBUILD/K0.ELF": b"kernal"}, "K0.ELF: error: the file does not match its checksum"),
        ({"OROBUILD/K0.ELF": b"kernels"}, "K0.ELF: error: the file has 7 bytes, the menu says 6"),
        ({"OROBUILD/K0.ELF": None}, "K0.ELF: error: the menu names this file, which is not there"),
        ({"OROBUILD/BOOT.CFG": None}, "there is no OROBUILD/BOOT.CFG"),
    ],
)
def test_a_damaged_file_is_named(change, message):
    files = {**boot_volume.files(BOOT), **change}
    volume = fat_volume({k: v for k, v in files.items() if v is not None}, kind=16)

    with pytest.raises(InputError, match=message):
        boot_volume.read(read_volume(volume, "v"), "v.img")
