"""Where a user's cache is. Imports nothing that costs time: every start of a command may ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def directory(environment: Mapping[str, str]) -> str | None:
    """Where a user's encodings are kept; None if the user wants none. Other caches lie beside them.

    `OROBUILD_ENCODING_CACHE` is a directory, or `off`; else it is below `XDG_CACHE_HOME` (XDG Base
    Directory Specification 0.8), which is `~/.cache` by default.
    """
    chosen = environment.get("OROBUILD_ENCODING_CACHE")
    if chosen:
        return None if chosen.lower() in ("off", "no", "0") else chosen
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # noqa: PTH117 - a Path costs more than the question
        home = environment.get("HOME")
        if not home:
            return None
        base = os.path.join(home, ".cache")  # noqa: PTH118
    return os.path.join(base, "orobuild", "encodings")  # noqa: PTH118
