"""The encoding cache: what every statement of a file was encoded to, kept for the next time.

Assembling a file again, most statements are the same as before, and reading, encoding and
decoding them back was most of the work. One file of the cache holds what one assembly file's
statements became, so what is loaded is what is needed. Beside it stands the object that was made
last: if not a byte has changed, that is the answer.

An entry is believed only if everything that could change an encoding is the same: its file's name
says which versions of the encoder, keystone and iced-x86 made it, and a digest says that it is
whole. Every encoding in it was decoded back when it was made. Anything else is a miss; a cache
that cannot be written is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orobuild
from orobuild.assembler.encoder.types import Dialect, Slot, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMAT: Final = 1
_DIGEST: Final = 16  # bytes
MAX_FILES: Final = 2048
"""The oldest files go when there are more."""


@dataclass(slots=True)
class Known:
    """Statements whose encoding is known.

    `slots` has them by dialect and text. `symbolic` has, for each symbol, the texts whose encoding
    would be another if the symbol had a value. `words` are the first words of all texts, in lower
    case: a macro of such a name changes what they mean.
    """

    slots: dict[Dialect, dict[str, Slot]] = field(default_factory=dict)
    symbolic: dict[str, list[str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)


def directory(environment: Mapping[str, str]) -> Path | None:
    """Where a user's cache is; None if the user wants none.

    `OROBUILD_ENCODING_CACHE` is a directory, or `off`; else it is below `XDG_CACHE_HOME` (XDG Base
    Directory Specification 0.8), which is `~/.cache` by default.
    """
    chosen = environment.get("OROBUILD_ENCODING_CACHE")
    if chosen:
        return None if chosen.lower() in ("off", "no", "0") else Path(chosen)
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # noqa: PTH117 - a Path costs more than the question
        home = environment.get("HOME")
        if not home:
            return None
        base = os.path.join(home, ".cache")  # noqa: PTH118
    return Path(base, "orobuild", "encodings")


class EncodingCache:
    """The file of the cache for one thing that is assembled, which `name` tells from all others."""

    def __init__(self, directory: Path, name: str) -> None:
        self._makers = _makers()
        key = hashlib.blake2b(f"{name}\0{self._makers}".encode("utf-8", "surrogateescape"))
        self._path = directory / f"{key.hexdigest()[:40]}.encodings"

    def last_object(self, request: bytes) -> bytes | None:
        """The object that was made last, if `request` is what it was made from."""
        try:
            data = self._path.with_suffix(".object").read_bytes()
        except OSError:
            return None
        object_ = data[2 * _DIGEST :]
        whole = data[:_DIGEST] == _digest(request) and data[_DIGEST : 2 * _DIGEST] == _digest(
            object_
        )
        return object_ if whole else None

    def store_object(self, request: bytes, object_: bytes) -> None:
        """Keep `object_` as what was made from `request`: everything that it depends on."""
        data = _digest(request) + _digest(object_) + object_
        with contextlib.suppress(OSError):
            _write(self._path.with_suffix(".object"), data)

    def load(self) -> Known:
        """What is known; nothing if there is no such file, or it is damaged."""
        known = Known()
        try:
            data = self._path.read_bytes()
        except OSError:
            return known
        if data[:_DIGEST] != _digest(memoryview(data)[_DIGEST:]):
            return known
        # The digest has shown that the data is what we wrote.
        dialects, known.symbolic, words = marshal.loads(memoryview(data)[_DIGEST:])  # noqa: S302
        known.words = set(words)
        for fields, texts, raws in dialects:
            slots = dict(zip(texts, map(Slot, raws), strict=True))
            known.slots[Dialect(*fields)] = slots
        return known

    def store(self, known: Known, used: set[str]) -> None:
        """Keep `known`, but of the statements only those that were `used`."""
        dialects = []
        kept: set[str] = set()
        for dialect, slots in known.slots.items():
            texts, raws = [], []
            for text, slot in slots.items():
                raw = plain(slot)
                if raw is not None and text in used:
                    texts.append(text)
                    raws.append(raw)
            kept.update(texts)
            tag = (
                dialect.bits, dialect.intel, dialect.naked, dialect.code16gcc, dialect.index_reg,
            )  # fmt: skip
            dialects.append((tag, texts, raws))
        symbolic = {
            name: found
            for name, texts in known.symbolic.items()
            if (found := [text for text in texts if text in kept])
        }
        words = sorted({text.split(None, 1)[0].lower() for text in kept})
        data = marshal.dumps((dialects, symbolic, words))
        with contextlib.suppress(OSError):
            _write(self._path, _digest(data) + data)


def _write(path: Path, data: bytes) -> None:
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _prune(folder)


def _prune(folder: Path) -> None:
    """Remove the files that were written longest ago, if there are too many."""
    with os.scandir(folder) as entries:
        files = list(entries)
    if len(files) <= MAX_FILES:
        return
    by_age = sorted(files, key=lambda entry: entry.stat().st_mtime_ns)
    for entry in by_age[: len(files) - MAX_FILES * 3 // 4]:
        with contextlib.suppress(OSError):
            os.unlink(entry.path)  # noqa: PTH108


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


def _makers() -> str:
    """Who makes objects: our version and sources, keystone's and iced-x86's files.

    Files are told apart by size and time, which costs one look into each directory.
    """
    from importlib.util import find_spec

    parts = [str(_FORMAT), orobuild.__version__, sys.implementation.cache_tag or ""]
    package = Path(__file__).parents[1]
    folders = [str(package), str(package / "elf")]
    folders += [folder for folder, _, _ in os.walk(package / "assembler")]
    for name in ("keystone", "iced_x86"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            folders.append(str(Path(spec.origin).parent))
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith((".py", ".so", ".pyd", ".dll", ".dylib")):
                    state = entry.stat()
                    parts.append(f"{entry.name} {state.st_size} {state.st_mtime_ns}")
    return "\n".join(parts)
