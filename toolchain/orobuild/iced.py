"""iced-x86, the decoder, without the constants that nobody asks for.

`import iced_x86` loads some forty modules of constants, for twenty thousand numbers of which a short
assembly file needs a hundred: that takes eight times as long as loading the decoder itself. Here the
extension is loaded as it is, and a module of constants when its name is first used: write
``from orobuild import iced`` and use it like the package, which may be imported beside it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

    from iced_x86 import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        """A module of constants, or a class of the extension."""
        if name.startswith("_"):
            raise AttributeError(name)
        # The extension has classes of some of the constants' names, too: they are of no use.
        found = _loaded(f"{_PACKAGE}.{name}") or getattr(_extension(), name)
        globals()[name] = found
        return found


_PACKAGE: Final = "iced_x86"
_EXTENSION: Final = "iced_x86._iced_x86_py"


def _extension() -> ModuleType:
    """The module that is the decoder. Raises `ImportError`."""
    module = _loaded(_EXTENSION)
    if module is None:
        raise ImportError("the decoder is not installed: iced-x86", name=_PACKAGE)
    # An extension is loaded once in a process: the package has to find this one.
    sys.modules[_EXTENSION] = module
    return module


def _loaded(name: str) -> ModuleType | None:
    """A module of the package, loaded without the package; None if there is none."""
    if name in sys.modules:
        return sys.modules[name]
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec(_PACKAGE)
    places = package.submodule_search_locations if package is not None else None
    spec = PathFinder.find_spec(name, places or ())
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
