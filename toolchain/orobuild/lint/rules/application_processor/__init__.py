"""AP: the code in which secondary processors start."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "AP"
SCOPES: Final = (Scope.IMAGE,)
