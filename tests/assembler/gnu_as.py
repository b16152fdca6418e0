"""The oracle of these tests: GNU as, and what it and we make of the same text."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orobuild.assembler import Assembly, Options, assemble
from orobuild.elf.compare import compare
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "{standard input}"


def gnu(text: str, bits: int = 64, *arguments: str) -> tuple[bytes | None, str]:
    """What GNU as makes of `text`: the object or None, and its messages."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "out.o")
        run = subprocess.run(
            ["as", f"--{bits}", *arguments, "-o", path, "-"],
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=60,
        )
        data = path.read_bytes() if run.returncode == 0 else None
    return data, run.stderr.decode("utf-8", "replace")


def ours(
    text: str,
    bits: Literal[32, 64] = 64,
    *,
    strict: bool = False,
    files: Mapping[str, bytes] | None = None,
    **options: object,
) -> Assembly:
    """What we make of `text`; includes come from `files`. Raises `InputError`."""

    def read_file(path: str) -> bytes:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    chosen = Options(bits=bits, strict=strict, **options)  # type: ignore[arg-type]
    return assemble(text, NAME, chosen, read_file=read_file)


def differences(text: str, bits: Literal[32, 64] = 64) -> list[str]:
    """How our object for `text` differs from GNU's; being refused by one side only counts."""
    theirs, said = gnu(text, bits)
    try:
        mine = ours(
            text, bits, compilation_directory=str(Path.cwd()), producer="GNU AS 2.40"
        ).object
    except InputError as problem:
        if theirs is None:
            return []
        return [f"only we refuse it: {problem}"]
    if theirs is None:
        return [f"only GNU as refuses it: {said}"]
    return compare(mine, theirs)


def message(text: str, *, strict: bool = False, files: Mapping[str, bytes] | None = None) -> str:
    """The diagnostics that refuse `text`, rendered."""
    try:
        ours(text, strict=strict, files=files)
    except InputError as problem:
        return str(problem)
    raise AssertionError(f"accepted: {text}")
