"""What a link is asked to do: its inputs and options, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class LinkInput:
    """One input file: an object or an archive. `path` is its name for patterns and messages.

    `archive` is the path of the archive that the member came from, if any. For archives: `group`
    numbers the --start-group that it is in, `whole_archive` takes every member, `read_member`
    reads the members of a thin archive.
    """

    path: str
    data: bytes
    archive: str | None = None
    group: int | None = None
    whole_archive: bool = False
    read_member: Callable[[str], bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """How to link. The defaults are those of `orobuild link`; `oro-ld` turns `strict` off.

    `strict`: segment flags must admit what is placed in them, and orphans are errors.
    `orphan_handling`: what happens to a section that no rule places; with `strict`, allocated
    orphans are errors whatever it says, unless it is `discard`.
    `writable_text` (-N): `.text` is writable if something in it is.
    `page_size`: max-page-size in bytes. `separate_code`: code shares no segment with anything.
    `multiple_definitions`: the first of several counts. `undefined_symbols` are errors, or 0.
    `relro`: what the script relocates before its
    DATA_SEGMENT_RELRO_END is read-only afterwards (PT_GNU_RELRO). `defsym`: absolute symbols.
    `undefined`: names to require (-u). `build_id`: `sha1`, `md5`, or 0x and the id. `entry`: overrides the script's ENTRY.
    `pie`: a static image that can be loaded anywhere, `pack_relative` with DT_RELR, `now` said to
    be bound at once; `text_relocations` allows addresses in read-only sections, refuses them, or
    (None) warns. `eh_frame_hdr` makes that section, `code_symbols` makes
    `.oro.symbols`, a table of the code's names that the image carries.
    `relax` may turn loads through the GOT into direct ones. `wrap`: symbols of --wrap.
    `segment_starts` answer SEGMENT_START. `sort_common`: common symbols by alignment.
    `check_sections`: overlapping sections are errors. `paged`: segments begin on pages (not -n).
    `ignored_symbols` may be undefined.
    `emit_relocations`: relocations stay in the image (-q).
    `relocatable`: write an object (-r); `ungroup` dissolves section groups then, `define_common`
    gives common symbols a place. `discard`: which local symbols are left out, `retain_symbols`
    the only names that are kept, if given.
    `executable_stack`: what PT_GNU_STACK says instead of what objects ask for, `stack_size` its
    size in bytes. `properties`: (pr_type, bits) for `.note.gnu.property`.
    `bounds_visibility`: STV_* of __start_NAME and __stop_NAME.
    `strip`: `all` removes the symbol table and debug sections, `debug` the debug sections.
    """

    strict: bool = True
    orphan_handling: Literal["error", "warn", "place", "discard"] = "error"
    entry: str | None = None
    gc_sections: bool = False
    defsym: Mapping[str, int] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    build_id: str = ""
    strip: Literal["none", "debug", "all"] = "none"
    fatal_warnings: bool = False
    output_format: Literal["elf", "binary"] | None = None
    emulation: Literal["elf_x86_64", "elf_i386"] | None = None
    page_size: int = 0x1000
    common_page_size: int = 0x1000
    separate_code: bool = True
    multiple_definitions: bool = False
    undefined_symbols: Literal["error", "warn", "ignore"] = "error"
    relro: bool = False
    pie: bool = False
    pack_relative: bool = False
    now: bool = False
    text_relocations: bool | None = None
    hash_style: Literal["sysv", "gnu", "both"] = "both"
    eh_frame_hdr: bool = False
    code_symbols: bool = False
    relocatable: bool = False
    emit_relocations: bool = False
    relax: bool = True
    wrap: tuple[str, ...] = ()
    segment_starts: Mapping[str, int] = field(default_factory=dict)
    sort_common: Literal["descending", "ascending"] | None = None
    check_sections: bool = True
    writable_text: bool = False
    paged: bool = True
    ignored_symbols: frozenset[str] = frozenset()
    ungroup: bool = False
    define_common: bool = False
    discard: Literal["default", "none", "locals", "all"] = "default"
    retain_symbols: frozenset[str] | None = None
    executable_stack: bool | None = None
    warn_executable_stack: bool = True
    stack_size: int = 0
    bounds_visibility: int = c.STV_PROTECTED
    properties: tuple[tuple[int, int], ...] = ()
    warn_rwx_segments: bool = True
