"""ELF headers of relocatable files: where a file's section headers are, and those of many files
as one array. What they say about the sections is checked in `objects`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.elf.reader import ElfError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.options import LinkInput

_SHDR_FIELDS: Final = (
    "name",
    "type",
    "flags",
    "addr",
    "offset",
    "size",
    "link",
    "info",
    "align",
    "entsize",
)
_WIDE_FIELDS: Final = ("flags", "addr", "offset", "size", "align", "entsize")
_SHDR: Final = {
    c.ELFCLASS32: np.dtype([(name, "<u4") for name in _SHDR_FIELDS]),
    c.ELFCLASS64: np.dtype(
        [(name, "<u8" if name in _WIDE_FIELDS else "<u4") for name in _SHDR_FIELDS]
    ),
}
# e_shoff, e_shentsize, e_shnum, e_shstrndx
_EHDR_TAIL: Final = {
    c.ELFCLASS32: struct.Struct("<32xI10xHHH"),
    c.ELFCLASS64: struct.Struct("<40xQ10xHHH"),
}
_TYPE_AND_MACHINE: Final = struct.Struct("<16xHH")

_MACHINES: Final = {c.EM_386: "i386", c.EM_X86_64: "x86-64"}


@dataclass(slots=True, eq=False)
class Head:
    """What a file's ELF header says: where its section headers are."""

    file: LinkInput
    data: memoryview
    ei_class: int
    e_machine: int
    headers: memoryview
    count: int = 0
    shstrndx: int = 0

    @property
    def label(self) -> str:
        """The object's name in messages: `path`, or `archive(member)`."""
        file = self.file
        return f"{file.archive}({file.path})" if file.archive else file.path


def machine_name(e_machine: int) -> str:
    """A processor as messages name it."""
    return _MACHINES.get(e_machine, str(e_machine))


def fail(path: str, message: str, *, hint: str | None = None) -> NoReturn:
    """Refuse a file."""
    raise ElfError(error(message, Span(path), hint=hint, rule="elf"))


def malformed(head: Head, message: str) -> NoReturn:
    """Report a bad object in the reader's words where it has some, else with `message`."""
    reader.read(head.data, head.label)
    fail(head.label, message)


def read_head(file: LinkInput) -> Head:
    """The header of a relocatable object. Raises `InputError` for anything else."""
    data = memoryview(file.data).cast("B")
    if len(data) < 52 or bytes(data[:4]) != c.ELFMAG:
        _not_elf(data, f"{file.archive}({file.path})" if file.archive else file.path)
    ei_class = data[c.EI_CLASS]
    head = Head(file, data, ei_class, 0, data[:0])
    if (
        ei_class not in _SHDR
        or data[c.EI_DATA] != c.ELFDATA2LSB
        or data[c.EI_VERSION] != c.EV_CURRENT
        or len(data) < c.EHDR_SIZE[ei_class]
    ):
        reader.read(data, head.label)
        fail(head.label, "not an ELF file that can be linked")
    e_type, head.e_machine = _TYPE_AND_MACHINE.unpack_from(data)
    if head.e_machine not in _MACHINES:
        reader.read(data, head.label)
    if e_type != c.ET_REL:
        kind = {c.ET_EXEC: "an executable", c.ET_DYN: "a shared object"}.get(e_type, "a file")
        fail(
            head.label,
            f"{kind} (e_type {e_type}) cannot be linked",
            hint="give relocatable objects (compiled with -c) or archives of them",
        )
    shoff, entsize, shnum, shstrndx = _EHDR_TAIL[ei_class].unpack_from(data)
    if not shoff:
        return head
    size = _SHDR[ei_class].itemsize
    if entsize != size or shoff + size > len(data):
        malformed(head, "the section header table is malformed")
    if not shnum or shstrndx == c.SHN_XINDEX:
        first = np.frombuffer(data, _SHDR[ei_class], 1, shoff)[0]
        shnum = shnum or int(first["size"])
        shstrndx = int(first["link"]) if shstrndx == c.SHN_XINDEX else shstrndx
    end = shoff + shnum * size
    if end > len(data):
        malformed(head, "truncated: the section header table is outside the file")
    head.headers, head.count, head.shstrndx = data[shoff:end], shnum, shstrndx
    if shstrndx and shstrndx >= shnum:
        malformed(head, f"e_shstrndx {shstrndx} is not a section")
    return head


def _not_elf(data: memoryview, label: str) -> NoReturn:
    start = bytes(data[:8])
    if start[:4] in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
        fail(
            label,
            "this is LLVM bitcode, not machine code (compiled for link-time optimisation)",
            hint="compile without -flto (Rust: -C lto=off and -C embed-bitcode=no)",
        )
    if start in (b"!<arch>\n", b"!<thin>\n"):
        fail(label, "an archive inside an archive cannot be linked")
    reader.read(data, label)
    fail(label, "not an ELF object")


class Headers:
    """The section headers of a batch: `raw`, and `owner[row]`, the file of each."""

    def __init__(self, heads: list[Head]) -> None:
        self.heads = heads
        self.ei_class = heads[0].ei_class
        self.raw: NDArray[Any] = np.frombuffer(
            b"".join([head.headers for head in heads]), _SHDR[self.ei_class]
        )
        counts = np.array([head.count for head in heads], "i8")
        self.bounds = np.concatenate([[0], np.cumsum(counts)])
        self.first = self.bounds[:-1]
        self.counts = counts
        self.owner = np.repeat(np.arange(len(heads)), counts)

    def require(self, wrong: NDArray[np.bool_], message: str) -> None:
        """Refuse the file of the first row that is `wrong`."""
        if wrong.any():
            malformed(self.heads[int(self.owner[int(np.argmax(wrong))])], message)

    def contents(self, rows: NDArray[np.int64]) -> list[memoryview]:
        """The bytes of section rows."""
        headers = self.raw[rows]
        starts = headers["offset"].astype("i8")
        ends = starts + headers["size"].astype("i8")
        heads = self.heads
        return [
            heads[number].data[start:end]
            for number, start, end in zip(
                self.owner[rows].tolist(), starts.tolist(), ends.tolist(), strict=True
            )
        ]


@dataclass(frozen=True, slots=True)
class Strings:
    """String tables one after another; `base` is where each starts, `size` how long it is."""

    blob: bytes
    base: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def of(cls, tables: Sequence[bytes | memoryview]) -> Strings:
        """`tables` together."""
        size = np.array([len(table) for table in tables], "i8")
        # The NUL between them makes an empty table one that holds the empty string.
        blob = b"\0".join([*tables, b""])
        return cls(blob, np.cumsum(size + 1) - size - 1, size)

    def get(self, starts: NDArray[np.int64]) -> list[bytes]:
        """The strings that begin at positions of the blob."""
        nul = np.flatnonzero(np.frombuffer(self.blob, "u1") == 0)
        ends = nul[np.searchsorted(nul, starts)]
        blob = self.blob
        return [blob[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]

    def is_terminated(self) -> NDArray[np.bool_]:
        """Whether each table ends with a NUL; an empty one does."""
        data = np.frombuffer(self.blob, "u1")
        ends: NDArray[np.bool_] = data[self.base + np.maximum(self.size - 1, 0)] == 0
        return ends
