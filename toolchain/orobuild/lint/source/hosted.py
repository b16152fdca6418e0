"""Assembly inside another language, read as the assembler will read it: block after block.

Blocks share the assembler's macros and symbols. Places in them are turned into places in the file
that holds them, or in the one that `include_str!` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orobuild.lint import suppressions
from orobuild.lint.comments import Language
from orobuild.lint.source import processors
from orobuild.lint.source.embedded import Origins
from orobuild.lint.source.model import AssemblyModel
from orobuild.lint.source.reader import Reader
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orobuild.diagnostics import Span
    from orobuild.lint.source.embedded import Block
    from orobuild.lint.suppressions import Suppression


@dataclass(frozen=True, slots=True)
class HostedAssembly:
    """The model of a file's blocks, texts read by `include_str!`, and suppressions in the blocks."""

    model: AssemblyModel
    included: Mapping[str, str]
    marks: Sequence[Suppression]


def read(
    text: str,
    path: str,
    language: Language,
    read_file: Callable[[str, str], tuple[str, str] | None],
) -> HostedAssembly:
    """Every block of a file in C, C++ or Rust that is for x86."""
    origins = Origins()
    origins.add(path, text)
    included: dict[str, str] = {}

    def read_included(name: str) -> tuple[int, str] | None:
        found = read_file(name, path)
        if found is None:
            return None
        included[found[1]] = found[0]
        return origins.add(found[1], found[0]), found[0]

    if language is Language.RUST:
        from orobuild.lint.source.rust_blocks import blocks as rust_blocks

        blocks = rust_blocks(text, read_included)
    else:
        from orobuild.lint.source.c_blocks import blocks as c_blocks

        blocks = c_blocks(text)
    blocks = [block for block in blocks if not processors.is_foreign(block.text)]

    def locate(span: Span) -> Span:
        if not span.path.startswith("\0"):
            return span
        block = blocks[int(span.path[1:])]
        return origins.span(block.source(span.line, span.column), span.length)

    reader = Reader("", path, read_file=read_file, preprocessed=False)
    for index, block in enumerate(blocks):
        reader.read_block(block.text, index, at_file_scope=block.at_file_scope)
    model = AssemblyModel(reader.out, locate=locate)
    marks = [
        mark
        for block in blocks
        for mark in _marks(block, origins, path)
        if "orolint:" in block.text
    ]
    return HostedAssembly(model, included, marks)


def _marks(block: Block, origins: Origins, path: str) -> list[Suppression]:
    """The suppressions in the comments of a block, their lines those of the file."""
    found = []
    for mark in suppressions.read(block.text, path, Language.ASSEMBLY):
        place = origins.span(block.source(mark.span.line, mark.span.column), mark.span.length)
        lines = {origins.span(block.source(line, 1)).line for line in mark.lines if line}
        # No edit knows its way into a string.
        comment = replace(mark.comment, end_line=mark.comment.line + 1)
        if place.path == path:
            found.append(replace(mark, span=place, lines=frozenset(lines), comment=comment))
    return found
