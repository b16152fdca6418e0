"""STATE: what a kernel that keeps nothing on its stack must not do."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "STATE"
SCOPES: Final = (Scope.IMAGE,)
