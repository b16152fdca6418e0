"""Templates from statements: our own table first, keystone for the rest, the decoder to agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.assembler.encoder import (
    corrections,
    decoding,
    keystone_batch,
    meaning,
    opcodes,
    prefix,
    readback,
    string_operation,
)
from orobuild.assembler.encoder.mnemonics import PREFIX_ORDER
from orobuild.assembler.encoder.operands import Memory, RegisterOperand
from orobuild.assembler.encoder.registers import RegisterClass
from orobuild.assembler.encoder.template import keystone_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.assembler.encoder.operands import Operand
    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.template import Template


HIGH_BYTE = "%ah, %ch, %dh and %bh cannot be used in an instruction that needs a REX prefix"


def _needs_and_bars_rex(operands: tuple[Operand, ...]) -> bool:
    """Whether one register needs a REX prefix and another cannot have it.

    Keystone ends the process when it is asked for such an instruction.
    """
    registers = [o.register for o in operands if isinstance(o, RegisterOperand)]
    if not any(register.bars_rex for register in registers):
        return False
    for operand in operands:
        if isinstance(operand, Memory):
            registers += [r for r in (operand.base, operand.index) if r and r.number >= 8]
    return any(
        register.needs_rex
        or register.number >= 8
        or (register.kind is RegisterClass.GENERAL and register.size == 8)
        for register in registers
    )


def compile_all(statements: Mapping[str, Statement]) -> dict[str, Template | str]:
    """For every key the template, or the reason why there is none."""
    results: dict[str, Template | str] = {}
    texts: dict[int, list[str]] = {}
    for key, statement in statements.items():
        bits = statement.dialect.bits
        if _needs_and_bars_rex(statement.shape.operands):
            results[key] = HIGH_BYTE
            continue
        options = set(statement.shape.options) - {"disp8", "disp16", "disp32"}
        code = None if options else corrections.encode(statement.shape, bits)
        if code is not None:
            template, reason = readback.read_back(statement.shape, code, bits)
            results[key] = template if template is not None else reason
        elif options or opcodes.is_preferred(statement.mnemonic, bits):
            results[key] = _from_opcodes(statement, bits, "not encodable")
        elif string_operation.is_written(statement.shape):
            results[key] = "not a form of a string instruction"
        elif not meaning.is_known(statement.mnemonic):
            results[key] = "unknown mnemonic"
        else:
            texts.setdefault(bits, []).append(key)
    for bits, keys in texts.items():
        codes = keystone_batch.encode(
            [keystone_text(statements[key].shape, bits) for key in keys],
            bits,
            lambda code, count, bits=bits: decoding.divide(code, count, bits),  # type: ignore[misc]
        )
        for key, code in zip(keys, codes, strict=True):
            results[key] = _agreed(statements[key], code, bits)
    for key, result in results.items():
        if isinstance(result, str):
            continue
        statement = statements[key]
        bits = statement.dialect.bits
        template = result
        if "@" in key.split(" ", 1)[0]:
            template = corrections.with_other_address_size(template, bits)
        results[key] = template
        if statement.prefixes:
            merged, _ = prefix.with_prefixes(template.code, statement.prefixes)
            reason = decoding.refused_prefix(result.code, merged, statement.prefixes, bits)
            if reason:
                results[key] = reason
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
            return decoding.without_displacement(code, bits)
    return code


def _gnu_order(code: bytes) -> bytes:
    """Legacy prefixes in the order in which GNU as writes them."""
    cut = 0
    while cut < len(code) and code[cut] in PREFIX_ORDER and not 0x40 <= code[cut] <= 0x4F:
        cut += 1
    if cut < 2 or cut == len(code):
        return code
    return bytes(sorted(code[:cut], key=lambda byte: PREFIX_ORDER[int(byte)])) + code[cut:]
