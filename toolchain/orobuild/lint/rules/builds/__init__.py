"""BLD: what differs between two builds of the same kernel and should not."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "BLD"
SCOPES: Final = (Scope.BUILDS,)
