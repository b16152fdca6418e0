"""LDS: what a linker script promises about permissions, and where its patterns lead."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "LDS"
SCOPES: Final = (Scope.SCRIPT,)
