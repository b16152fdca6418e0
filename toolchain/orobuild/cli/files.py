"""Reading inputs and writing outputs that are named on the command line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.pipeline import outputs
from orobuild.pipeline.inputs import read_regular

if TYPE_CHECKING:
    from orobuild.assembler.encoding_cache import EncodingCache


def read(path: str) -> bytes:
    """A file's bytes, or standard input's for `-`. Raises `InputError`."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        # Unbuffered and without a Path: a link reads hundreds of files.
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as problem:
        raise InputError(error(f"cannot read: {problem.strerror}", Span(path))) from problem


def read_text(path: str) -> str:
    """A source's text; bytes that are not UTF-8 survive as surrogates."""
    return read(path).decode("utf-8", "surrogateescape")


def read_included(path: str) -> bytes:
    """A file that a source or a script names. Raises `OSError`, which the reader locates."""
    return read_regular(path)


def encodings(output: str) -> EncodingCache | None:
    """The encoding cache of whatever is assembled to `output`; None if the user wants none.

    The output tells one source from another: compilers give their assembler files new names each
    time.
    """
    from orobuild import user_cache
    from orobuild.assembler import encoding_cache

    directory = user_cache.directory(os.environ)
    if directory is None or output in ("-", "/dev/null"):
        return None
    return encoding_cache.EncodingCache(directory, os.path.abspath(output))


def write(path: str, data: bytes, *, executable: bool = False) -> None:
    """Write an output atomically, or to standard output for `-`."""
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    if path == "/dev/null":
        return
    outputs.write(path, data)
    if executable:
        mode = os.stat(path).st_mode
        os.chmod(path, mode | (mode & 0o444) >> 2)
