"""What a build was made from and with: the sources' git revision, and the tools' versions.

Neither the running Python nor the machine is among them: they do not show in the outputs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orobuild
from orobuild.pipeline.fingerprint import digest

if TYPE_CHECKING:
    from orobuild.pipeline.cache import Cache
    from orobuild.pipeline.compiler import Compiler

_LIBRARIES: Final = ("iced-x86", "keystone-engine", "lief", "numpy", "pyelftools")
_TIMEOUT: Final = 30.0


def revision(status: str | None) -> tuple[str | None, bool]:
    """The commit that is checked out, and whether there are changes beyond it, from git's `status`.

    (None, False) where there is no git repository, or no git.
    """
    found = re.search(r"^# branch\.oid ([0-9a-f]{40,64})$", status or "", re.MULTILINE)
    if not status or not found:
        return None, False
    return found[1], any(not line.startswith("#") for line in status.splitlines())


def tools(compiler: Compiler | None, cache: Cache) -> dict[str, str]:
    """The versions of orobuild, of the libraries that outputs depend on, and of the C compiler."""
    found = {"orobuild": orobuild.__version__, **_libraries()}
    if compiler is not None:
        found[" ".join((Path(compiler.command[0]).name, *compiler.command[1:]))] = _version(
            compiler, cache
        )
    return found


def _libraries() -> dict[str, str]:
    """By the names of their directories: `importlib.metadata` takes longer to import."""
    names = {name.replace("-", "_"): name for name in _LIBRARIES}
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        try:
            entries = [entry.name for entry in folder.iterdir()]
        except OSError:
            continue
        for entry in entries:
            stem, _, version = entry.removesuffix(".dist-info").partition("-")
            if entry.endswith(".dist-info") and stem.lower() in names:
                found.setdefault(names[stem.lower()], version)
    return dict(sorted(found.items()))


def _version(compiler: Compiler, cache: Cache) -> str:
    """The first line of `--version`, asked once for each compiler."""
    key = digest("compiler version", compiler.fingerprint, *compiler.command)
    if hit := cache.get(key):
        return hit[0].decode()
    try:
        said = subprocess.run(
            [*compiler.command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_TIMEOUT,
            env={**os.environ, **dict(compiler.environment)},
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    version = (said.splitlines() or ["unknown"])[0].strip()
    cache.put(key, version.encode())
    return version
