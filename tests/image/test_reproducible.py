"""The same inputs give the same bytes: in any place, at any time, for anybody, by any Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image import oracles
from orobuild.image import media

ROOT = Path(__file__).resolve().parents[2]

# Every format from given loaders, kernel and module; nothing but the package and Python is there.
ALL_FORMATS = """
import sys
from pathlib import Path
from orobuild.image import Boot, Entry, Loaders, Module, media
folder = Path(sys.argv[1])
read = lambda name: (folder / name).read_bytes()
programs = {name: read(name) for name in ("mbr", "stage2", "cd", "pxe", "efi")}
entries = (
    Entry("One", read("kernel"), "a=1", (Module("text", read("module")),)),
    Entry("Two", read("kernel")),
)
product = media.Product(
    name="k", boot=Boot(entries), loaders=Loaders(**programs), timestamp=int(sys.argv[2]),
    files={"docs/a long name.txt": read("module"), "another": b""},
)
made = media.Media(product)
for name in (*media.FORMATS, media.TREE):
    for file, contents in sorted(media.make(made, name).items()):
        print(file, contents.size, contents.sha256())
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory, loaders, build_kernel):
    folder = tmp_path_factory.mktemp("parts")
    programs = {
        "mbr": loaders.mbr,
        "stage2": loaders.stage2,
        "cd": loaders.cd,
        "pxe": loaders.pxe,
    }
    others = {"efi": loaders.efi, "kernel": build_kernel(), "module": os.urandom(70_000)}
    for name, data in {**programs, **others}.items():
        (folder / name).write_bytes(data)
    return folder


def pythons() -> list[str]:
    """Every Python from 3.11 on that this machine has, each version once."""
    places = [Path(sys.executable), *Path("/usr/bin").glob("python3.[1-9][0-9]")]
    for base in (Path.home() / ".pyenv", Path("/root/.pyenv"), Path("/opt/pyenv")):
        if os.access(base, os.R_OK | os.X_OK):
            places += base.glob("versions/3.[1-9]*/bin/python3")
    found: dict[str, str] = {}
    for place in places:
        code = "import platform, sys; print(*sys.version_info[:2], platform.python_version())"
        asked = subprocess.run([place, "-I", "-c", code], capture_output=True, text=True)
        major, minor, version = asked.stdout.split() if asked.returncode == 0 else (0, 0, "")
        if (int(major), int(minor)) >= (3, 11):
            found.setdefault(version, str(place))
    return list(found.values())


def all_formats(parts: Path, python: str, timestamp: int, **variables: str) -> str:
    done = subprocess.run(
        [python, "-c", ALL_FORMATS, parts, str(timestamp)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "toolchain"), "PATH": os.environ["PATH"], **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_format_is_the_same_for_every_python(parts):
    made = {
        python: all_formats(parts, python, 1_700_000_000, PYTHONHASHSEED=str(seed), TZ=f"X{seed}")
        for seed, python in enumerate(pythons())
    }

    assert len(set(made.values())) == 1, made
    lines = next(iter(made.values())).splitlines()
    assert {line.split()[0] for line in lines} >= {f"k{f.suffix}" for f in media.FORMATS.values()}


def test_the_date_that_is_given_is_the_only_one(parts):
    one, other = (all_formats(parts, sys.executable, date) for date in (0, 1_700_000_000))
    changed = {line.split()[0] for line in set(one.splitlines()) ^ set(other.splitlines())}

    assert "k.img" in changed
    assert "k.efi" not in changed
    assert not any(name.startswith("k-pxe/") for name in changed)


def build(project: Path, jobs: int, umask: int, words: tuple[str, ...], **variables: str) -> None:
    done = subprocess.run(
        [*words, sys.executable, "-m", "orobuild", "build", "-j", str(jobs)],
        cwd=project,
        capture_output=True,
        text=True,
        umask=umask,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def outputs(project: Path) -> dict[str, bytes]:
    folder = project / "build" / "release"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def as_somebody_else() -> tuple[str, ...]:
    """Words that run a command as another user; none where this takes rights that we lack.

    The other user keeps the right to read everything: this Python may lie in somebody's home.
    """
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        assert "CI" not in os.environ, "CI must be able to build as another user: root, and setpriv"
        return ()
    right = "dac_override"
    return (
        *("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"),
        *(f"--inh-caps=+{right}", f"--ambient-caps=+{right}"),
    )


def compare(one: Path, other: Path) -> None:
    first, second = outputs(one), outputs(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_two_places_users_umasks_locales_zones_and_job_counts_give_the_same_files(tmp_path):
    from test_documentation import documented_files

    files = documented_files(ROOT / "docs" / "your-own-kernel.md")
    files["orobuild.toml"] += f"[image]\nformats = {json.dumps([*media.FORMATS, media.TREE])}\n"
    one, other = tmp_path / "a", tmp_path / "another place, with ünï" / "deeper"
    for folder in (one, other):
        folder.mkdir(parents=True)
        for name in sorted(files, reverse=folder is other):
            (folder / name).write_text(files[name])

    build(one, 1, 0o022, (), TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1", HOME=str(tmp_path / "h1"))
    build(
        other, 4, 0o077, as_somebody_else(),
        TZ="Asia/Tokyo", LC_ALL="C.UTF-8", PYTHONHASHSEED="2", HOME=str(tmp_path / "h2"),
        USER="us3r-k9z", LOGNAME="us3r-k9z", HOSTNAME="h0st-q7x",
    )  # fmt: skip

    compare(one, other)
    everything = b"".join(outputs(one).values())
    for secret in (str(tmp_path), "h0st-q7x", "us3r-k9z"):
        assert secret.encode() not in everything
    assert oracles.run("file", one / "build/release/tiny.iso")


@pytest.mark.full
def test_the_kernel_of_this_repository_is_the_same_from_two_clones(tmp_path):
    for name in ("one", "the other"):
        subprocess.run(["git", "clone", "-q", ROOT, tmp_path / name], check=True)
    build(tmp_path / "one", 1, 0o022, (), TZ="UTC", PYTHONHASHSEED="1")
    build(tmp_path / "the other", 3, 0o077, (), TZ="Asia/Tokyo", PYTHONHASHSEED="2", LC_ALL="C")

    compare(tmp_path / "one", tmp_path / "the other")
