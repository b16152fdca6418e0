"""What this machine has for building and booting kernels, and how to get what it lacks.

Looks, installs nothing.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final, Literal

from orobuild.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Need = Literal["build", "run", "option"]

_OLDEST_PYTHON: Final = (3, 11)
_PROBE_SECONDS: Final = 10.0
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+\S*")

# (program, what it is for, the packages of apt, dnf, pacman and brew that bring it)
_PROGRAMS: Final[tuple[tuple[str, str, Need, tuple[str, str, str, str]], ...]] = (
    (
        "qemu-system-x86_64",
        "orobuild run",
        "run",
        ("qemu-system-x86", "qemu-system-x86-core", "qemu-system-x86", "qemu"),
    ),
    (
        "bochs",
        "run --emulator bochs",
        "option",
        ("bochs bochsbios bochs-term", "bochs", "bochs", "bochs"),
    ),
    ("gdb", "orobuild debug", "option", ("gdb", "gdb", "gdb", "gdb")),
    ("git", "the revision in manifests", "option", ("git", "git", "git", "git")),
)
_MANAGERS: Final = (
    ("apt-get", "sudo apt-get install -y"),
    ("dnf", "sudo dnf install -y"),
    ("pacman", "sudo pacman -S"),
    ("brew", "brew install"),
)
_LIBRARIES: Final = (
    *("click", "iced-x86", "keystone-engine", "lief", "msgspec", "numpy", "pyelftools", "rich"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for.

    `found` is its version or place, "" when it is missing; `need` says what does not work without
    it: nothing (`build`), `orobuild run`, or only what `purpose` says (`option`). `remedy` is the
    command that brings it.
    """

    name: str
    purpose: str
    need: Need
    found: str
    remedy: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether it is not there, and something that everybody wants needs it."""
        return not self.found and self.need != "option"


def examine(cache: Path, command: tuple[str, ...] = ()) -> Iterator[Check]:
    """Every check, one after the other. `command` is the configured C compiler."""
    version = platform.python_version()
    old = sys.version_info < _OLDEST_PYTHON
    yield Check("Python", "orobuild itself", "build", "" if old else version)
    for library in _LIBRARIES:
        yield Check(
            library,
            "orobuild itself",
            "build",
            _library(library),
            f"{sys.executable} -m pip install orobuild",
        )
    yield _compiler(cache, command)
    for program, purpose, need, packages in _PROGRAMS:
        yield Check(program, purpose, need, _program(program), _install(packages))
    yield Check("KVM", "run --accelerator kvm", "option", _kvm())


def _library(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _compiler(cache: Path, command: tuple[str, ...]) -> Check:
    from orobuild.pipeline import compiler

    purpose = "C sources, and .S files with preprocessor lines"
    try:
        found = compiler.find(command, cache)
    except MissingToolError as missing:
        hint = missing.diagnostics[0].hint or ""
        return Check("C compiler", purpose, "option", "", hint.splitlines()[0] if hint else "")
    words = " ".join(os.path.basename(word) for word in found.command)  # noqa: PTH119
    return Check("C compiler", purpose, "option", words)


def _program(name: str) -> str:
    """The version that a program prints, its path if it prints none, "" if it is not there."""
    path = shutil.which(name)
    if path is None:
        return ""
    try:
        printed = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return path
    match = _VERSION.search(printed.stdout) or _VERSION.search(printed.stderr)
    return match[0].rstrip("),") if match else path


def _install(packages: tuple[str, str, str, str]) -> str:
    """The command that installs a package with the manager that is here."""
    for (manager, command), names in zip(_MANAGERS, packages, strict=True):
        if shutil.which(manager):
            return f"{command} {names}"
    return f"install {packages[0]}"


def _kvm() -> str:
    from orobuild.machine.qemu import kvm_works

    return "works" if kvm_works() else ""
