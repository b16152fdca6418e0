"""The build cache: results keyed by everything that went into them.

An entry has two halves. The key covers what is known before a step runs: the tool, its options,
the source's name and bytes. The record names what the step turned out to read as well (included
files) with their hashes, and what it looked for and did not find; the entry counts only while they
are all the same. Reading a damaged or foreign entry is a miss, never an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orobuild.diagnostics import Diagnostic
from orobuild.pipeline import outputs
from orobuild.pipeline.fingerprint import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Record(msgspec.Struct, frozen=True):
    """What a step read beyond its source (name and SHA-256 each), what it warned of, and the SHA-256
    of what it made. The hash of a file that was looked for and not found is None.
    """

    made: str
    dependencies: list[tuple[str, str | None]]
    warnings: list[Diagnostic]


# Made once, before there are threads: msgspec looks into `Diagnostic` when it first meets it, and two
# threads that do so at a time end the process.
_DECODER = msgspec.json.Decoder(Record)


class Cache:
    """A directory of entries. `read_file` reads a dependency by the name that it was read by."""

    def __init__(
        self,
        directory: Path,
        read_file: Callable[[str], bytes],
        memory: dict[str, tuple[bytes, Record]] | None = None,
    ) -> None:
        """`memory` holds entries by key for a process that builds again and again."""
        self._directory = directory
        self._read_file = read_file
        self._memory = memory
        self._hashes: dict[str, str | None] = {}

    def hash_of(self, name: str) -> str | None:
        """The SHA-256 of a dependency as it is now, None when it cannot be read."""
        if name not in self._hashes:
            try:
                self._hashes[name] = digest(self._read_file(name))
            except OSError:
                self._hashes[name] = None
        return self._hashes[name]

    def get(self, key: str) -> tuple[bytes, tuple[Diagnostic, ...]] | None:
        """The result stored under `key` and its warnings, while its dependencies stand."""
        found = self._memory.get(key) if self._memory is not None else None
        found = found or self._stored(key)
        if found is None:
            return None
        data, record = found
        if any(self.hash_of(name) != value for name, value in record.dependencies):
            return None
        if self._memory is not None:
            self._memory[key] = found
        return data, tuple(record.warnings)

    def _stored(self, key: str) -> tuple[bytes, Record] | None:
        path = self._path(key)
        try:
            record = _DECODER.decode(path.with_suffix(".json").read_bytes())
            data = path.read_bytes()
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        return (data, record) if digest(data) == record.made else None

    def put(
        self,
        key: str,
        data: bytes,
        *,
        dependencies: Iterable[str] = (),
        warnings: Iterable[Diagnostic] = (),
    ) -> None:
        """Store a result under `key`."""
        hashes = [(name, self.hash_of(name)) for name in sorted(set(dependencies))]
        record = Record(digest(data), hashes, list(warnings))
        if self._memory is not None:
            self._memory[key] = data, record
        path = self._path(key)
        outputs.write_all({path: data, path.with_suffix(".json"): msgspec.json.encode(record)})

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / key[2:]
