"""The loader and the kernels that the tests of images boot, built with GNU as and GNU ld."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orobuild import machine
from orobuild.image import bios, bios_disk

ROOT = Path(__file__).resolve().parents[2]
KERNELS = Path(__file__).parent / "kernels"
OFFSET = 0xFFFFFFFF80000000


def gnu_as(source: Path, output: Path, *flags: str) -> Path:
    subprocess.run(
        ["as", "--64", "--fatal-warnings", *flags, "-o", output, source], check=True, text=True
    )
    return output


def gnu_ld(script: Path, output: Path, objects: list[Path], *flags: str) -> Path:
    subprocess.run(["ld", "-T", script, *flags, "-o", output, *objects], check=True)
    return output


@dataclass(frozen=True)
class Loader:
    mbr: bytes
    stage2: bytes


@pytest.fixture(scope="session")
def build_loader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Builds the BIOS loader, as linked ELF files.

    `build_loader((file, old, new), …)` builds it from sources in which `old` was replaced: a PC that
    lacks something is emulated by a loader that asks for it under a wrong number.
    """

    def build(*changes: tuple[str, str, str]) -> Loader:
        folder = tmp_path_factory.mktemp("loader")
        sources = shutil.copytree(ROOT / "asm" / "boot", folder / "boot")
        for name, old, new in changes:
            text = (sources / name).read_text()
            assert text.count(old) == 1, f"{old!r} in {name}"
            (sources / name).write_text(text.replace(old, new))
        objects = {
            source.stem: gnu_as(source, folder / f"{source.stem}.o", "-I", str(sources))
            for source in sorted(sources.glob("*.S"))
        }
        strict = ("--fatal-warnings", "--orphan-handling=error")
        parts = {"mbr": [objects.pop("mbr")], "stage2": list(objects.values())}
        made = {
            name: gnu_ld(
                ROOT / "linker_scripts" / f"boot_{name}.ld", folder / f"{name}.elf", inputs, *strict
            ).read_bytes()
            for name, inputs in parts.items()
        }
        return Loader(**made)

    return build


@pytest.fixture(scope="session")
def loader(build_loader: Any) -> Loader:
    """The BIOS loader as it is."""
    made: Loader = build_loader()
    return made


@pytest.fixture(scope="session")
def build_kernel(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Builds kernels/report.S: `build_kernel(physical=0x100000, offset=…, SYMBOL=value…)`."""
    folder = tmp_path_factory.mktemp("kernels")

    @cache
    def build(physical: int = 0x100000, offset: int = OFFSET, **symbols: int) -> bytes:
        symbols["KERNEL_OFFSET"] = offset
        name = "_".join(f"{key}_{value:x}" for key, value in sorted(symbols.items()))
        flags = [f for k, v in symbols.items() for f in ("--defsym", f"{k}={v:#x}")]
        made = gnu_as(KERNELS / "report.S", folder / f"{name}.o", *flags)
        places = {"KERNEL_OFFSET": offset, "KERNEL_PHYSICAL": physical}
        defined = [f for k, v in places.items() for f in ("--defsym", f"{k}={v:#x}")]
        output = folder / f"{name}_{physical:x}.elf"
        return gnu_ld(KERNELS / "report.ld", output, [made], *defined).read_bytes()

    return build


@pytest.fixture
def boot(tmp_path: Path) -> Any:
    """Boots the bytes of a disk: `boot(data, timeout=20, **fields of Qemu)`."""

    def start(data: bytes, timeout: float = 20, **fields: Any) -> machine.BootReport:
        disk = tmp_path / "disk.img"
        disk.write_bytes(data)
        return machine.boot(machine.Qemu(disk=disk, **fields), timeout=timeout)

    return start


@pytest.fixture
def unchecked_disk(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`bios_disk` that takes any bytes for a kernel: what the loader does with them is the test."""

    def make(kernel: bytes, **arguments: Any) -> bytes:
        with monkeypatch.context() as patch:
            patch.setattr(bios, "check_kernel", lambda data, path: None)
            return bios_disk(mbr=loader.mbr, stage2=loader.stage2, kernel=kernel, **arguments).data

    return make
