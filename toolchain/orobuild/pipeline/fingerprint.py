"""What keys of the cache are made of: hashes, and what tells this orobuild from another."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path


@functools.cache
def fingerprint() -> str:
    """What tells this orobuild from another: its package's files, their sizes and times."""
    root = str(Path(__file__).resolve().parents[1])
    found, pending = [], [root]
    while pending:  # os.scandir: a Path for each of hundreds of files costs more than asking it
        for entry in os.scandir(pending.pop()):
            if entry.name.endswith(".py"):
                status = entry.stat()
                name = entry.path.removeprefix(root)
                found.append(f"{name}:{status.st_size}:{status.st_mtime_ns};")
            elif entry.is_dir() and entry.name != "__pycache__":
                pending.append(entry.path)
    return hashlib.sha256("".join(sorted(found)).encode("utf-8", "surrogateescape")).hexdigest()


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, each with its length, so that no two lists collide."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()
