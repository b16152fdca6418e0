"""What the user may say about linting, as one frozen value. Reads no file and runs no rule."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Severity, did_you_mean
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL: Final = "ALL"
WIDTHS: Final = (16, 32, 64)
CPU_FEATURES: Final = ("cet", "sev-es", "svm", "ibt")
PERMISSIONS: Final = ("-", "r", "rw", "rx", "rwx", "ru", "rwu", "rxu", "rwxu")
RINGS: Final = ("user", "kernel", "any")


@dataclass(frozen=True, slots=True)
class CodeRange:
    """Code of one width, for images without `.oro.code`.

    `region` is a section's name, a symbol with a size, or `start..end` with two symbols.
    """

    region: str
    width: int


@dataclass(frozen=True, slots=True)
class RunAddress:
    """Code that is copied before it runs: `region` (as in `CodeRange`) runs at `address`."""

    region: str
    address: int


@dataclass(frozen=True, slots=True)
class ResumeFunction:
    """Assembly that leaves the kernel: functions that match `pattern` go to `ring`.

    `ring` is `user`, `kernel` or `any`.
    """

    pattern: str
    ring: str


@dataclass(frozen=True, slots=True)
class StackPointer:
    """A stack pointer in memory that GS.base points to: `member` is `struct.member`.

    `modulo` is its value modulo 16.
    """

    member: str
    modulo: int


@dataclass(frozen=True, slots=True)
class Trampoline:
    """Code that secondary processors start in, copied to a page below 1 MiB.

    `region` as in `CodeRange`; `run_address` is 0 if it is chosen at run time; `size` is the
    page's; `parameters` is their offset in it (0: none), `parameter_struct` their C structure.
    """

    region: str
    run_address: int = 0
    size: int = 4096
    parameters: int = 0
    parameter_struct: str = ""


@dataclass(frozen=True, slots=True)
class LiveRegion:
    """Memory of the running kernel whose permissions are declared: `rw`, `rx`, `-` for unmapped.

    `region` as in `CodeRange`, or `0xSTART..0xEND`, virtual addresses.
    """

    region: str
    permissions: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """Memory that the kernel gives away once it runs: `region` as in `CodeRange`.

    `users` are patterns of functions and objects that may refer to it: they are used before.
    """

    region: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentFlags:
    """Flags that the segments of some sections have: `pattern` (`fnmatch`) matches the names.

    `flags` are bits of `p_flags`, those for the operating system and the processor among them.
    """

    pattern: str
    flags: int


@dataclass(frozen=True, slots=True)
class LintConfig:
    """The configuration of a lint run; in TOML, keys have hyphens.

    * `select`, `extend_select`, `ignore`: prefixes of rule codes (`SEG`, `SEG0`, `SEG001`,
      `ALL`); the longest prefix that matches a code decides, `ignore` winning a tie.
    * `severity`: a table from prefix to `error`, `warning` or `note`.
    * `per_file_ignores`: a table from pattern to prefixes: those rules are left out in files whose
      path (relative to the configuration) or name the pattern (`fnmatch`) matches.
    * `exclude`: patterns of paths or names that are passed over in directories.
    * `baseline`: a file of findings that are known, relative to the configuration.
    * `vector_tables`: patterns (`fnmatch`) of symbols that are arrays of pointers to handlers.
    * `frame_struct`: the tag of the C structure that the handlers' entry code pushes.
    * `cpu_features`: what the processors have of `cet`, `sev-es`, `svm` (each gives one vector an
      error code: 21, 29, 30) and `ibt`. Empty if nothing is known.
    * `syscall_entries`: patterns of symbols where `syscall` arrives, beside those that the image
      is seen to write to LSTAR.
    * `resume_functions`: a table from patterns of assembly functions that leave the kernel to the
      ring where they go: `user`, `kernel` or `any`.
    * `stack_pointers`: a table from `struct.member`, a stack pointer in what GS.base points to,
      to its value modulo 16.
    * `interrupts_off`: whether the kernel promises to run with interrupts off, but for `sti; hlt`.
    * `no_return`: patterns of functions that must never return.
    * `transient_stack`: whether every entry to the kernel begins at the top of the stack anew.
    * `trampolines`: a table from a region (as in `code`) that secondary processors start in to what
      is known of it: `run-address` (where it is copied, 0 if that is chosen at run time), `size` (of
      the page, 4096), `parameters` (offset of its boot parameters) and `parameter-struct` (their C
      structure).
    * `discarded`: a table from region (as in `code`) that the kernel gives away once it runs to patterns
      of functions that may refer to it, because they run before.
    * `segment_flags`: a table from patterns of sections to the flags (a number) that the program
      header of their segment has at least: those of the operating system (`0x0ff00000`) and of the
      processor (`0xf0000000`) get lost in tools that do not know them.
    * `live_regions`: a table from region (as in `code`, or `0xSTART..0xEND`) to the permissions
      that its pages have on a running machine: `r`, `rw`, `rx`, with `u` for users; `-` for unmapped.
    * `live_until`: the beginning of the console line at which `--live` stops the machine.
    * `live_command_line`: the kernel's command line for `--live`.
    * `general_registers_only`: patterns of functions that may not use x87, MMX, SSE or AVX
      registers; `*` for all, `!name` after it for all but some.
    * `code`: a table from region to width (16, 32 or 64), for images without `.oro.code`. A
      region is a section's name, a symbol with a size, or `start..end` with two symbols.
    * `run_addresses`: a table from region to the address where it runs after it was copied.
    * `page_size`: in bytes.
    * `max_findings`: how many findings of one rule are listed for one file.

    The field `root` is no key: it is the directory of the configuration.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: str = ""
    vector_tables: tuple[str, ...] = ()
    frame_struct: str = ""
    cpu_features: tuple[str, ...] = ()
    syscall_entries: tuple[str, ...] = ()
    resume_functions: tuple[ResumeFunction, ...] = ()
    stack_pointers: tuple[StackPointer, ...] = ()
    interrupts_off: bool = False
    no_return: tuple[str, ...] = ()
    transient_stack: bool = False
    discarded: tuple[Discarded, ...] = ()
    segment_flags: tuple[SegmentFlags, ...] = ()
    live_regions: tuple[LiveRegion, ...] = ()
    live_until: str = ""
    live_command_line: str = ""
    trampolines: tuple[Trampoline, ...] = ()
    general_registers_only: tuple[str, ...] = ()
    code: tuple[CodeRange, ...] = ()
    run_addresses: tuple[RunAddress, ...] = ()
    page_size: int = 4096
    max_findings: int = 100
    root: str = ""


def from_mapping(table: Mapping[str, Any], where: str = "[tool.orobuild.lint]") -> LintConfig:
    """The configuration in a parsed TOML table. Raises `UsageError` naming the key at fault.

    Keys are the fields of `LintConfig` with hyphens; `code`, `run-addresses`, `resume-functions`,
    `stack-pointers` and `severity` are tables.
    """
    known = {f.name.replace("_", "-"): f.name for f in fields(LintConfig) if f.name != "root"}
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = known.get(key.replace("_", "-"))
        if name is None:
            raise UsageError(f"{where}: unknown key '{key}'", hint=did_you_mean(key, known))
        values[name] = _READERS[name](f"{where} {key}", value)
    return LintConfig(**values)


def _words(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise UsageError(f"{where}: expected a list of strings")
    return tuple(value)


def _word(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: expected a string")
    return value


def _integer(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{where}: expected a number that is not negative")
    return value


def _page_size(where: str, value: object) -> int:
    size = _integer(where, value)
    if size < 1 or size & (size - 1):
        raise UsageError(f"{where}: {size} is not a power of two")
    return size


def _table(where: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: expected a table")
    return value


def _severities(where: str, value: object) -> tuple[tuple[str, Severity], ...]:
    words = {s.value: s for s in Severity}
    result = []
    for prefix, word in _table(where, value).items():
        if not isinstance(word, str) or word not in words:
            raise UsageError(
                f"{where}.{prefix}: '{word}' is not a severity",
                hint=f"one of {', '.join(words)}",
            )
        result.append((prefix, words[word]))
    return tuple(result)


def _words_by_pattern(where: str, value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    table = _table(where, value)
    return tuple((pattern, _words(f"{where}.{pattern}", words)) for pattern, words in table.items())


def _discarded(where: str, value: object) -> tuple[Discarded, ...]:
    return tuple(Discarded(*item) for item in _words_by_pattern(where, value))


def _segment_flags(where: str, value: object) -> tuple[SegmentFlags, ...]:
    result = []
    for pattern, flags in _table(where, value).items():
        number = _integer(f"{where}.{pattern}", flags)
        if not 0 < number < 1 << 32:
            raise UsageError(
                f"{where}.{pattern}: {number:#x} are no flags of a program header",
                hint="a number of 32 bits, not 0: 0x00200000",
            )
        result.append(SegmentFlags(pattern, number))
    return tuple(result)


def _code(where: str, value: object) -> tuple[CodeRange, ...]:
    ranges = []
    for region, width in _table(where, value).items():
        if width not in WIDTHS or not isinstance(width, int):
            raise UsageError(f"{where}.{region}: {width!r} is not a code width: 16, 32 or 64")
        ranges.append(CodeRange(region, width))
    return tuple(ranges)


def _run_addresses(where: str, value: object) -> tuple[RunAddress, ...]:
    return tuple(
        RunAddress(region, _integer(f"{where}.{region}", address))
        for region, address in _table(where, value).items()
    )


def _features(where: str, value: object) -> tuple[str, ...]:
    words = _words(where, value)
    for word in words:
        if word not in CPU_FEATURES:
            raise UsageError(
                f"{where}: '{word}' is not a feature that rules know",
                hint=f"one of {', '.join(CPU_FEATURES)}",
            )
    return words


def _boolean(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where}: expected true or false")
    return value


def _resume_functions(where: str, value: object) -> tuple[ResumeFunction, ...]:
    result = []
    for pattern, ring in _table(where, value).items():
        if not isinstance(ring, str) or ring not in RINGS:
            raise UsageError(f"{where}.{pattern}: {ring!r} is none of {', '.join(RINGS)}")
        result.append(ResumeFunction(pattern, ring))
    return tuple(result)


def _stack_pointers(where: str, value: object) -> tuple[StackPointer, ...]:
    result = []
    for member, modulo in _table(where, value).items():
        number = _integer(f"{where}.{member}", modulo)
        if number > 15 or member.count(".") != 1:
            raise UsageError(
                f"{where}.{member}: expected struct.member and a number from 0 to 15",
                hint='quote the key: "core.kernel_stack" = 8',
            )
        result.append(StackPointer(member, number))
    return tuple(result)


def _trampolines(where: str, value: object) -> tuple[Trampoline, ...]:
    result = []
    for region, table in _table(where, value).items():
        values: dict[str, Any] = {}
        known = {f.name.replace("_", "-"): f.name for f in fields(Trampoline) if f.name != "region"}
        for key, item in _table(f"{where}.{region}", table).items():
            if key not in known:
                raise UsageError(
                    f"{where}.{region}: unknown key '{key}'", hint=did_you_mean(key, known)
                )
            read = _word if key == "parameter-struct" else _integer
            values[known[key]] = read(f"{where}.{region}.{key}", item)
        result.append(Trampoline(region, **values))
    return tuple(result)


def _live_regions(where: str, value: object) -> tuple[LiveRegion, ...]:
    result = []
    for region, permissions in _table(where, value).items():
        word = _word(f"{where}.{region}", permissions)
        if word not in PERMISSIONS:
            raise UsageError(
                f"{where}.{region}: '{word}' are no permissions",
                hint=f"one of {', '.join(PERMISSIONS)}",
            )
        result.append(LiveRegion(region, word))
    return tuple(result)


_READERS: Final = {
    "select": _words,
    "extend_select": _words,
    "ignore": _words,
    "severity": _severities,
    "per_file_ignores": _words_by_pattern,
    "exclude": _words,
    "baseline": _word,
    "vector_tables": _words,
    "frame_struct": _word,
    "cpu_features": _features,
    "syscall_entries": _words,
    "resume_functions": _resume_functions,
    "stack_pointers": _stack_pointers,
    "interrupts_off": _boolean,
    "no_return": _words,
    "transient_stack": _boolean,
    "discarded": _discarded,
    "segment_flags": _segment_flags,
    "live_regions": _live_regions,
    "live_until": _word,
    "live_command_line": _word,
    "trampolines": _trampolines,
    "general_registers_only": _words,
    "code": _code,
    "run_addresses": _run_addresses,
    "page_size": _page_size,
    "max_findings": _integer,
}
