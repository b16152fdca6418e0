"""OBJ: what a relocatable object already shows, before anything is linked."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "OBJ"
SCOPES: Final = (Scope.OBJECT,)
