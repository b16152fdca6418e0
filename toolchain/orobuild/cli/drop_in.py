"""What the drop-in programs share: numbers and definitions as binutils read them, and outputs
whose time stamps make can rely on.
"""

from __future__ import annotations

import os
from typing import Final

from orobuild.cli import files
from orobuild.errors import UsageError

BINUTILS: Final = "2.40"  # the version whose language and options these programs have


def number(text: str) -> int:
    """An integer as bfd_scan_vma reads it: `0x` is hexadecimal, a leading `0` octal.

    Raises `ValueError`.
    """
    sign = -1 if text.startswith("-") else 1
    digits = text.removeprefix("-")
    if digits[:2].lower() == "0x":
        return sign * int(digits, 0)
    if not digits.isdigit():
        raise ValueError(text)
    return sign * int(digits, 8 if digits.startswith("0") else 10)


def symbol(definition: str) -> tuple[str, int]:
    """`NAME=VALUE` of --defsym. Raises `UsageError`."""
    name, equals, value = definition.partition("=")
    try:
        if not name or not equals:
            raise ValueError
        return name, number(value)
    except ValueError:
        raise UsageError(
            f"--defsym '{definition}' is not NAME=VALUE with an integer value",
            hint="for example --defsym CORES=4 or --defsym BASE=0x100000",
        ) from None


def write(path: str, data: bytes, *, executable: bool = False) -> None:
    """Write an output. Unlike a build's outputs its time stamp is always new: make looks at it."""
    files.write(path, data, executable=executable)
    if path not in ("-", "/dev/null"):
        os.utime(path)
