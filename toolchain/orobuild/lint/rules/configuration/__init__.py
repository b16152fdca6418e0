"""CFG: what the configuration says of an image that the image knows nothing of."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "CFG"
SCOPES: Final = (Scope.IMAGE,)
