"""Which files a path or glob of the configuration names: asked by a build, and by whoever wants to
know whether the answer is still the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def files_matching(root: Path, pattern: str) -> list[str]:
    """The files below `root` that `pattern` names, sorted, relative to it and with `/`."""
    if not any(character in pattern for character in "*?["):
        return [pattern] if (root / pattern).is_file() else []
    return sorted(p.relative_to(root).as_posix() for p in root.glob(pattern) if p.is_file())
