"""Short programs, one for each thing that a directive can do; each is compared with GNU as."""

from __future__ import annotations

from pathlib import Path

_DIRECTORY = Path(__file__).parent / "programs"


def snippets(name: str) -> list[tuple[str, str]]:
    """The programs of `programs/<name>.s`: (title, text). A line ``#### title`` begins one."""
    found = []
    for block in (_DIRECTORY / f"{name}.s").read_text().split("#### ")[1:]:
        title, _, text = block.partition("\n")
        found.append((title.strip(), text))
    return found
