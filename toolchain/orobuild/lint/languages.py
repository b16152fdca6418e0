"""Which files are sources, by their names, and what they are written in."""

from __future__ import annotations

from typing import Final

from orobuild.lint.comments import Language

_BY_SUFFIX: Final = {
    ".S": Language.PREPROCESSED_ASSEMBLY,
    ".sx": Language.PREPROCESSED_ASSEMBLY,
    ".inc": Language.PREPROCESSED_ASSEMBLY,
    ".asm": Language.PREPROCESSED_ASSEMBLY,
    ".s": Language.ASSEMBLY,
    ".rs": Language.RUST,
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"), Language.C),
    **dict.fromkeys((".ld", ".lds", ".x"), Language.SCRIPT),
}


def of(path: str) -> Language | None:
    """The language of a file with this name; None for what is no source."""
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return _BY_SUFFIX.get(name[dot:]) if dot > 0 else None


def is_assembly(language: Language | None) -> bool:
    """Whether a whole file of `language` is assembly."""
    return language in (Language.PREPROCESSED_ASSEMBLY, Language.ASSEMBLY)


def holds_assembly(language: Language | None) -> bool:
    """Whether assembly stands inside other code in a file of `language`."""
    return language in (Language.C, Language.RUST)
