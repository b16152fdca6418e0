"""The `oro` commands inside GDB."""

from __future__ import annotations

from .commands import load

__all__ = ["load"]
