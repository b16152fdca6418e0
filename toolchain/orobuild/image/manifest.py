"""manifest.json: what a build delivered, so that others can verify and boot it.

The structure is typed here and nowhere else: `docs/manifest.schema.json` is made from it
(`python -m orobuild.image.manifest`). Same values, same bytes. Addresses are strings in
hexadecimal, since many JSON readers keep only 53 bits of a number. Neither time, host nor
directory occurs in it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from orobuild.elf import constants as c
from orobuild.elf.descriptions import segment_flags
from orobuild.image.kernel import check_kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.image.boot_volume import Boot
    from orobuild.image.kernel import Kernel as CheckedKernel

FORMAT: Final = 2
"""The version of the manifest's structure."""

_DEBUG_EXIT: Final = "-device isa-debug-exit,iobase=0xf4,iosize=4"
_QEMU: Final = f"qemu-system-x86_64 -machine q35 -cpu max -serial stdio {_DEBUG_EXIT}"
_FIRMWARE: Final = "-bios /usr/share/ovmf/OVMF.fd"

# msgspec resolves these annotations at run time, so nothing here may hide behind TYPE_CHECKING.


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Artifact(_Record, frozen=True, kw_only=True):
    """A delivered file: its path in the output folder, and its bytes' size and SHA-256."""

    name: str
    kind: str
    """An image format's name, or "kernel", "program", "map", "debugger", "lint"."""
    size: int
    sha256: str


class Segment(_Record, frozen=True, kw_only=True):
    """A PT_LOAD segment; sizes in bytes."""

    permissions: str
    virtual: str
    physical: str
    file_size: int
    memory_size: int
    sections: list[str]


class Kernel(_Record, frozen=True, kw_only=True):
    """A kernel's file as a loader sees it. `entry` is physical."""

    sha256: str
    machine: Literal["x86_64"] = "x86_64"
    entry: str
    multiboot2_header: str
    pvh_entry: str | None = None
    segments: list[Segment]


class Module(_Record, frozen=True, kw_only=True):
    """A module of an entry, and its Multiboot2 string."""

    string: str
    size: int
    sha256: str


class Entry(_Record, frozen=True, kw_only=True):
    """An entry of the boot menu."""

    title: str
    command_line: str
    kernel: Kernel
    modules: list[Module]


class Way(_Record, frozen=True, kw_only=True):
    """A way to boot: what starts what, and a command that tries it in the output folder."""

    artifact: str
    firmware: str
    medium: str
    command: str = ""


class Source(_Record, frozen=True, kw_only=True):
    """The git revision of the sources; `dirty` if they have changes that it lacks."""

    revision: str | None
    dirty: bool


class Lint(_Record, frozen=True, kw_only=True):
    """The lint run; `checked` false is a build that must not be shipped."""

    checked: bool
    rules: int = 0
    findings: int = 0


class Region(_Record, frozen=True, kw_only=True):
    """A range of the raw disk, in bytes."""

    name: str
    offset: int
    size: int


class Manifest(_Record, frozen=True, kw_only=True):
    """manifest.json."""

    format: Literal[2] = 2
    name: str
    profile: str
    source: Source
    artifacts: list[Artifact]
    entries: list[Entry]
    default_entry: int = 0
    timeout: int = 5
    layout: list[Region] = []
    boot: list[Way] = []
    lint: Lint
    tools: dict[str, str]
    configuration: dict[str, Any]


def describe_kernel(kernel: CheckedKernel, sha256: str) -> Kernel:
    """What the manifest says of a kernel."""
    pvh = kernel.pvh_entry
    return Kernel(
        sha256=sha256,
        entry=f"{kernel.entry:#x}",
        multiboot2_header=f"{kernel.header.offset:#x}",
        pvh_entry=None if pvh is None else f"{pvh:#x}",
        segments=[
            Segment(
                permissions=segment_flags(s.p_flags),
                virtual=f"{s.p_vaddr:#x}",
                physical=f"{s.p_paddr:#x}",
                file_size=s.p_filesz,
                memory_size=s.p_memsz,
                sections=_sections(kernel.elf, s.p_vaddr, s.p_vaddr + s.p_memsz),
            )
            for s in kernel.segments
        ],
    )


def describe_entries(boot: Boot) -> list[Entry]:
    """What the manifest says of a boot menu, whose kernels have been checked."""

    def digest(data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    return [
        Entry(
            title=entry.title,
            command_line=entry.command_line,
            kernel=describe_kernel(check_kernel(entry.kernel, entry.title), digest(entry.kernel)),
            modules=[
                Module(string=module.string, size=len(module.data), sha256=digest(module.data))
                for module in entry.modules
            ],
        )
        for entry in boot.entries
    ]


def _sections(elf: ElfFile, start: int, end: int) -> list[str]:
    return [
        s.name
        for s in elf.sections
        if s.sh_flags & c.SHF_ALLOC and s.sh_size and start <= s.sh_addr < end
    ]


_MEDIA: Final = {
    "img": "disk or USB stick",
    "iso": "CD, disk or USB stick",
    "vmdk": "VMware disk",
    "vmdk-stream": "VMware disk",
    "vdi": "VirtualBox disk",
    "vhd": "Hyper-V disk",
    "vhd-fixed": "Azure disk",
    "vhdx": "Hyper-V disk",
    "qcow2": "QEMU disk",
    "ova": "VMware or VirtualBox machine",
}
_DRIVES: Final = {"img": "raw", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "qcow2": "qcow2"}


def ways_to_boot(artifacts: Sequence[Artifact], entry: Entry, *, has_efi: bool) -> list[Way]:
    """How to boot what was delivered; `entry` is the one that starts by itself."""
    firmware = "BIOS or UEFI" if has_efi else "BIOS"
    ways = []
    for artifact in artifacts:
        file = shlex.quote(artifact.name)
        if artifact.kind in _MEDIA:
            command = ""
            if artifact.kind in _DRIVES:
                command = f"{_QEMU} -drive format={_DRIVES[artifact.kind]},file={file}"
            elif artifact.kind == "iso":
                command = f"{_QEMU} -cdrom {file}"
            ways.append(
                Way(
                    artifact=artifact.name,
                    firmware=firmware,
                    medium=_MEDIA[artifact.kind],
                    command=command,
                )
            )
        elif artifact.kind == "efi":
            ways.append(
                Way(
                    artifact=artifact.name,
                    firmware="UEFI",
                    medium="file on an EFI system partition, PXE or HTTP",
                    command=f"{_QEMU} {_FIRMWARE} -kernel {file}",
                )
            )
        elif artifact.kind == "pxe" and artifact.name.endswith(("oroboot.0", "BOOTX64.EFI")):
            is_efi = artifact.name.endswith(".EFI")
            folder = artifact.name.partition("/")[0]
            program = artifact.name.partition("/")[2]
            network = f"-nic user,tftp={shlex.quote(folder)},bootfile={program} -boot n"
            ways.append(
                Way(
                    artifact=artifact.name,
                    firmware="UEFI" if is_efi else "BIOS",
                    medium="network (PXE)",
                    command=f"{_QEMU} {_FIRMWARE + ' ' if is_efi else ''}{network}",
                )
            )
        elif artifact.kind == "kernel" and entry.kernel.pvh_entry is not None:
            line = entry.command_line
            append = f" -append {shlex.quote(line)}" if line else ""
            ways.append(
                Way(
                    artifact=artifact.name,
                    firmware="none (PVH)",
                    medium="kernel file",
                    command=f"{_QEMU} -kernel {file}{append}",
                )
            )
    return ways


def to_json(described: Manifest) -> bytes:
    """The manifest as the bytes of a file."""
    plain = msgspec.to_builtins(described)
    return json.dumps(plain, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def from_json(data: bytes) -> Manifest:
    """The manifest in a file. Raises `msgspec.DecodeError`, of which `ValidationError` is one."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except UnicodeDecodeError as problem:
        raise msgspec.DecodeError(f"byte {problem.start} of a text is not UTF-8") from None


def schema() -> bytes:
    """The JSON Schema of a manifest, as the bytes of docs/manifest.schema.json."""
    described = msgspec.json.schema(Manifest)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=2).encode() + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
