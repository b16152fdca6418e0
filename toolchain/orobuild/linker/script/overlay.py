"""OVERLAY: sections that run at one address and are loaded one behind the other.

Parsed into plain descriptions: each has the address of the first, its own AT(), and PROVIDEs
`__load_start_NAME` and `__load_stop_NAME`; then the location counter moves behind the longest
(ld manual, "Overlay Description"; lang_leave_overlay of ld/ldlang.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.linker.script import nodes
from orobuild.linker.script.expressions import parse_expression
from orobuild.linker.script.sections import after_body, parse_body
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.diagnostics import Span
    from orobuild.linker.script.lexer import Scanner
    from orobuild.linker.script.sections import Include


def parse_overlay(
    scanner: Scanner, number: int, include: Include
) -> tuple[list[nodes.Statement], nodes.NoCrossRefs | None]:
    """The statements that the OVERLAY at `scanner` means, and its NOCROSSREFS.

    `number` tells this overlay from others. Raises `ScriptError`.
    """
    span = scanner.here()
    scanner.accept_word("OVERLAY")
    start = None if scanner.looking_at(":") else parse_expression(scanner)
    scanner.expect(":", "after the address of OVERLAY")
    apart, at = _attributes(scanner)
    scanner.expect("{", "to open OVERLAY")
    sections: list[nodes.OutputSection] = []
    while not scanner.accept("}"):
        if scanner.at_end():
            scanner.fail("OVERLAY is not closed", span, hint="add a '}'")
        sections.append(_section(scanner, number, include))
    region, lma_region, phdrs, phdr_spans, fill = after_body(scanner)
    if not sections:
        return [], None
    first = sections[0].name
    statements: list[nodes.Statement] = []
    for place, section in enumerate(sections):
        address = start if place == 0 else _call("ADDR", first, span)
        load = at
        if place and lma_region is None:
            load = _behind(sections[place - 1].name, span)
        statements.append(
            replace(
                section,
                address=address,
                at=load if lma_region is None else None,
                region=region,
                lma_region=lma_region,
                phdrs=section.phdrs if section.phdrs is not None else phdrs,
                phdr_spans=section.phdr_spans or phdr_spans,
                fill=section.fill or fill,
            )
        )
        statements += _bounds(section.name, span)
    longest: nodes.Expression = _call("SIZEOF", first, span)
    for section in sections[1:]:
        longest = nodes.Call("MAX", (longest, _call("SIZEOF", section.name, span)), span)
    end = nodes.Binary("+", _call("ADDR", first, span), longest, span)
    statements.append(nodes.Assignment(".", "=", end, "assign", span))
    names = tuple(section.name for section in sections)
    return statements, nodes.NoCrossRefs(names, to=False, span=span) if apart else None


def _attributes(scanner: Scanner) -> tuple[bool, nodes.Expression | None]:
    """NOCROSSREFS and AT(…)."""
    apart, at = False, None
    while not scanner.looking_at("{"):
        if scanner.accept_word("NOCROSSREFS"):
            apart = True
        elif scanner.accept_word("AT"):
            scanner.expect("(", "after AT")
            at = parse_expression(scanner)
            scanner.expect(")", "after AT(…")
        else:
            scanner.fail(f"expected '{{', NOCROSSREFS or AT, found {scanner.found()}")
    return apart, at


def _section(scanner: Scanner, number: int, include: Include) -> nodes.OutputSection:
    scanner.skip()
    start = scanner.position
    name = scanner.section_name()
    if name is None:
        scanner.fail(f"expected an output section in OVERLAY, found {scanner.found()}")
    span = scanner.span(start, len(name))
    body = parse_body(scanner, name, span, include)
    _, _, phdrs, phdr_spans, fill = after_body(scanner)
    return nodes.OutputSection(
        name=name, span=span, body=body, phdrs=phdrs, phdr_spans=phdr_spans, fill=fill,
        overlay=number,
    )  # fmt: skip


def _call(function: str, name: str, span: Span) -> nodes.Call:
    return nodes.Call(function, (), span, name)


def _behind(previous: str, span: Span) -> nodes.Expression:
    """The load address behind `previous`."""
    load, size = _call("LOADADDR", previous, span), _call("SIZEOF", previous, span)
    return nodes.Binary("+", load, size, span)


def _bounds(name: str, span: Span) -> list[nodes.Statement]:
    """`__load_start_NAME` and `__load_stop_NAME`, without what cannot be in a C name."""
    clean = "".join(x for x in name if x.isascii() and (x.isalnum() or x == "_"))
    load = _call("LOADADDR", name, span)
    end = _behind(name, span)
    return [
        nodes.Assignment(f"__load_start_{clean}", "=", load, "provide", span),
        nodes.Assignment(f"__load_stop_{clean}", "=", end, "provide", span),
    ]
