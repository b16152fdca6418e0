"""The C compiler: finding it, running it, and reading what it says.

`zig cc` of the `ziglang` package is the default because it is the same everywhere; `CC` or the
configuration names another. Compilers run in the project's directory on relative names and with
`-ffile-prefix-map`, so objects do not depend on where the project lies.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.diagnostics import Diagnostic, Note, Severity, Span, error
from orobuild.errors import InputError, MissingToolError
from orobuild.records import dataclass

# `subprocess`, `tempfile` and `shutil` are imported where they are used: a build that finds all in
# the cache starts no compiler, and they take longer to import than an image takes to make.
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

_TARGETS = {
    "zig": ["-target", "x86_64-freestanding-none"],
    "clang": ["--target=x86_64-unknown-none-elf"],
    "gcc": [],
}
# zig turns the undefined-behaviour sanitizer on, whose run-time a kernel does not have.
_FAMILY_FLAGS = {"zig": ["-fno-sanitize=undefined"], "clang": [], "gcc": []}
_COMMON_FLAGS = [
    "-g",
    "-fno-pic",
    "-fno-pie",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fdiagnostics-color=never",
]


@dataclass(frozen=True, slots=True)
class Compilation:
    """An object, the files that were read for it, and the compiler's warnings."""

    object: bytes
    dependencies: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that start it, its family, and what tells its version apart."""

    command: tuple[str, ...]
    family: str
    fingerprint: str
    environment: tuple[tuple[str, str], ...] = ()

    def arguments(self, flags: Sequence[str]) -> list[str]:
        """The words before a source's name; also the step's part of the cache key."""
        return [
            *self.command,
            *_TARGETS[self.family],
            *_COMMON_FLAGS,
            *_FAMILY_FLAGS[self.family],
            *flags,
        ]

    def compile(self, source: str, flags: Sequence[str], root: Path) -> Compilation:
        """Compile `source` (relative to `root`). Raises `InputError` with what it said."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="orobuild-") as scratch:
            object_file, depfile = Path(scratch, "object.o"), Path(scratch, "deps.d")
            result = self._run(
                [
                    *self.arguments(flags),
                    *self._prefix_map(root),
                    *("-MD", "-MF", str(depfile), "-c", source, "-o", str(object_file)),
                ],
                root,
            )
            messages = parse_messages(result.stderr, root)
            if result.returncode != 0 or not object_file.is_file():
                raise InputError(_failure(result, messages, source))
            dependencies = parse_depfile(depfile.read_text(encoding="utf-8", errors="replace"))
            return Compilation(
                object_file.read_bytes(),
                tuple(name for name in dependencies if name != source),
                tuple(messages),
            )

    def preprocess(
        self, source: str, flags: Sequence[str], root: Path
    ) -> tuple[str, tuple[str, ...]]:
        """`source` through the C preprocessor, `# line` markers kept, and the files it read."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="orobuild-") as scratch:
            depfile, output = Path(scratch, "deps.d"), Path(scratch, "output.s")
            result = self._run(
                [
                    *self.arguments(flags),
                    *("-x", "assembler-with-cpp", "-E", "-MD", "-MF", str(depfile), source),
                    *("-o", str(output)),
                ],
                root,
            )
            if result.returncode != 0 or not output.is_file():
                messages = parse_messages(result.stderr, root)
                raise InputError(_failure(result, messages, source))
            dependencies = (
                parse_depfile(depfile.read_text(encoding="utf-8", errors="replace"))
                if depfile.is_file()
                else ()
            )
            return (
                output.read_text(encoding="utf-8", errors="surrogateescape"),
                tuple(name for name in dependencies if name != source),
            )

    def _prefix_map(self, root: Path) -> list[str]:
        maps = [f"-ffile-prefix-map={root}=."]
        if self.family == "zig":
            # Its headers lie beside it, in a path that holds Python's version. It names them by
            # a relative path if they are below the directory in which it runs.
            home = Path(self.command[0]).resolve().parent
            names = [home, home.relative_to(root)] if home.is_relative_to(root) else [home]
            maps += [f"-ffile-prefix-map={name}=zig" for name in names]
        return maps

    def _run(self, arguments: list[str], root: Path) -> subprocess.CompletedProcess[str]:
        import subprocess

        try:
            return subprocess.run(
                arguments,
                cwd=root,
                # The date in an object is the outputs' own, not the day's: `images.source_date`.
                env={
                    **os.environ,
                    "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or "0",
                    "LC_ALL": "C",
                    **dict(self.environment),
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except OSError as problem:
            raise MissingToolError(
                f"cannot run the C compiler '{arguments[0]}': {problem.strerror}",
                hint=_INSTALL_HINT,
            ) from problem


_INSTALL_HINT = (
    "install the default compiler with `pip install 'orobuild[cc]'`,\n"
    "or name another in the CC variable (CC=gcc, CC=clang)"
)


def find(
    configured: Sequence[str], cache: Path, environ: Mapping[str, str] = os.environ
) -> Compiler:
    """The compiler to use: `CC`, else the configuration's, else `zig cc`.

    `cache` is a directory for the compiler's own cache. Raises `MissingToolError`.
    """
    words = shlex.split(environ.get("CC", "")) or list(configured)
    if not words:
        return _zig(cache, environ)
    import shutil

    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is None:
        origin = "the CC variable" if environ.get("CC") else "the configuration"
        raise MissingToolError(
            f"the C compiler '{words[0]}', named by {origin}, is not installed", hint=_INSTALL_HINT
        )
    stamp = _stamp(program, environ)
    if Path(program).name.startswith("zig") or words[1:2] == ["cc"]:
        return Compiler((program, *words[1:]), "zig", stamp, _zig_environment(cache))
    return Compiler((program, *words[1:]), _family(program, words), stamp)


def places(configured: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """The files that decide which compiler `find` gives: on the search path up to the one it finds,
    also those that are not there."""
    words = shlex.split(environ.get("CC", "")) or list(configured)
    if not words:
        spec = importlib.util.find_spec("ziglang")
        folders = list(spec.submodule_search_locations or ()) if spec else []
        return [str(Path(folder, "zig")) for folder in folders]
    if "/" in words[0]:
        return [str(Path(words[0]).absolute())]
    found = []
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        found.append(str(Path(folder, words[0]).absolute()))
        if os.access(found[-1], os.X_OK):
            break
    return found


def _family(program: str, words: Sequence[str]) -> str:
    name = Path(program).resolve().name
    if "clang" in name:
        return "clang"
    if re.search(r"g?cc", name) and "gnu" in name:
        return "gcc"
    import subprocess

    try:
        version = subprocess.run(
            [program, *words[1:], "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=30,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        version = ""
    return "clang" if "clang" in version else "gcc"


def _zig(cache: Path, environ: Mapping[str, str]) -> Compiler:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise MissingToolError(
            "no C compiler: the 'ziglang' package is not installed", hint=_INSTALL_HINT
        )
    program = Path(next(iter(spec.submodule_search_locations)), "zig")
    if not program.is_file():
        raise MissingToolError(f"no C compiler: there is no '{program}'", hint=_INSTALL_HINT)
    return Compiler(
        (str(program), "cc"), "zig", _stamp(str(program), environ), _zig_environment(cache)
    )


def _zig_environment(cache: Path) -> tuple[tuple[str, str], ...]:
    return (
        ("ZIG_GLOBAL_CACHE_DIR", str(cache / "zig")),
        ("ZIG_LOCAL_CACHE_DIR", str(cache / "zig")),
    )


# Variables that a compiler takes as more of its command line.
_VARIABLES = (
    *("CPATH", "C_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "CCC_OVERRIDE_OPTIONS"),
    *("ZIG_LIB_DIR", "CLANG_CONFIG_FILE_USER_DIR"),
)


def _stamp(program: str, environ: Mapping[str, str]) -> str:
    """What tells a compiler from another: the file, and what else decides what it does."""
    status = Path(program).resolve().stat()
    said = [f":{name}={environ[name]}" for name in _VARIABLES if name in environ]
    return f"{Path(program).resolve()}:{status.st_size}:{status.st_mtime_ns}{''.join(said)}"


_MESSAGE = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+):(?:(?P<column>\d+):)? (?P<severity>fatal error|error|warning|note): (?P<message>.*)$"
)
_SEVERITIES = {"warning": Severity.WARNING}


def parse_messages(text: str, root: Path) -> list[Diagnostic]:
    """The located messages in a compiler's output; a note belongs to the message before it."""
    found: list[Diagnostic] = []
    for line in text.splitlines():
        match = _MESSAGE.match(line)
        if not match:
            continue
        span = _span(root, match["path"], int(match["line"]), int(match["column"] or 0))
        if match["severity"] == "note" and found:
            found[-1] = found[-1].with_notes(Note(match["message"], span))
        else:
            severity = _SEVERITIES.get(match["severity"], Severity.ERROR)
            found.append(Diagnostic(severity, match["message"], span, rule="cc"))
    return found


def _failure(
    result: subprocess.CompletedProcess[str], messages: list[Diagnostic], source: str
) -> list[Diagnostic]:
    if any(message.severity is Severity.ERROR for message in messages):
        return messages
    said = result.stderr.strip() or f"it ended with status {result.returncode} and said nothing"
    return [*messages, error(f"the C compiler failed: {said}", Span(source), rule="cc")]


def _span(root: Path, path: str, line: int, column: int) -> Span:
    try:
        lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    text = lines[line - 1] if 0 < line <= len(lines) else None
    return Span(path, line, column, 1, text)


def parse_depfile(text: str) -> tuple[str, ...]:
    """The prerequisites of a make rule as compilers write it, in order, each once."""
    _, _, prerequisites = text.replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\.|[^\s\\])+", prerequisites)
    return tuple(dict.fromkeys(re.sub(r"\\(.)", r"\1", w).replace("$$", "$") for w in words))


_CPP_CERTAIN = re.compile(
    r"^[ \t]*#[ \t]*(include[ \t]*[<\"]|define[ \t]+\w|undef[ \t]+\w|ifdef[ \t]+\w|ifndef[ \t]+\w|endif\b)",
    re.MULTILINE,
)


def needs_preprocessing(source: str, text: str) -> bool:
    """Whether an assembly file has C preprocessor lines: it is called `.S` and shows one.

    `#` also starts a comment in GNU syntax, so a line counts only when it reads like the
    directive that it names (`#include "x"`, `#define NAME`), not like a sentence.
    """
    return source.endswith(".S") and bool(_CPP_CERTAIN.search(text))


def is_needed(root: Path, source: str) -> bool:
    """Whether building `source` takes a C compiler."""
    if source.endswith(".c"):
        return True
    try:
        text = (root / source).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return needs_preprocessing(source, text)
