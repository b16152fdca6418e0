"""HW: what the hardware takes for granted, where the image shows it."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "HW"
SCOPES: Final = (Scope.IMAGE,)
