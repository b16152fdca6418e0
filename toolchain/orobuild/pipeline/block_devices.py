"""What a block device is: size, kind, partitions, and who uses it now. Read from sysfs and procfs.

Owns the question whether a device may be overwritten; never writes. The roots can be replaced, so
that a test shows any machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTOR = 512  # sysfs counts in these whatever the device does
_SYSTEM_MOUNTS = ("/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/home")


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the system's views of its devices are mounted."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A whole disk. `size` in bytes; `uses` are (device, "mounted on …" and the like)."""

    name: str
    path: Path
    size: int
    description: str
    removable: bool
    read_only: bool
    partitions: tuple[tuple[str, int], ...]
    uses: tuple[tuple[str, str], ...]
    system: bool

    @property
    def objections(self) -> tuple[str, ...]:
        """Why it should not be overwritten; the user may override these."""
        found = [f"{device} is {use}" for device, use in self.uses]
        if self.system:
            found.append(f"{self.name} holds this system")
        if not self.removable:
            found.append(f"{self.name} is not removable: it is no USB stick or memory card")
        return tuple(found)


def find(path: Path, roots: Roots | None = None) -> BlockDevice:
    """The disk at `path`. Raises `UsageError` if it is none, or a partition of one."""
    roots = roots or Roots()
    real = Path(os.path.realpath(path))
    if not path.exists():
        raise UsageError(f"there is no device '{path}'", hint=_candidates(roots))
    name = real.relative_to(roots.dev.resolve()).as_posix() if _is_below(real, roots) else ""
    entry = roots.sys / "class" / "block" / name.replace("/", "!")
    if not name or not entry.exists():
        raise UsageError(f"'{path}' is not a block device", hint=_candidates(roots))
    if (entry / "partition").exists():
        whole = Path(os.path.realpath(entry)).parent.name
        raise UsageError(
            f"'{path}' is a partition: an image has a partition table of its own",
            hint=f"write to the whole disk, {roots.dev / whole}",
        )
    return _described(name, real, entry, roots)


def _is_below(path: Path, roots: Roots) -> bool:
    return path.is_relative_to(roots.dev.resolve())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int:
    text = _text(file)
    return int(text) if text.isdigit() else 0


def _described(name: str, path: Path, entry: Path, roots: Roots) -> BlockDevice:
    partitions = tuple(
        (child.name, _number(child / "size") * _SECTOR)
        for child in sorted(entry.iterdir())
        if (child / "partition").exists()
    )
    words = [_text(entry / "device" / word) for word in ("vendor", "model")]
    words = [word for word in words if not word.startswith("0x")]  # a number of the bus
    where = os.path.realpath(entry)
    bus = "USB" if "/usb" in where else "memory card" if "/mmc" in where else ""
    family = list(_family(entry, roots))
    uses = tuple(_uses(family, roots))
    return BlockDevice(
        name,
        path,
        _number(entry / "size") * _SECTOR,
        " ".join(word for word in (*words, f"({bus})" if bus else "") if word),
        _text(entry / "removable") == "1" or bool(bus),
        _text(entry / "ro") == "1",
        partitions,
        uses,
        any(use == f"mounted on {place}" for _, use in uses for place in _SYSTEM_MOUNTS)
        or any(use == "used as swap" for _, use in uses),
    )


def _family(entry: Path, roots: Roots) -> Iterator[Path]:
    """A device, its partitions, and what is built on them (mapped devices, arrays)."""
    pending, seen = [entry], set()
    while pending:
        one = pending.pop(0)
        if one.name in seen:
            continue
        seen.add(one.name)
        yield one
        pending += [child for child in sorted(one.iterdir()) if (child / "partition").exists()]
        holders = one / "holders"
        if holders.is_dir():
            pending += [roots.sys / "class" / "block" / h.name for h in sorted(holders.iterdir())]


def _uses(family: list[Path], roots: Roots) -> Iterator[tuple[str, str]]:
    names = {_text(entry / "dev"): entry.name for entry in family}
    names.pop("", None)
    for line in _text(roots.proc / "self" / "mountinfo").splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[2] in names:
            place = fields[4].replace("\\040", " ")
            yield names[fields[2]], f"mounted on {place}"
    devices = {entry.name.replace("!", "/"): entry.name for entry in family}
    for line in _text(roots.proc / "swaps").splitlines()[1:]:
        device = Path(os.path.realpath(line.split()[0])) if line.split() else Path()
        name = (
            device.name
            if not _is_below(device, roots)
            else str(device.relative_to(roots.dev.resolve()))
        )
        if name in devices:
            yield devices[name], "used as swap"
    for entry in family[1:]:
        if not (entry / "partition").exists():
            label = _text(entry / "dm" / "name") or entry.name
            yield entry.name, f"part of '{label}'"


def _candidates(roots: Roots) -> str | None:
    """The removable disks that there are, as a hint."""
    found = []
    for entry in sorted((roots.sys / "class" / "block").glob("*")):
        if (entry / "partition").exists() or not _number(entry / "size"):
            continue
        device = _described(entry.name, roots.dev / entry.name, entry, roots)
        if device.removable:
            found.append(f"{device.path} {device.description}".strip())
    return f"removable disks: {', '.join(found)}" if found else "no removable disk is plugged in"
