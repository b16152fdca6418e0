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
BUILT_IN: Final = "built-in script"
_LOCAL: Final = ("/usr/local/lib{0}", "/lib{0}", "/usr/lib{0}")
_DEFAULT_DIRS: Final = {
    True: [f"={d.format(x)}" for x in ("/x86_64-linux-gnu", "64", "") for d in _LOCAL],
    False: [f"={d.format(x)}" for x in ("/i386-linux-gnu", "32", "") for d in _LOCAL],
}
_MAX_NESTING: Final = 16  # scripts that name scripts


def search_dirs(line: CommandLine, script: Script | None) -> tuple[str, ...]:
    """Where to look, in order: -L, then the script's SEARCH_DIR, or without a script where GNU ld
    looks. `=` and `$SYSROOT` stand for the root."""
    named = [*line.all("library-path")]
    if line.on("nostdlib"):
        pass
    elif script is not None and script.path != BUILT_IN:
        named += script.search_dirs
    elif script is not None:
        named += _DEFAULT_DIRS[line.last("emulation") != "elf_i386"]
    root = (line.last("sysroot") or "").removesuffix("/")
    return tuple(_in_root(name, root) for name in named)


def _in_root(name: str, root: str) -> str:
    for prefix in ("=", "$SYSROOT"):
        if name.startswith(prefix):
            return f"{root}/{name.removeprefix(prefix).lstrip('/')}"
    return name


def retained(line: CommandLine) -> frozenset[str] | None:
    """The names in the file of --retain-symbols-file, separated by blanks."""
    path = line.last("retain-symbols-file")
    return None if path is None else frozenset(files.read_text(path).split())


def just_symbols(line: CommandLine) -> dict[str, int]:
    """The addresses of what the images of -R define. Raises `InputError`."""
    from orobuild.elf import constants as c
    from orobuild.elf import reader

    found: dict[str, int] = {}
    for path in line.all("just-symbols"):
        if Path(path).is_dir():
            continue  # -R DIR is -rpath DIR
        for symbol in reader.read(files.read(path), path).symbols:
            defined = symbol.st_shndx not in (c.SHN_UNDEF, c.SHN_COMMON)
            if symbol.name and defined and symbol.st_info >> 4 != c.STB_LOCAL:
                found.setdefault(symbol.name, symbol.st_value)
    return found


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
    gatherer = _Gatherer(script, dirs)
    gatherer.wide = line.last("emulation") != "elf_i386"
    return gatherer.run(line.items)


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
        self.binary = False
        self.wide = True

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
            elif item.key == "format":
                self.binary = item.value == "binary"
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
        if self.binary:
            self.result.append(LinkInput(path, binary_object(path, data, wide=self.wide)))
            return
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


def binary_object(path: str, data: bytes, *, wide: bool) -> bytes:
    """A file as it is (-b binary): the `.data` of an object that names its bounds.

    `_binary_NAME_start`, `_end` and `_size`, where every character of the path that cannot be in
    a name is `_` (bfd/binary.c).
    """
    from orobuild.elf import constants as c
    from orobuild.elf import relocatable

    name = "".join(x if x.isascii() and x.isalnum() else "_" for x in path)
    section = relocatable.OutputSection(
        ".data", c.SHT_PROGBITS, c.SHF_ALLOC | c.SHF_WRITE, data, len(data)
    )
    info = c.STB_GLOBAL << 4
    symbols = [
        relocatable.OutputSymbol(f"_binary_{name}_start", 0, info=info, section=section),
        relocatable.OutputSymbol(f"_binary_{name}_end", len(data), info=info, section=section),
        relocatable.OutputSymbol(f"_binary_{name}_size", len(data), info=info, st_shndx=c.SHN_ABS),
    ]
    return relocatable.write(c.ELFCLASS64 if wide else c.ELFCLASS32, [section], symbols)


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return bool(head) and all(byte >= 0x20 or byte in b"\t\n\v\f\r" for byte in head)
