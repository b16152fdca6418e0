"""The assembler: GNU assembly text to an ELF relocatable.

`assemble` is the entry point. Importing this package is cheap: the phases behind it are loaded
when a file is assembled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from orobuild.assembler.flags import Flags
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orobuild.assembler.encoding_cache import EncodingCache
    from orobuild.assembler.record import Record
    from orobuild.diagnostics import Diagnostic

__all__ = ["Assembly", "Flags", "Options", "assemble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is assembled.

    `bits` is the ELF class of the object and the code width that the file starts in. `strict`
    (the default of orobuild) refuses what GNU as guesses: see `orobuild.assembler.strict`.
    `symbols` are predefined absolute symbols (``--defsym``). `constants` are too, but cannot be
    redefined and leave no trace in the object's symbol table (offsets of C structures).
    `code_ranges` adds `.oro.code` (docs/design.md). `debug_info` (``-g``) adds a line table and
    what debuggers need to find it, in version `dwarf` of DWARF (2 to 5), made by `producer` in
    `compilation_directory`: by default the same in any directory. `size_limit` is the largest
    section in bytes that may take space in the file. `record` keeps what listings and
    explanations need. `flags` are rarer ones. `encodings` is where encodings are kept between
    runs; the object does not depend on it.
    """

    bits: Literal[32, 64] = 64
    strict: bool = True
    include_dirs: tuple[str, ...] = ()
    symbols: Mapping[str, int] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    code_ranges: bool = False
    debug_info: bool = False
    dwarf: int = 5
    compilation_directory: str = "."
    producer: str = "orobuild"
    size_limit: int = 256 << 20
    record: bool = False
    flags: Flags = field(default_factory=Flags)
    encodings: EncodingCache | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Assembly:
    """An assembled file.

    `object` is an ELF relocatable. `warnings` did not stop it. `dependencies` are the paths that
    `.include` and `.incbin` read, in the order of first use. `record` says what every statement
    became, when the options ask for it.
    """

    object: bytes
    warnings: tuple[Diagnostic, ...]
    dependencies: tuple[str, ...]
    record: Record | None = None


def assemble(
    text: str, path: str, options: Options, *, read_file: Callable[[str], bytes]
) -> Assembly:
    """Assemble `text`; `path` is its name in messages and in the FILE symbol.

    `read_file` gives the bytes of an included file and raises `OSError` when there is none.
    Raises `InputError` with every diagnostic found (at most 50 errors).
    """
    encodings = options.encodings
    request = b""
    if encodings is not None and not options.record:
        request = "\0".join((path, repr(options), text)).encode("utf-8", "surrogatepass")
        known = encodings.last_object(request)
        if known is not None:
            return Assembly(known, (), ())
    made = _assemble(text, path, options, read_file)
    # What other files say, and what was warned of, is not in the request.
    if encodings is not None and request and not made.dependencies and not made.warnings:
        encodings.store_object(request, made.object)
    return made


def _assemble(
    text: str, path: str, options: Options, read_file: Callable[[str], bytes]
) -> Assembly:
    import gc

    from orobuild.assembler.unit import Unit

    make: type[Unit] = Unit
    if options.record:
        from orobuild.assembler.record import Recorder

        make = Recorder

    # Hardly anything made here is garbage before the end, and looking for it costs a fifth.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return make(text, path, options, read_file).assemble()
    finally:
        if collecting:
            gc.enable()
