"""SUP: the suppressions in a source, once every other rule has spoken."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "SUP"
SCOPES: Final = (Scope.TEXT,)
