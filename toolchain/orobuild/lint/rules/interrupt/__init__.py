"""IDT: the contract between the processor, the interrupt stubs and the code behind them."""

from typing import Final

from orobuild.lint.rule import Scope

FAMILY: Final = "IDT"
SCOPES: Final = (Scope.IMAGE,)
