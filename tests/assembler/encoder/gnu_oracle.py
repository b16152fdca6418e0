"""GNU as as an oracle for single statements: many texts, one run, bytes and relocations of each.

Also the encoder's answer in the same form, so that a test compares two dictionaries.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.types import Dialect, Encoded, FixupKind
from orobuild.assembler.expression import Binary, Constant, Expr, Here, SymbolRef, fold
from orobuild.diagnostics import Severity, render


@dataclass(frozen=True)
class Answer:
    """Bytes of a statement, with its relocations as (offset, type name, symbol, addend)."""

    code: bytes
    relocations: tuple[tuple[int, str, str, int], ...] = ()

    def __str__(self) -> str:
        return self.code.hex() + "".join(f" {r}" for r in self.relocations)


def directives(dialect: Dialect) -> list[str]:
    lines = [".code16gcc" if dialect.code16gcc else f".code{dialect.bits}"]
    if dialect.intel:
        lines.append(f".intel_syntax {'noprefix' if dialect.naked else 'prefix'}")
    return lines


def gnu_as(texts: list[str], dialect: Dialect) -> dict[str, Answer | None]:
    """What GNU as makes of every text; None where it reports an error."""
    answers: dict[str, Answer | None] = {}
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "t.s")
        output = Path(directory, "t.o")
        wanted = list(dict.fromkeys(texts))
        flag = "--64" if dialect.bits == 64 else "--32"
        for _ in range(40):
            head = directives(dialect)
            lines = list(head)
            for i, text in enumerate(wanted):
                lines += [f"L{i}_: {text}", f"E{i}_: nop"]
            source.write_text("\n".join(lines) + "\n")
            run = subprocess.run(
                ["as", flag, "-mmnemonic=att", "-W", "-o", output, source],
                capture_output=True,
                text=True,
            )
            if run.returncode == 0:
                break
            bad = set()
            for line in run.stderr.splitlines():
                # Some nonsense ends GNU as with an internal error.
                if match := re.match(r".*?t\.s:(\d+): (?:Error|Internal error)", line):
                    bad.add((int(match[1]) - 1 - len(head)) // 2)
            assert bad, run.stderr
            answers |= {wanted[i]: None for i in bad}
            wanted = [text for i, text in enumerate(wanted) if i not in bad]
        else:
            raise AssertionError(run.stderr)
        return answers | _answers(output, wanted)


def _answers(path: Path, wanted: list[str]) -> dict[str, Answer | None]:
    from elftools.elf.descriptions import describe_reloc_type
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        text = elf.get_section_by_name(".text").data()
        symbols = elf.get_section_by_name(".symtab")
        places = {s.name: s["st_value"] for s in symbols.iter_symbols() if s.name}
        relocations = elf.get_section_by_name(".rela.text") or elf.get_section_by_name(".rel.text")
        found: dict[int, list[tuple[int, str, str, int]]] = {}
        ordered = [(places[f"L{i}_"], places[f"E{i}_"]) for i in range(len(wanted))]
        starts = {}
        for start, end in ordered:
            for address in range(start, end):
                starts[address] = start
        for relocation in relocations.iter_relocations() if relocations else ():
            number = relocation["r_info_type"]
            name = describe_reloc_type(number, elf)
            if elf.elfclass == 64:
                name = {41: "R_X86_64_GOTPCRELX", 42: "R_X86_64_REX_GOTPCRELX"}.get(number, name)
            elif number == 43:
                name = "R_386_GOT32X"
            symbol = symbols.get_symbol(relocation["r_info_sym"]).name
            offset = relocation["r_offset"]
            start = starts[offset]
            addend = relocation.entry.get("r_addend", 0)
            found.setdefault(start, []).append((offset - start, name, symbol, addend))
        return {
            t: Answer(text[a:b], tuple(sorted(found.get(a, ()))))
            for t, (a, b) in zip(wanted, ordered, strict=True)
        }


def ours(
    texts: list[str], dialect: Dialect, encoder: Encoder | None = None
) -> tuple[dict[str, Answer | None], dict[str, str]]:
    """What the encoder makes of every text, and what it says about those it refuses."""
    encoder = encoder or Encoder()
    texts = list(dict.fromkeys(texts))
    slots = [
        encoder.submit(t, dialect, lambda e: fold(e, lambda _: None), span_of("t.s", i + 1, t))
        for i, t in enumerate(texts)
    ]
    said: dict[str, str] = {}
    for diagnostic in encoder.flush():
        if diagnostic.severity is Severity.ERROR:
            assert diagnostic.span is not None
            said[texts[diagnostic.span.line - 1]] = render(diagnostic)
    answers = {
        text: None if slot.encoded is None else answer_of(slot.encoded, dialect.bits)
        for text, slot in zip(texts, slots, strict=True)
    }
    for text, answer in answers.items():
        assert (answer is None) == (text in said), f"{text}: {answer} and {said.get(text)}"
    return answers, said


def answer_of(encoded: Encoded, bits: int) -> Answer:
    """The encoding as GNU as would put it into an object: branches near, fixups relocated."""
    code, fixups = (
        encoded.code,
        [(f.offset, f.size, f.value, f.pc_relative, f.signed, f.kind) for f in encoded.fixups],
    )
    if encoded.branch:
        branch = encoded.branch
        opcode = branch.near if branch.near is not None else branch.short
        size = branch.near_size if branch.near is not None else 1
        code = opcode + bytes(size)
        kind = FixupKind.BRANCH if branch.near is not None else FixupKind.PLAIN
        fixups = [(len(opcode), size, branch.target, True, True, kind)]
    buffer = bytearray(code)
    relocations = []
    for offset, size, value, pc_relative, signed, kind in fixups:
        symbol, modifier, addend = _symbol(value)
        if pc_relative:
            addend -= len(code) - offset
        # GNU as relocates a number against *ABS*, with a plain relocation.
        family = kind if symbol or kind is not FixupKind.BRANCH else FixupKind.PLAIN
        name = relocation_name(bits, size, pc_relative, signed, family, modifier)
        if bits != 64:  # REL: the addend stands in the field
            buffer[offset : offset + size] = (addend & ((1 << 8 * size) - 1)).to_bytes(
                size, "little"
            )
            addend = 0
        relocations.append((offset, name, symbol, addend))
    return Answer(bytes(buffer), tuple(sorted(relocations)))


def _symbol(value: Expr) -> tuple[str, str | None, int]:
    match value:
        case SymbolRef(name, modifier):
            return name, modifier, 0
        case Binary("+", left, Constant(number)):
            name, modifier, addend = _symbol(left)
            return name, modifier, addend + number
        case Binary("-", left, Constant(number)):
            name, modifier, addend = _symbol(left)
            return name, modifier, addend - number
        case Constant(number):
            return "", None, number
        case Here():
            return ".", None, 0
    return repr(value), None, 0


def relocation_name(
    bits: int, size: int, pc_relative: bool, signed: bool, kind: FixupKind, modifier: str | None
) -> str:
    if bits == 64:
        if modifier == "GOTPCREL":
            return {
                FixupKind.GOTPCRELX: "R_X86_64_GOTPCRELX",
                FixupKind.REX_GOTPCRELX: "R_X86_64_REX_GOTPCRELX",
            }.get(kind, "R_X86_64_GOTPCREL")
        if pc_relative:
            if kind is FixupKind.BRANCH and size == 4:
                return "R_X86_64_PLT32"
            return f"R_X86_64_PC{size * 8}"
        return f"R_X86_64_{size * 8}" + ("S" if size == 4 and signed else "")
    if modifier == "GOT":
        return "R_386_GOT32X" if kind is FixupKind.GOTPCRELX else "R_386_GOT32"
    if pc_relative:
        return f"R_386_PC{size * 8}"
    return f"R_386_{size * 8}"


def differences(texts: list[str], dialect: Dialect) -> list[str]:
    """A line for every text that GNU as encodes and the encoder does not, or differently."""
    expected = gnu_as(texts, dialect)
    found, said = ours(texts, dialect)
    lines = []
    for text, answer in expected.items():
        if answer is None:
            continue
        mine = found[text]
        if mine is None:
            lines.append(f"{dialect.bits} {text}: {answer}: refused: {said[text].splitlines()[0]}")
        elif mine != answer:
            lines.append(f"{dialect.bits} {text}: GNU as {answer}, ours {mine}")
    return lines
