"""bundle.json: what a bundle says of itself. Every field and its meaning stand here and nowhere else.

`docs/rig-bundle.schema.json` is made from it (`python -m orobuild.rig.index`). Its version is
MAJOR.MINOR. A minor version adds fields and values; who reads an older one ignores them, so texts whose
values may become more are plain strings here. A major version is one that must not be guessed at.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Final

import msgspec

MAJOR: Final = 1
MINOR: Final = 0
VERSION: Final = f"{MAJOR}.{MINOR}"

FORMAT_FILE: Final = "orobuild-rig-bundle"
"""The first member, which says the version: at the same place of the file in every version."""
INDEX_FILE: Final = "bundle.json"
"""The last member but the signature."""
SIGNATURE_FILE: Final = "bundle.sig.json"

PREDICATE: Final = "https://orobuild.dev/rig-bundle/v1"
"""The type of what a signature says: that this is the bundle's index."""

BUILD: Final = "build/"
"""Where the build's output folder lies, just as `orobuild image verify` takes it."""

_FORMAT: Final = re.compile(rb"orobuild rig bundle (\d{1,9})\.(\d{1,9})\n")

# msgspec resolves these annotations at run time, so nothing here may hide behind TYPE_CHECKING.


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    pass


class File(_Record, frozen=True, kw_only=True):
    """A member. `roles` say what it is for; one file may have several."""

    name: str
    roles: list[str]
    """"image", "kernel", "debug", "symbols", "program", "map", "debugger", "lint", "manifest", "sbom",
    "provenance", "readme", "labgrid", "lava", or an image format's name."""
    size: int
    """Bytes, unpacked."""
    sha256: str


class Body(_Record, frozen=True, kw_only=True):
    """All bytes of the archive before the index: every other member, packed, with its header."""

    size: int
    sha256: str


class Source(_Record, frozen=True, kw_only=True):
    """The git revision of the sources; `dirty` if they have changes that it lacks."""

    revision: str | None = None
    dirty: bool = False


class Kernel(_Record, frozen=True, kw_only=True):
    """The kernel that the media start, by names of files of the bundle.

    `debug` is the same image with its debugging sections, which may be the same file; `build_id` is
    in both, in hexadecimal.
    """

    file: str
    debug: str
    symbols: str
    command_line: str = ""
    build_id: str | None = None


class Serial(_Record, frozen=True, kw_only=True):
    """The serial port on which the kernel speaks."""

    port: str = "COM1"
    io_port: str = "0x3f8"
    speed: int = 115200
    """Bits a second."""
    data_bits: int = 8
    parity: str = "none"
    stop_bits: int = 1
    flow_control: str = "none"


class BootMethod(_Record, frozen=True, kw_only=True):
    """A way to start a machine with this bundle."""

    method: str
    """"usb", "cd", "pxe", "uefi-http", "kernel" (an emulator that is handed the kernel by PVH)."""
    firmware: list[str]
    """"bios", "uefi"."""
    file: str
    """The medium, the program that a boot server names, or the kernel."""
    folder: str | None = None
    """What a boot server serves."""
    command: str = ""
    """A command that tries it in QEMU, in the folder `build/` of the bundle."""


class Suite(_Record, frozen=True, kw_only=True):
    """A top-level suite that is expected, and its cases (`suite/case` without the suite)."""

    name: str
    cases: list[str] = []


class Tests(_Record, frozen=True, kw_only=True):
    """What the kernel is expected to say, and when it has passed (`[test]` of the configuration).

    Without `suites` nothing particular is expected.
    """

    suites: list[Suite] = []
    origin: str = ""
    """Where the suites are from, in words."""
    may_lack: list[str] = []
    """Globs of suites and cases that not every machine has."""
    success: str = ""
    failure: list[str] = []
    ends_with: str = ""
    case_timeout: float = 60.0
    """Seconds from one result to the next; 0 is no limit."""
    timeout: float = 300.0
    """Seconds from power to the end."""


class Index(_Record, frozen=True, kw_only=True):
    """bundle.json."""

    version: str
    """MAJOR.MINOR of this structure."""
    made_by: str
    """What wrote it, with its version."""
    name: str
    """The product's name."""
    product_version: str = ""
    profile: str
    source: Source = Source()
    kernel: Kernel
    serial: Serial = Serial()
    boot: list[BootMethod]
    tests: Tests = Tests()
    files: list[File]
    """Every member but this one, its signature and the one that says the format."""
    body: Body

    def files_as(self, role: str) -> list[File]:
        """The files that have a role, in the bundle's order."""
        return [file for file in self.files if role in file.roles]


def format_line() -> bytes:
    """The contents of `FORMAT_FILE`."""
    return f"orobuild rig bundle {VERSION}\n".encode()


def version_in(format_line: bytes) -> tuple[int, int] | None:
    """MAJOR and MINOR of a `FORMAT_FILE`, None if it is none."""
    match = _FORMAT.fullmatch(format_line)
    return (int(match[1]), int(match[2])) if match else None


def to_json(index: Index) -> bytes:
    """The index as the bytes of a file."""
    plain = msgspec.to_builtins(index)
    return json.dumps(plain, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def from_json(data: bytes) -> Index:
    """The index in a file; fields of a later minor version are ignored.

    Raises `msgspec.DecodeError`, of which `ValidationError` is one.
    """
    try:
        return msgspec.json.decode(data, type=Index)
    except UnicodeDecodeError as problem:
        raise msgspec.DecodeError(f"byte {problem.start} of a text is not UTF-8") from None
    except RecursionError:
        raise msgspec.DecodeError("values are nested too deeply") from None


def schema() -> bytes:
    """The JSON Schema of an index, as the bytes of docs/rig-bundle.schema.json."""
    described = msgspec.json.schema(Index)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=2).encode() + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
