"""SEG: what a linked image's segments and sections promise, and where control can go."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "SEG"
SCOPES: Final = (Scope.IMAGE,)
