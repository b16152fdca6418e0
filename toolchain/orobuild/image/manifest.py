"""manifest.json: what a build delivered, so that others can verify and boot it.

A function from values to a dictionary that `json` can write; same values, same bytes. Addresses
are strings in hexadecimal, since many JSON readers keep only 53 bits of a number. Neither time,
host nor directory occurs in it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from orobuild.elf import constants as c
from orobuild.elf.descriptions import segment_flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.image.boot_disk import BootDisk
    from orobuild.image.kernel import Kernel

FORMAT: Final = 1
"""The version of the manifest's structure."""

_DEBUG_EXIT: Final = "-device isa-debug-exit,iobase=0xf4,iosize=4"


@dataclass(frozen=True)
class Artifact:
    """A delivered file: its name in the output folder, its bytes, and what it is for."""

    name: str
    data: bytes
    kind: Literal["kernel", "disk", "map", "lint", "other"]


def manifest(
    *,
    name: str,
    profile: str,
    artifacts: Sequence[Artifact],
    kernel: Kernel,
    disk: BootDisk | None = None,
    command_line: str = "",
    versions: Mapping[str, str] | None = None,
    lint: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest of one build.

    `versions` maps tools to their versions; `lint` is a summary of the lint run, put in as it is.
    """
    described: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "profile": profile,
        "command_line": command_line,
        "artifacts": [_artifact(a) for a in sorted(artifacts, key=lambda a: a.name)],
        "kernel": _kernel(kernel),
        "boot": _boot(artifacts, kernel, command_line),
    }
    if disk:
        described["disk"] = {
            "format": "raw",
            "partition_table": "gpt",
            "layout": [{"name": r.name, "offset": r.offset, "size": r.size} for r in disk.layout],
        }
    if versions is not None:
        described["versions"] = dict(sorted(versions.items()))
    if lint is not None:
        described["lint"] = dict(lint)
    return described


def to_json(described: Mapping[str, Any]) -> bytes:
    """The manifest as the bytes of a file."""
    return json.dumps(described, indent=2, ensure_ascii=False).encode() + b"\n"


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "size": len(artifact.data),
        "sha256": hashlib.sha256(artifact.data).hexdigest(),
    }


def _kernel(kernel: Kernel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "machine": "x86_64",
        "entry": f"{kernel.entry:#x}",
        "multiboot2_header": f"{kernel.header.offset:#x}",
        "segments": [
            {
                "permissions": segment_flags(s.p_flags),
                "virtual": f"{s.p_vaddr:#x}",
                "physical": f"{s.p_paddr:#x}",
                "file_size": s.p_filesz,
                "memory_size": s.p_memsz,
                "sections": _sections(kernel.elf, s.p_vaddr, s.p_vaddr + s.p_memsz),
            }
            for s in kernel.segments
        ],
    }
    if kernel.pvh_entry is not None:
        described["pvh_entry"] = f"{kernel.pvh_entry:#x}"
    return described


def _sections(elf: ElfFile, start: int, end: int) -> list[str]:
    return [
        s.name
        for s in elf.sections
        if s.sh_flags & c.SHF_ALLOC and s.sh_size and start <= s.sh_addr < end
    ]


def _boot(artifacts: Sequence[Artifact], kernel: Kernel, command_line: str) -> list[dict[str, str]]:
    ways = []
    for artifact in artifacts:
        if artifact.kind == "disk":
            ways.append(
                {
                    "artifact": artifact.name,
                    "firmware": "BIOS",
                    "medium": "disk or USB stick",
                    "try": "qemu-system-x86_64 -machine q35 -cpu max -serial stdio "
                    f"{_DEBUG_EXIT} -drive format=raw,file={shlex.quote(artifact.name)}",
                }
            )
        if artifact.kind == "kernel" and kernel.pvh_entry is not None:
            append = f" -append {shlex.quote(command_line)}" if command_line else ""
            ways.append(
                {
                    "artifact": artifact.name,
                    "firmware": "none (PVH)",
                    "medium": "kernel file",
                    "try": "qemu-system-x86_64 -machine q35 -cpu max -serial stdio "
                    f"{_DEBUG_EXIT} -kernel {shlex.quote(artifact.name)}{append}",
                }
            )
    return ways
