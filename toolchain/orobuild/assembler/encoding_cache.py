"""The encoding cache: what every statement of a file was encoded to, kept for the next time.

Assembling a file again, most statements are the same as before, and reading, encoding and
decoding them back was most of the work. One file of the cache holds what one assembly file's
statements became, so what is loaded is what is needed; what is new is appended to it. Beside it
stand the recipes that were learnt on the way, for the few statements that are not known, and the
object that was made last: if not a byte has changed, that is the answer.

An entry is believed only if everything that could change an encoding is the same: its file's name
says which versions of the encoder, keystone and iced-x86 made it, and a digest says that it is
whole. Every encoding in it was decoded back when it was made. Anything else is a miss; a cache
that cannot be written is no error.

Any number of processes may use one cache: files are replaced whole, under names that nobody else
writes to. What a process finds gone is a miss; when two write the same file, the last one's counts.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import orobuild
from orobuild.assembler.encoder.types import Dialect, Slot, plain
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    from _blake2 import blake2b
except ImportError:  # hashlib has the same function from there, and loads OpenSSL besides
    from hashlib import blake2b

_FORMAT: Final = 2
_DIGEST: Final = 16  # bytes
_HEAD: Final = _DIGEST + 8
"""Bytes before a segment: its digest and its length."""
_SEGMENTS: Final = 16
"""So often is a file appended to before it is written anew."""
MAX_BYTES: Final = 512 << 20
"""The files that nobody has used for longest go when all together are larger."""
PRUNE_INTERVAL: Final = 600
"""Seconds between two looks at how large the cache is."""
_ABANDONED: Final = 3600
"""So many seconds after it was begun, a file that is not finished never will be."""
_FRESH: Final = 86400
"""A file that was written or used less than so many seconds ago need not be marked as used."""


@dataclass(slots=True)
class Known:
    """Statements whose encoding is known.

    `slots` has them by dialect and text. `symbolic` has, for each symbol, the texts whose encoding
    would be another if the symbol had a value. `words` are the first words of all texts, in lower
    case: a macro of such a name changes what they mean. `loaded` are those of `slots` that the
    cache has, in `segments` pieces.
    """

    slots: dict[Dialect, dict[str, Slot]] = field(default_factory=dict)
    symbolic: dict[str, list[str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    loaded: dict[Dialect, dict[str, Slot]] = field(default_factory=dict)
    segments: int = 0


class EncodingCache:
    """The file of the cache for one thing that is assembled, which `name` tells from all others."""

    def __init__(self, directory: str | os.PathLike[str], name: str) -> None:
        key = blake2b(f"{name}\0{_makers()}".encode("utf-8", "surrogateescape"))
        self._stem = os.path.join(directory, key.hexdigest()[:40])

    def last_object(self, request: bytes) -> bytes | None:
        """The object that was made last, if `request` is what it was made from."""
        data = _read(self._stem + ".object")
        object_ = data[2 * _DIGEST :]
        whole = data[:_DIGEST] == _digest(request) and data[_DIGEST : 2 * _DIGEST] == _digest(
            object_
        )
        return object_ if whole else None

    def store_object(self, request: bytes, object_: bytes) -> None:
        """Keep `object_` as what was made from `request`: everything that it depends on."""
        data = _digest(request) + _digest(object_) + object_
        with contextlib.suppress(OSError):
            _write(self._stem + ".object", data)

    def load(self) -> Known:
        """What is known; nothing if there is no such file, or it is damaged."""
        known = Known()
        segments = _segments(_read(self._stem + ".encodings"))
        for dialects, symbolic, words in segments:
            known.words.update(words)
            for name, texts in symbolic.items():
                known.symbolic.setdefault(name, []).extend(texts)
            for fields, texts, raws in dialects:
                slots = known.slots.setdefault(Dialect(*fields), {})
                slots.update(zip(texts, map(Slot, raws), strict=True))
        known.segments = len(segments)
        known.loaded = {dialect: slots.copy() for dialect, slots in known.slots.items()}
        return known

    def store(self, known: Known, used: set[str]) -> None:
        """Keep `known`: append what is new, or write those statements that were `used` anew."""
        count = sum(map(len, known.slots.values()))
        in_use = sum(len(slots.keys() & used) for slots in known.slots.values())
        if 0 < known.segments < _SEGMENTS and 4 * in_use > 3 * count:
            new = {}
            for dialect, slots in known.slots.items():
                loaded = known.loaded.get(dialect, {})
                new[dialect] = [t for t in slots if t not in loaded and t in used]
            with contextlib.suppress(OSError):
                _write(
                    self._stem + ".encodings",
                    _read(self._stem + ".encodings") + _segment(_plain(known, new)),
                )
            return
        kept = {
            dialect: [text for text in slots if text in used]
            for dialect, slots in known.slots.items()
        }
        with contextlib.suppress(OSError):
            _write(self._stem + ".encodings", _segment(_plain(known, kept)))

    def recipes(self) -> dict[str, tuple[Any, ...]]:
        """The encoder's recipes, as plain tuples; none if there is no such file."""
        segments = _segments(_read(self._stem + ".recipes"))
        return segments[0] if segments else {}

    def store_recipes(self, recipes: dict[str, tuple[Any, ...]]) -> None:
        """Keep the encoder's recipes."""
        with contextlib.suppress(OSError):
            _write(self._stem + ".recipes", _segment(recipes))


def _plain(known: Known, texts: Mapping[Dialect, list[str]]) -> object:
    """What is known of `texts` in values that can be kept in a file."""
    dialects = []
    kept: set[str] = set()
    for dialect, chosen in texts.items():
        slots = known.slots[dialect]
        raws = [(text, raw) for text in chosen if (raw := plain(slots[text])) is not None]
        kept.update(text for text, _ in raws)
        tag = (
            dialect.bits, dialect.intel, dialect.naked, dialect.code16gcc, dialect.index_reg,
        )  # fmt: skip
        dialects.append((tag, [text for text, _ in raws], [raw for _, raw in raws]))
    symbolic = {
        name: found
        for name, mentioning in known.symbolic.items()
        if (found := [text for text in mentioning if text in kept])
    }
    words = sorted({text.split(None, 1)[0].lower() for text in kept})
    return dialects, symbolic, words


def _segment(value: Any) -> bytes:
    data = marshal.dumps(value)
    return _digest(data) + len(data).to_bytes(8, "little") + data


def _segments(data: bytes) -> list[Any]:
    """The values of the segments; none at all if any of them is damaged."""
    view = memoryview(data)
    found = []
    while view:
        size = int.from_bytes(view[_DIGEST:_HEAD], "little")
        body = view[_HEAD : _HEAD + size]
        if len(view) < _HEAD or len(body) != size or view[:_DIGEST] != _digest(body):
            return []
        # The digest has shown that the data is what we wrote.
        found.append(marshal.loads(body))  # noqa: S302
        view = view[_HEAD + size :]
    return found


def _read(path: str) -> bytes:
    """A file of the cache, which counts as used now; nothing if there is none."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
            if time.time() - os.fstat(file.fileno()).st_mtime > _FRESH:
                os.utime(path)
    except OSError:
        return b""
    return data


def _write(path: str, data: bytes) -> None:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
    partial = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        with open(partial, "wb") as file:
            file.write(data)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
    _prune(folder)


def _prune(folder: str) -> None:
    """Remove what was used longest ago, if all together is too large; every few minutes."""
    stamp = os.path.join(folder, "pruned")
    now = time.time()
    with contextlib.suppress(OSError):
        if now - os.stat(stamp).st_mtime < PRUNE_INTERVAL:
            return
    with open(stamp, "wb"):
        os.utime(stamp)
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            # Another process may have removed it.
            with contextlib.suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                files.append((state.st_mtime, state.st_size, entry.path))
    files.sort()
    size = sum(size for _, size, _ in files)
    for used, bytes_, path in files:
        finished = path.endswith((".encodings", ".object", ".recipes"))
        if not finished and (path == stamp or now - used < _ABANDONED):
            continue
        if finished and size <= MAX_BYTES:
            continue
        with contextlib.suppress(OSError):
            os.unlink(path)
        size -= bytes_


def _digest(data: bytes | memoryview) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()


def _makers() -> str:
    """Who makes objects: our version and sources, keystone's and iced-x86's files.

    Files are told apart by size and time, which costs one look into each directory.
    """
    from importlib.util import find_spec

    parts = [str(_FORMAT), orobuild.__version__, sys.implementation.cache_tag or ""]
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = [package, os.path.join(package, "elf")]
    folders += [folder for folder, _, _ in os.walk(os.path.join(package, "assembler"))]
    for name in ("keystone", "iced_x86"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            folders.append(os.path.dirname(spec.origin))
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith((".py", ".so", ".pyd", ".dll", ".dylib")):
                    state = entry.stat()
                    parts.append(f"{entry.name} {state.st_size} {state.st_mtime_ns}")
    return "\n".join(parts)
