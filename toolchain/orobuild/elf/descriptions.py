"""Names for ELF constants, as readelf prints them. Tables only."""

from __future__ import annotations

from typing import Final

from orobuild.elf import constants


def _names(prefix: str, *, without: tuple[str, ...] = ()) -> dict[int, str]:
    return {
        value: name
        for name, value in vars(constants).items()
        if name.startswith(prefix) and isinstance(value, int) and name not in without
    }


SHT: Final = _names("SHT_")
PT: Final = _names("PT_")
STB: Final = _names("STB_")
STT: Final = _names("STT_")
STV: Final = _names("STV_")
ET: Final = _names("ET_")
R_X86_64: Final = _names("R_X86_64_")
R_386: Final = _names("R_386_")

_SECTION_FLAG_LETTERS: Final = (
    (constants.SHF_WRITE, "w"),
    (constants.SHF_ALLOC, "a"),
    (constants.SHF_EXECINSTR, "x"),
    (constants.SHF_MERGE, "M"),
    (constants.SHF_STRINGS, "S"),
    (constants.SHF_LINK_ORDER, "o"),
    (constants.SHF_GROUP, "G"),
    (constants.SHF_TLS, "T"),
    (constants.SHF_GNU_RETAIN, "R"),
    (constants.SHF_X86_64_LARGE, "l"),
    (constants.SHF_EXCLUDE, "e"),
)


def section_flags(sh_flags: int) -> str:
    """`sh_flags` as the letters that `.section` takes (`"ax"`), `""` for none."""
    return "".join(letter for bit, letter in _SECTION_FLAG_LETTERS if sh_flags & bit)


def segment_flags(p_flags: int) -> str:
    """`p_flags` as words: `R E`, `RW`, `R`; `none` when no bit is set."""
    letters = "".join(
        letter
        for bit, letter in (
            (constants.PF_R, "R"),
            (constants.PF_W, "W"),
            (constants.PF_X, " E"),
        )
        if p_flags & bit
    ).strip()
    extra = p_flags & ~0x7
    if extra:
        letters = f"{letters}+{extra:#x}".lstrip("+")
    return letters or "none"


def relocation_type(e_machine: int, r_type: int) -> str:
    """The name of a relocation type, `unknown type N` for one that we have no name for."""
    table = R_386 if e_machine == constants.EM_386 else R_X86_64
    return table.get(r_type, f"unknown type {r_type}")
