"""Source archives from the Debian mirror that this machine's apt uses, checked by their hashes."""

from __future__ import annotations

import hashlib
import subprocess
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Unavailable(Exception):
    """An archive that cannot be had, with the reason."""


def sites() -> list[str]:
    """The mirrors in apt's configuration, the ones of the most indices first."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as why:
        raise Unavailable(f"apt-get does not say which mirror it uses: {why}") from None
    found = listed.split()
    return sorted(set(found), key=lambda site: -found.count(site))


def fetch(file: str, sha256: str, directory: Path) -> Path:
    """The archive `file` of the mirror's pool, downloaded once. Raises `Unavailable`."""
    path = directory / file.rsplit("/", 1)[1]
    if path.exists() and _digest(path) == sha256:
        return path
    directory.mkdir(parents=True, exist_ok=True)
    reasons = []
    for site in sites():
        try:
            with urllib.request.urlopen(f"{site}/pool/{file}", timeout=60) as answer:
                data = answer.read()
        except OSError as why:
            reasons.append(f"{site}: {why}")
            continue
        if hashlib.sha256(data).hexdigest() != sha256:
            reasons.append(f"{site}: another archive than the one that is pinned")
            continue
        partial = path.with_suffix(".part")
        partial.write_bytes(data)
        partial.rename(path)
        return path
    raise Unavailable("; ".join(reasons) or "apt has no mirror")


def unpack(archive: Path, directory: Path) -> Path:
    """The directory that holds the sources of `archive`, unpacked once below `directory`."""
    if not directory.exists():
        partial = directory.with_suffix(".part")
        partial.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-xf", archive, "-C", partial], check=True)
        partial.rename(directory)
    inside = [path for path in directory.iterdir() if path.is_dir()]
    return inside[0] if len(inside) == 1 else directory


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
