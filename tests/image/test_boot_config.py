"""BOOT.CFG, right and wrong, as both loaders read it.

The BIOS loader reads it on an emulated PC; the UEFI loader's reader is built as a program of the host,
with sanitizers, which can be asked thousands of times. They must agree.
"""

from __future__ import annotations

import random
import subprocess
import zlib

import pytest

from image import oracles
from image.conftest import ROOT, disk_of, disk_with
from orobuild.machine import Verdict

EFI = ROOT / "asm" / "boot" / "efi"
HOST = ROOT / "tests" / "image" / "host"


def sealed(body: str) -> bytes:
    data = body.encode()
    return data + f"end crc32={zlib.crc32(data):08x}\n".encode()


HEAD = "orobuild-boot 1\n"
ENTRY = "entry Test\nkernel /OROBUILD/K0.ELF\n"
GOOD = {
    "the least": HEAD + ENTRY,
    "comments, blanks, carriage returns": (
        f"# mine\r\n\r\n  {HEAD}\t\n#x\r\n timeout  0\r\n{ENTRY}  \r\n cmdline  two  words\n"
    ),
    "no line end at the end": (HEAD + ENTRY).rstrip("\n"),
    "words like statements": f"{HEAD}entry entry kernel\nkernel /OROBUILD/K0.ELF\ncmdline cmdline x\n",
    "a default": f"{HEAD}timeout 0\ndefault 1\nentry A\nkernel /NO.ELF\n{ENTRY}",
    "size without checksum": HEAD + ENTRY.replace("ELF\n", "ELF  size={size}\n"),
    "sealed": sealed("orobuild-boot 1 sealed\n" + ENTRY),
    "an end without being sealed": sealed(HEAD + ENTRY),
    "a small letter in a name": HEAD + ENTRY.replace("K0.ELF", "k0.elf"),
}
BAD = {
    "empty": ("", "boot-config-format"),
    "no first line": (ENTRY, "boot-config-format"),
    "another version": ("orobuild-boot 2\n" + ENTRY, "boot-config-version"),
    "a version that is no number": ("orobuild-boot x\n" + ENTRY, "boot-config-format"),
    "a control character": (HEAD + ENTRY.replace("Test", "Te\x0bst"), "boot-config-format"),
    "a NUL": (HEAD + ENTRY.replace("Test", "Te\0st"), "boot-config-format"),
    "text behind the end": (sealed(HEAD + ENTRY) + b"x\n", "boot-config-format"),
    "a wrong checksum": (sealed(HEAD + ENTRY).replace(b"Test", b"Tesu"), "boot-config-damaged"),
    "sealed without an end": ("orobuild-boot 1 sealed\n" + ENTRY, "boot-config-damaged"),
    "no entry": (HEAD, "no-kernel"),
    "an entry without a kernel": (f"{HEAD}entry A\n{ENTRY}", "no-kernel"),
    "a kernel before the entries": (HEAD + "kernel /A\n", "boot-config-line"),
    "two kernels": (HEAD + ENTRY + "kernel /B\n", "boot-config-line"),
    "an unknown statement": (HEAD + ENTRY + "initrd /B\n", "boot-config-line"),
    "a relative path": (HEAD + "entry A\nkernel B\n", "boot-config-line"),
    "a timeout that is no number": (HEAD + "timeout soon\n" + ENTRY, "boot-config-line"),
    "a timeout of 2^32": (HEAD + "timeout 4294967296\n" + ENTRY, "boot-config-line"),
    "text behind a number": (HEAD + "timeout 1 2\n" + ENTRY, "boot-config-line"),
    "text behind a kernel": (HEAD + ENTRY.replace("ELF", "ELF x"), "boot-config-line"),
    "a malformed size": (HEAD + ENTRY.replace("ELF\n", "ELF size=1x\n"), "boot-config-line"),
    "a short checksum": (HEAD + ENTRY.replace("ELF\n", "ELF crc32=12\n"), "boot-config-line"),
    "a default that does not exist": (HEAD + "default 1\n" + ENTRY, "boot-config-default"),
    "too large": (HEAD + ENTRY + "#" * 32256, "boot-config-size"),
}
LATER = {
    "a file that is not there": (HEAD + ENTRY.replace("K0", "K9"), "file-missing"),
    "a directory for a file": (HEAD + ENTRY.replace("/K0.ELF", ""), "file-missing"),
    "a file for a directory": (HEAD + ENTRY.replace(".ELF", ".ELF/X"), "file-missing"),
    "a name that FAT has no short form of": (
        HEAD + ENTRY.replace("K0", "KERNELFILE"),
        "file-missing",
    ),
    "another size": (HEAD + ENTRY.replace("ELF\n", "ELF size=5\n"), "file-size"),
    "another checksum": (HEAD + ENTRY.replace("ELF\n", "ELF crc32=00000000\n"), "file-damaged"),
}


def encoded(text: str | bytes, kernel: bytes = b"") -> bytes:
    return text if isinstance(text, bytes) else text.replace("{size}", str(len(kernel))).encode()


@pytest.fixture(scope="session")
def read_config(tmp_path_factory):
    """What the UEFI loader's reader says of the bytes of a BOOT.CFG."""
    folder = tmp_path_factory.mktemp("host")
    program = folder / "read_config"
    sources = (HOST / "read_config.c", EFI / "config.c", EFI / "crc32.c")
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-builtin")
    oracles.run("gcc", "-std=c11", "-g", *sanitize, "-I", EFI, *sources, "-o", program)

    def read(data: bytes) -> str:
        (folder / "BOOT.CFG").write_bytes(data)
        done = subprocess.run(
            [program, folder / "BOOT.CFG"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return read


@pytest.fixture
def start(loader, build_kernel, boot):
    """Boots a disk from a BIOS with this BOOT.CFG and kernels/report.S."""

    def run(text: str | bytes):
        files = {"OROBUILD/K0.ELF": build_kernel(), "EFI/X": b""}
        files["OROBUILD/BOOT.CFG"] = encoded(text, build_kernel())
        return boot(disk_with(loader, files))

    return run


@pytest.mark.parametrize("case", GOOD)
def test_what_a_person_may_write_starts(start, case):
    report = start(GOOD[case])

    assert report.passed, report.lines
    warned = any("unchecked" in f.values for f in report.console.of_kind("loader"))
    assert warned


@pytest.mark.parametrize("case", GOOD)
def test_the_uefi_loader_reads_the_same(read_config, case):
    said = read_config(encoded(GOOD[case], b"1234"))

    assert said.startswith("timeout "), said
    assert "kernel /OROBUILD/K0.ELF" in said.replace("k0.elf", "K0.ELF")


def test_text_arrives_as_it_was_written(read_config):
    said = read_config(
        b"orobuild-boot 1\nentry  A  title \nkernel /K size=1  crc32=0000000a\n"
        b"cmdline  two  words \nmodule /M size=2 crc32=0000000b size=3  x\nmodule /N\n"
    )

    assert said.splitlines()[2:] == [
        "entry  A  title ",
        "kernel /K size=1 crc32=0000000a rest=",
        "cmdline  two  words ",
        "module /M size=2 crc32=0000000b rest=size=3  x",
        "module /N rest=",
    ]


@pytest.mark.parametrize("case", BAD | LATER)
def test_the_bios_loader_names_what_is_wrong(start, case):
    text, reason = (BAD | LATER)[case]

    report = start(text)

    assert report.verdict is Verdict.LOADER_ERROR, report.lines
    assert report.console.loader_error == reason, report.lines
    assert not report.console.of_kind("boot")


@pytest.mark.parametrize("case", BAD)
def test_the_uefi_loader_names_the_same(read_config, case):
    text, reason = BAD[case]

    assert read_config(encoded(text)) == f"reason {reason}\n"


def mutated(numbers: random.Random) -> bytes:
    data = bytearray(encoded(numbers.choice([*GOOD.values(), *(text for text, _ in BAD.values())])))
    for _ in range(numbers.choice((1, 1, 2, 5))):
        at = numbers.randrange(len(data) + 1)
        piece = numbers.choice(
            (
                b"\n",
                b" ",
                b"\r",
                b"\0",
                b"#",
                b"/",
                b"end crc32=",
                b"size=",
                b"crc32=",
                b"entry ",
                b"kernel /",
                bytes([numbers.randrange(256)]),
            )
        )
        data[at : at + numbers.choice((0, 1, 3, 20))] = piece
    return bytes(data)


def test_mutations_never_make_the_reader_read_outside_of_the_text(read_config):
    """Each ends with a menu or a reason; the sanitizers find nothing."""
    numbers = random.Random(7)
    outcomes = {read_config(mutated(numbers)).split()[0] for _ in range(150)}

    assert outcomes == {"reason", "timeout"}


def assert_both_agree(read_config, start, data):
    said = read_config(data)
    report = start(data)
    where = (data, said, report.lines)
    found = report.console.loader_error
    if said.startswith("reason "):
        assert found == said.split()[1], where
    else:
        assert found is None or not found.startswith(("boot-config", "no-kernel")), where


@pytest.mark.parametrize("seed", range(4))
def test_both_loaders_agree_about_mutations(read_config, start, seed):
    assert_both_agree(read_config, start, mutated(random.Random(seed)))


@pytest.mark.full
@pytest.mark.parametrize("first", range(100, 700, 50))
def test_both_loaders_agree_about_mutations_at_length(read_config, start, first):
    for seed in range(first, first + 50):
        assert_both_agree(read_config, start, mutated(random.Random(seed)))


@pytest.mark.parametrize("kind", [12, 16, 32])
def test_every_kind_of_fat_is_read(loader, build_kernel, boot, kind):
    assert boot(disk_of(loader, build_kernel(), kind=kind)).passed
