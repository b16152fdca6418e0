"""ASM: what the source of an assembly file, or assembly inside another language, says."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "ASM"
SCOPES: Final = (Scope.SOURCE,)
