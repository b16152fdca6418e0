"""LIVE: what the page tables of a running machine say, against what the image says."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "LIVE"
SCOPES: Final = (Scope.LIVE,)
