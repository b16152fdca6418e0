"""Templates from statements: our own table first, keystone for the rest, the decoder to agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.assembler.encoder import corrections, keystone_batch, opcodes, readback
from orobuild.assembler.encoder.mnemonics import PREFIX_ORDER
from orobuild.assembler.encoder.operands import Memory
from orobuild.assembler.encoder.template import keystone_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.template import Template


def compile_all(statements: Mapping[str, Statement]) -> dict[str, Template | str]:
    """For every key the template, or the reason why there is none."""
    results: dict[str, Template | str] = {}
    texts: dict[int, list[str]] = {}
    for key, statement in statements.items():
        bits = statement.dialect.bits
        options = set(statement.shape.options) - {"disp8", "disp16", "disp32"}
        code = None if options else corrections.encode(statement.shape, bits)
        if code is not None:
            template, reason = readback.read_back(statement.shape, code, bits)
            results[key] = template if template is not None else reason
        elif options or opcodes.is_preferred(statement.mnemonic, bits):
            results[key] = _from_opcodes(statement, bits, "not encodable")
        elif corrections.has_written_string(statement.shape):
            results[key] = "not a form of a string instruction"
        elif not readback.is_known(statement.mnemonic):
            results[key] = "unknown mnemonic"
        else:
            texts.setdefault(bits, []).append(key)
    for bits, keys in texts.items():
        codes = keystone_batch.encode(
            [keystone_text(statements[key].shape, bits) for key in keys],
            bits,
            lambda code, count, bits=bits: readback.divide(code, count, bits),  # type: ignore[misc]
        )
        for key, code in zip(keys, codes, strict=True):
            results[key] = _agreed(statements[key], code, bits)
    for key, result in results.items():
        if not isinstance(result, str) and key.split(" ", 1)[0].endswith("a"):
            results[key] = corrections.with_other_address_size(result, statements[key].dialect.bits)
    return results


def _agreed(statement: Statement, code: bytes | None, bits: int) -> Template | str:
    """Keystone's answer if the decoder agrees, then its answer without a batch, then ours."""
    reason = "not encodable"
    for attempt in (0, 1):
        if code is not None:
            template, reason = readback.read_back(
                statement.shape, _without_zero(_gnu_order(code), statement, bits), bits
            )
            if template is not None:
                return template
        if attempt == 0:
            # Two statements of a batch can make up for each other's lost and extra bytes.
            code = keystone_batch.assemble(keystone_text(statement.shape, bits), bits)
    return _from_opcodes(statement, bits, reason)


def _from_opcodes(statement: Statement, bits: int, reason: str) -> Template | str:
    for code in opcodes.encode(statement.shape, bits):
        template, reason = readback.read_back(statement.shape, code, bits)
        if template is not None:
            return template
    return reason


def _without_zero(code: bytes, statement: Statement, bits: int) -> bytes:
    """`code` without the zero that keystone adds to `(%bp,%si)` and `(%bp,%di)`."""
    for operand in statement.shape.operands:
        if (
            isinstance(operand, Memory)
            and operand.displacement is None
            and operand.base is not None
            and operand.index is not None
            and operand.base.name == "bp"
        ):
            return readback.without_displacement(code, bits)
    return code


def _gnu_order(code: bytes) -> bytes:
    """Legacy prefixes in the order in which GNU as writes them."""
    cut = 0
    while cut < len(code) and code[cut] in PREFIX_ORDER and not 0x40 <= code[cut] <= 0x4F:
        cut += 1
    if cut < 2 or cut == len(code):
        return code
    return bytes(sorted(code[:cut], key=lambda byte: PREFIX_ORDER[int(byte)])) + code[cut:]
