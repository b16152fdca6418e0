"""What is installed: what tells this orobuild, with what it stands on, from another.

Asked by every build before anything is known to be needed, so nothing heavy is imported.
"""

from __future__ import annotations

import os
import sys

_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def package() -> list[str]:
    """The package's modules: name, size and time of each."""
    return sorted(_files(_PACKAGE, ".py"))


def state() -> str:
    """All that outputs may depend on and that no project holds: the package and its data, the boot
    loaders' sources, Python, and the folders that libraries are installed in."""
    found = [sys.version, sys.executable, *package(), *_files(f"{_PACKAGE}/templates")]
    checkout = os.path.dirname(os.path.dirname(_PACKAGE))
    for root in (f"{_PACKAGE}/boot", checkout):
        found += _files(f"{root}/asm/boot")
        found += _files(f"{root}/linker_scripts")
    here = os.getcwd()
    for folder in sys.path:
        # What is installed, upgraded or removed is a new name in its folder. `python -m` puts the
        # current directory first, which is the project's.
        if folder not in ("", here):
            found.append(f"{folder}:{_stamp(folder)}")
    return "\n".join(found)


def _files(root: str, suffix: str = "") -> list[str]:
    # os.scandir: a Path for each of hundreds of files costs more than asking it.
    found, pending = [], [root]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    pending.append(entry.path)
            elif entry.name.endswith(suffix):
                status = entry.stat()
                name = entry.path.removeprefix(root)
                found.append(f"{name}:{status.st_size}:{status.st_mtime_ns};")
    return sorted(found)


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "-"
    return f"{status.st_ino}:{status.st_mtime_ns}"
