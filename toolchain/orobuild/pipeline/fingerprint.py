"""What keys of the cache are made of: hashes, and what tells this orobuild from another."""

from __future__ import annotations

import functools
import hashlib

from orobuild.pipeline import installation


@functools.cache
def fingerprint() -> str:
    """What tells this orobuild from another: its package's files, their sizes and times."""
    return hashlib.sha256(
        "".join(installation.package()).encode("utf-8", "surrogateescape")
    ).hexdigest()


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, each with its length, so that no two lists collide."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()
