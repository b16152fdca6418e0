"""The keystone library through ctypes, without the package around it.

`import keystone` loads `inspect`, `platform` and constants of nine processors: twice as much work
as opening the library and encoding a small file. What is called here is the C interface of
keystone.h (0.9), which the package's own binding calls in the same way.
"""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from typing import Any, Final

_NAMES: Final = ("libkeystone.so", "libkeystone.so.0", "libkeystone.dylib", "keystone.dll")
_ARCH_X86: Final = 4
_MODES: Final = {16: 1 << 1, 32: 1 << 2, 64: 1 << 3}
_OPT_SYNTAX: Final = 1
_SYNTAX_ATT: Final = 1 << 1
_API: Final = (0, 9)


def _library() -> Any:
    """The shared library, loaded."""
    spec = find_spec("keystone")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        for name in _NAMES:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                return ctypes.CDLL(path)
    # It is somewhere else: the package knows more places.
    from keystone import keystone

    return keystone._ks


def _declared(library: Any) -> Any:
    """`library` with the types of the functions that are called."""
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    to = ctypes.POINTER
    library.ks_version.restype = ctypes.c_uint
    library.ks_version.argtypes = (to(ctypes.c_int), to(ctypes.c_int))
    library.ks_open.restype = ctypes.c_int
    library.ks_open.argtypes = (ctypes.c_uint, ctypes.c_uint, to(pointer))
    library.ks_option.restype = ctypes.c_int
    library.ks_option.argtypes = (pointer, ctypes.c_int, pointer)
    library.ks_asm.restype = ctypes.c_int
    library.ks_asm.argtypes = (
        pointer, ctypes.c_char_p, ctypes.c_uint64, to(to(ctypes.c_ubyte)), to(size), to(size),
    )  # fmt: skip
    library.ks_free.restype = None
    library.ks_free.argtypes = (to(ctypes.c_ubyte),)
    return library


class Engine:
    """Keystone for AT&T syntax in `bits`-bit code; lives as long as the process."""

    def __init__(self, bits: int) -> None:
        self._library = _declared(_library())
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._library.ks_version(ctypes.byref(major), ctypes.byref(minor))
        if (major.value, minor.value) != _API:
            raise ImportError(f"keystone {major.value}.{minor.value} has another C interface")
        self._engine = ctypes.c_void_p()
        wrong = self._library.ks_open(_ARCH_X86, _MODES[bits], ctypes.byref(self._engine))
        wrong = wrong or self._library.ks_option(self._engine, _OPT_SYNTAX, _SYNTAX_ATT)
        if wrong:
            raise ImportError(f"keystone does not start (error {wrong})")

    def assemble(self, text: str) -> bytes | None:
        """The bytes of `text`; None when keystone refuses it, or makes nothing of it."""
        code = ctypes.POINTER(ctypes.c_ubyte)()
        size, count = ctypes.c_size_t(), ctypes.c_size_t()
        wrong = self._library.ks_asm(
            self._engine, text.encode("ascii"), 0, ctypes.byref(code), ctypes.byref(size),
            ctypes.byref(count),
        )  # fmt: skip
        if wrong:
            return None
        found = ctypes.string_at(code, size.value) if count.value else b""
        self._library.ks_free(code)
        return found or None
