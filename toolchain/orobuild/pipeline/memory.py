"""What a resident process keeps from one build to the next, all of it checked before it is used.

Files are read again when they change, steps are known by everything that went into them, and linkers
keep what follows from one object's content: a build with a memory makes the bytes of one without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.matching import files_matching
from orobuild.pipeline.fingerprint import digest
from orobuild.pipeline.held_files import HeldFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orobuild.linker.session import Linker
    from orobuild.pipeline.build import BuildResult, Request
    from orobuild.pipeline.cache import Record
    from orobuild.pipeline.stages import Observer

_MANY_STEPS: Final = 4096


class Memory:
    """Held files, entries of the cache, and a linker for each target.

    `on_delivery` is called when outputs are in place.
    """

    def __init__(self, on_delivery: Callable[[BuildResult], None] | None = None) -> None:
        self.files = HeldFiles()
        self.steps: dict[str, tuple[bytes, Record]] = {}
        self.on_delivery = on_delivery
        self._last: tuple[dict[str, str | None], BuildResult] | None = None
        self._linkers: dict[str, Linker] = {}
        self._digests: dict[str, tuple[bytes, str]] = {}

    def linker(self, target: str) -> Linker:
        """The linker that has linked `target` before."""
        from orobuild.linker.session import Linker

        return self._linkers.setdefault(target, Linker())

    def build(self, root: Path, request: Request, observer: Observer) -> BuildResult:
        """Build the project in `root`, whose configuration may have changed. Raises as `build`."""
        from orobuild.pipeline import build
        from orobuild.project import load

        if len(self.steps) > _MANY_STEPS:
            self.steps.clear()  # most are of states that are long gone
        self._last = None
        configuration = build.configuration_hashes(root)
        result = build.build(load(root), request, observer, self)
        self._last = result.evidence.inputs | configuration, result
        return result

    def has_changed(self) -> bool:
        """Whether anything that the last build has read, looked for or matched is different now.

        Of a build that failed nobody knows what it would have read.
        """
        if self._last is None:
            return True
        inputs, result = self._last
        root = result.project.root
        return any(
            content != "" and self._hash(str(root / name)) != content
            for name, content in inputs.items()
        ) or any(
            files_matching(root, pattern) != found
            for pattern, found in result.evidence.matches.items()
        )

    def _hash(self, path: str) -> str | None:
        try:
            data = self.files.read(path)
        except OSError:
            return None
        known = self._digests.get(path)
        if known is None or known[0] is not data:
            self._digests[path] = known = (data, digest(data))
        return known[1]
