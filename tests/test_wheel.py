"""The package as others get it: a wheel, unpacked somewhere else, builds a kernel that boots."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from image import oracles
from orobuild.image.fat import fat_volume
from orobuild.machine import Firmware, Qemu, boot
from test_documentation import documented_files

ROOT = Path(__file__).resolve().parents[1]


def hatchling(target, source, directory, environment=None):
    """Builds a wheel or a source archive of the package in `source`; its path."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", directory],
        cwd=source,
        env=environment,
        check=True,
        capture_output=True,
    )
    (made,) = directory.glob("orobuild-*")
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A source archive of this checkout, unpacked."""
    directory = tmp_path_factory.mktemp("source")
    shutil.unpack_archive(hatchling("sdist", ROOT, directory / "archive"), directory)
    (unpacked,) = directory.glob("orobuild-*")
    return unpacked


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """A wheel of the source archive, made where there is no C compiler."""
    directory = tmp_path_factory.mktemp("wheel")
    (directory / "hidden" / "ziglang").mkdir(parents=True)
    (directory / "hidden" / "ziglang" / "__init__.py").write_text("raise ImportError")
    hidden = {"PATH": os.environ["PATH"], "PYTHONPATH": str(directory / "hidden")}
    return hatchling("wheel", source, directory / "made", hidden)


@pytest.fixture(scope="module")
def fresh(wheel, tmp_path_factory):
    """The Python of an environment with the wheel and what it depends on, and without ziglang."""
    home = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for there in Path(sysconfig.get_path("purelib")).iterdir():
        if not there.name.startswith(("ziglang", "orobuild", "_orobuild", "__editable__")):
            (packages / there.name).symlink_to(there)
    zipfile.ZipFile(wheel).extractall(packages)
    return home / "bin" / "python"


def run(python, *words, cwd, compiler=False, status=0):
    """`orobuild` in an environment whose PATH has the emulator and, if wanted, everything else."""
    path = os.environ["PATH"]
    if not compiler:
        tools = cwd / "tools"
        tools.mkdir(exist_ok=True)
        if not (tools / "qemu-system-x86_64").exists():
            (tools / "qemu-system-x86_64").symlink_to(shutil.which("qemu-system-x86_64"))
        path = str(tools)
    result = subprocess.run(
        [python, "-m", "orobuild", *words],
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd)} | ({"CC": "clang"} if compiler else {}),
        capture_output=True,
        text=True,
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


def test_it_carries_the_boot_loader_and_the_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "orobuild/boot/asm/boot/mbr.S" in names
    assert "orobuild/boot/BOOTX64.EFI" in names
    assert "orobuild/boot/linker_scripts/boot_stage2.ld" in names
    assert "orobuild/templates/c/asm/entry.S" in names
    assert [n for n in names if n.endswith(("licenses/LICENSE", "licenses/NOTICE"))]
    assert not [n for n in names if n.startswith(("tests", "kernel"))]
    (page,) = [n for n in names if n.endswith("/orobuild-at.1")]
    assert page.endswith(".data/data/share/man/man1/orobuild-at.1"), "where `man` looks for it"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The tutorial's kernel, which is assembly alone."""
    directory = tmp_path_factory.mktemp("project")
    for name, text in documented_files(ROOT / "docs" / "your-own-kernel.md").items():
        (directory / name).write_text(text)
    return directory


def test_it_builds_and_boots_somebody_elses_kernel_without_a_c_compiler(fresh, project, wheel):
    said = run(fresh, "run", "--cores", "1", cwd=project)

    assert "hello from a kernel of my own" in said
    loader = zipfile.ZipFile(wheel).read("orobuild/boot/BOOTX64.EFI")
    with (project / "build" / "release" / "tiny.img").open("rb") as image:
        assert loader in image.read()


@pytest.mark.full
@pytest.mark.parametrize("medium", ["tiny.img", "tiny.iso", "tiny.efi"])
def test_what_it_builds_without_a_c_compiler_boots_from_uefi(fresh, project, medium):
    made = project / "build" / "release" / medium
    run(fresh, "build", cwd=project)
    run(fresh, "image", "build", "build/release/tiny.elf", "-o", "tiny.efi", cwd=project)
    if medium.endswith("efi"):
        made = project / "volume.img"
        executable = (project / medium).read_bytes()
        oracles.save(made, fat_volume({"EFI/BOOT/BOOTX64.EFI": executable}))

    report = boot(Qemu(disk=made, firmware=Firmware.OVMF), timeout=180)

    assert report.passed, report.lines
    assert "hello from a kernel of my own" in "".join(report.lines)


@pytest.mark.full
def test_a_new_kernel_of_its_template_boots_from_both(fresh, tmp_path):
    """C: here a compiler must be there, whichever."""
    words = ("init", "fresh-kernel")
    run(fresh, *words, cwd=tmp_path)
    home = tmp_path / "fresh-kernel"
    run(fresh, "build", cwd=home, compiler=True)
    (image,) = (home / "build").glob("*/*.img")

    for firmware in Firmware:
        report = boot(Qemu(disk=image, firmware=firmware), timeout=180)
        assert report.passed, report.lines


def test_a_wheel_of_the_source_archive_has_the_loader_that_came_with_it(wheel, source):
    packed = zipfile.ZipFile(wheel).read("orobuild/boot/BOOTX64.EFI")

    assert packed == (source / "asm/boot/BOOTX64.EFI").read_bytes()


def requirements(source):
    """What building a wheel of the package in `source` takes, besides the build backend."""
    ask = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"
    done = subprocess.run([sys.executable, "-c", ask], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_wheel_of_a_checkout_takes_no_compiler(wheel, tmp_path):
    """It is what pre-commit installs, which needs none; an image for UEFI takes one then."""
    assert requirements(ROOT) == "[]"
    ours, released = zipfile.ZipFile(hatchling("wheel", ROOT, tmp_path)), zipfile.ZipFile(wheel)

    same = set(released.namelist()) - {"orobuild/boot/BOOTX64.EFI"}
    assert set(ours.namelist()) == same
    assert all(ours.read(name) == released.read(name) for name in same if "RECORD" not in name)


def test_a_source_archive_with_changed_sources_does_not_pass_on_an_old_loader(source, tmp_path):
    changed = shutil.copytree(source, tmp_path / "changed")
    with (changed / "asm/boot/efi/main.c").open("a") as file:
        file.write("/* changed */\n")
    wheel = zipfile.ZipFile(hatchling("wheel", changed, tmp_path / "made"))

    assert "orobuild/boot/BOOTX64.EFI" not in wheel.namelist()
