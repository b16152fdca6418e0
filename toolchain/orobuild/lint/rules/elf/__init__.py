"""ELF: what is wrong with a file before anyone asks what it means."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "ELF"
SCOPES: Final = (Scope.IMAGE,)
