"""The base of the configuration's tables."""

from __future__ import annotations

import msgspec


class ConfigurationTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"
):
    """A table of the configuration; keys are written with hyphens, an unknown one is an error."""
