"""The loaders and the kernels that the tests of images boot, built with GNU as and GNU ld."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from image import oracles
from orobuild import machine
from orobuild.image import Boot, Entry, Loaders, Module, boot_volume, disk, media
from orobuild.image.bios import disk_loader
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume
from orobuild.pipeline import ready_loaders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
KERNELS = Path(__file__).parent / "kernels"
OFFSET = 0xFFFFFFFF80000000


def signing_key(folder: Path) -> None:
    """Makes an Ed25519 key in key.pem, and its public half in key.pub."""
    pem = folder / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem], check=True)
    public = ["openssl", "pkey", "-in", pem, "-pubout", "-out", folder / "key.pub"]
    subprocess.run(public, check=True)


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
    """The BIOS loader's programs as linked ELF files."""

    mbr: bytes
    cd: bytes
    pxe: bytes
    stage2: bytes


SCRIPTS = {"mbr": "boot_mbr", "cd": "boot_head", "pxe": "boot_head", "stage2": "boot_stage2"}
VOLUME_SIZES = {12: 1 << 20, 16: 4 << 20, 32: 34 << 20}


def disk_of(
    loader: Loader,
    kernel: bytes,
    command_line: str = "",
    modules: Sequence[Module] = (),
    *,
    kind: Literal[12, 16, 32] = 16,
    **menu: int,
) -> Extents:
    """A disk that starts `kernel` from a BIOS; small, so that many can be written."""
    boot = Boot((Entry("Test", kernel, command_line, tuple(modules)),), **menu)
    return disk_with(loader, boot_volume.files(boot), kind=kind)


def disk_with(
    loader: Loader, files: Mapping[str, bytes], *, kind: Literal[12, 16, 32] = 16
) -> Extents:
    """A disk whose boot volume holds `files`, whatever they are."""
    size = -(-sum(map(len, files.values())) // (1 << 20)) << 20
    volume = fat_volume(
        files, kind=kind, size=size + VOLUME_SIZES[kind], hidden_sectors=disk.VOLUME_LBA
    )
    record, stage2 = disk_loader(
        loader.mbr, loader.stage2, stage2_lba=disk.STAGE2_LBA, volume_lba=disk.VOLUME_LBA
    )
    return disk.assemble(volume, boot_record=record, stage2=stage2)


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
        parts = {name: [objects.pop(name)] for name in ("mbr", "cd", "pxe")}
        parts["stage2"] = list(objects.values())
        made = {
            name: gnu_ld(
                ROOT / "linker_scripts" / f"{SCRIPTS[name]}.ld",
                folder / f"{name}.elf",
                inputs,
                *strict,
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

    def start(data: Extents | bytes, timeout: float = 30, **fields: Any) -> machine.BootReport:
        path = oracles.save(tmp_path / "disk.img", data)
        return machine.boot(machine.Qemu(disk=path, **fields), timeout=timeout)

    return start


@pytest.fixture(scope="session")
def loaders(build_cache: Path) -> Loaders:
    """All loaders, built by this toolchain."""
    return ready_loaders.get(build_cache)


@pytest.fixture(scope="session")
def loaders_iso(
    loaders: Loaders, build_kernel: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An ISO with kernels/report.S, a command line and a module."""
    module = Module("first module", b"12345" * 1000)
    boot = Boot((Entry("Test", build_kernel(), "the words", (module,)),))
    made = media.Media(media.Product(name="test", boot=boot, loaders=loaders)).iso()
    return oracles.save(tmp_path_factory.mktemp("iso") / "test.iso", made)
