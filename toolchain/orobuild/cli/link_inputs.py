"""Which files a link reads, in GNU ld's order: inputs, `-l` libraries and what scripts name.

Owns the search rules (`ld` manual, "Options", -l and -L; "File Commands", INPUT and GROUP) and
the flags that govern inputs by their position. It decides nothing about archive members.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.cli import files
from orobuild.cli.gnu_options import INPUT
from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.cli.gnu_options import CommandLine, Item
    from orobuild.linker import LinkInput
    from orobuild.linker.script import Script

_BINARY: Final = (b"\x7fELF", b"!<arch>\n", b"!<thin>\n")
_BITCODE: Final = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
_MAX_NESTING: Final = 16  # scripts that name scripts


def search_dirs(line: CommandLine, script: Script | None) -> tuple[str, ...]:
    """Where to look, in order: -L, then the script's SEARCH_DIR. `=` stands for the root."""
    named = (*line.all("library-path"), *(script.search_dirs if script else ()))
    return tuple(name.removeprefix("=").removeprefix("$SYSROOT") or "/" for name in named)


def find_script(name: str, dirs: Sequence[str]) -> str:
    """The path of a script: as it is, else in the directories. Raises `InputError`."""
    for path in (name, *(str(Path(directory, name)) for directory in dirs)):
        if Path(path).exists():
            return path
    raise InputError(
        error(
            "cannot read the linker script: no such file",
            Span(name),
            hint=f"looked here and in {', '.join(dirs)}" if dirs else None,
        )
    )


def gather(line: CommandLine, script: Script | None, dirs: Sequence[str]) -> list[LinkInput]:
    """Everything to link, in order. Raises `InputError` and `UsageError`."""
    return _Gatherer(script, dirs).run(line.items)


class _Gatherer:
    def __init__(self, script: Script | None, dirs: Sequence[str]) -> None:
        self.script = script
        self.dirs = dirs
        self.result: list[LinkInput] = []
        self.groups = 0
        self.group: int | None = None
        self.whole = False
        self.saved: list[bool] = []
        self.seen: set[str] = set()
        self.early: set[str] = set()

    def run(self, items: Sequence[Item]) -> list[LinkInput]:
        for item in items:
            if item.key == INPUT:
                self._add_named_once(item.value or "")
            elif item.key == "library":
                self._add(self._library(item.value or ""))
            elif item.key == "script" and self.script is not None:
                self._add_script(self.script, 0)
                self._add_files_of_rules(self.script)
            elif item.key == "whole-archive":
                self.whole = item.value == "yes"
            elif item.key == "group":
                self._group(item)
            elif item.key == "state":
                self._state(item)
        if self.group is not None:
            raise UsageError("oro-ld: --start-group without --end-group")
        return self.result

    def _add_named_once(self, path: str) -> None:
        """An input, unless a rule of the script has brought it already."""
        if path in self.early:
            self.early.discard(path)
        else:
            self.seen.add(path)
            self._add(path)

    def _add_files_of_rules(self, script: Script) -> None:
        """A rule that names one file, without wildcards, brings that file if it does not come
        before the script (ld/ldlang.c, open_input_bfds)."""
        from orobuild.linker.glob import is_wild

        for rule in script.input_statements():
            name = rule.file
            if not name or ":" in name or is_wild(name) or name in self.seen | self.early:
                continue
            self._add(self._named(name, script.path, rule.span))
            self.early.add(name)

    def _group(self, item: Item) -> None:
        if item.value == "start":
            if self.group is not None:
                raise UsageError("oro-ld: a group inside a group", hint="write --end-group first")
            self.group = self._new_group()
        elif self.group is None:
            raise UsageError(f"oro-ld: '{item.word}' without --start-group")
        else:
            self.group = None

    def _new_group(self) -> int:
        self.groups += 1
        return self.groups

    def _state(self, item: Item) -> None:
        if item.value == "push":
            self.saved.append(self.whole)
        elif not self.saved:
            raise UsageError("oro-ld: --pop-state without --push-state")
        else:
            self.whole = self.saved.pop()

    def _library(self, name: str) -> str:
        """`-lname`: libname.a in the first directory that has it; `-l:name`: the file itself."""
        wanted = name[1:] if name.startswith(":") else f"lib{name}.a"
        for directory in self.dirs:
            path = Path(directory, wanted)
            if path.is_file():
                return str(path)
        shared = [d for d in self.dirs if Path(d, f"lib{name}.so").exists()]
        if shared:
            hint = f"{shared[0]}/lib{name}.so is a shared library; the image is static"
        elif self.dirs:
            hint = f"no {wanted} in {', '.join(self.dirs)}"
        else:
            hint = "no directory was given to look in; say where with -L DIR"
        raise InputError(error(f"cannot find -l{name}", hint=hint))

    def _add(self, path: str, depth: int = 0) -> None:
        from orobuild.linker import LinkInput

        data = files.read(path)
        if data[:4] in _BITCODE:
            raise InputError(
                error(
                    "this is LLVM bitcode, not an object",
                    Span(path),
                    hint="compile without -flto, or with -ffat-lto-objects",
                )
            )
        if not data.startswith(_BINARY) and _is_text(data):
            self._add_implicit_script(path, data, depth)
            return
        self.result.append(
            LinkInput(
                path,
                data,
                group=self.group,
                whole_archive=self.whole,
                read_member=lambda name: (Path(path).parent / name).read_bytes(),
            )
        )

    def _add_implicit_script(self, path: str, data: bytes, depth: int) -> None:
        """An input that is text is a linker script, as in GNU ld; it may only name inputs."""
        from orobuild.linker import script as scripts

        text = data.decode("utf-8", "surrogateescape")
        parsed = scripts.parse(text, path, read_file=files.read_included)
        if parsed.statements or parsed.has_sections or parsed.regions or parsed.has_phdrs:
            raise UsageError(
                f"oro-ld: '{path}' is a linker script with more in it than INPUT and GROUP",
                hint=f"-T {path} makes it the linker script",
            )
        if depth == _MAX_NESTING:
            raise UsageError(f"oro-ld: '{path}' names linker scripts without end")
        self._add_script(parsed, depth + 1)

    def _add_script(self, script: Script, depth: int) -> None:
        """The files of INPUT, GROUP and STARTUP; a relative name may be beside the script."""
        groups: dict[int, int] = {}
        outside = self.group
        for named in script.inputs:
            if outside is None:
                self.group = None
                if named.group is not None:
                    self.group = groups.setdefault(named.group, -1)
                    if self.group == -1:
                        self.group = groups[named.group] = self._new_group()
            name = named.name.removeprefix("-l")
            if named.name.startswith("-l"):
                self._add(self._library(name), depth)
            else:
                self._add(self._named(named.name, script.path, named.span), depth)
        self.group = outside

    def _named(self, name: str, script: str, span: Span) -> str:
        places = (".", *self.dirs, str(Path(script).parent))
        for directory in places:
            path = Path(directory, name)
            if path.is_file():
                return name if directory == "." else str(path)
        raise InputError(error(f"cannot find '{name}'", span, hint=f"not in {', '.join(places)}"))


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return bool(head) and all(byte >= 0x20 or byte in b"\t\n\v\f\r" for byte in head)
