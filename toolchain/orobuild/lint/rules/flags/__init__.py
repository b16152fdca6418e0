"""FLG: what a kernel's code may not use: the red zone, registers that nobody saves."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "FLG"
SCOPES: Final = (Scope.IMAGE,)
