"""Instruction texts to compare: the decoder's whole instruction table, worded by objdump.

Every instruction that iced-x86 knows is encoded in several shapes (registers low and high,
addresses with and without base, index and displacement, immediates small and large), and objdump
writes the text. What GNU as then refuses is no test case; what it accepts must come out equal.
"""

from __future__ import annotations

import functools
import random
import re
import subprocess
import tempfile
from pathlib import Path

import iced_x86 as iced

_KINDS = {getattr(iced.OpCodeOperandKind, n): n for n in dir(iced.OpCodeOperandKind) if n.isupper()}
_FAMILY = {
    "XMM": "XMM", "YMM": "YMM", "ZMM": "ZMM", "MM": "MM", "K": "K", "BND": "BND", "TMM": "TMM",
}  # fmt: skip


@functools.cache
def codes() -> list[tuple[int, str]]:
    """Every instruction of the table as (number, name)."""
    found = []
    for name in dir(iced.Code):
        value = getattr(iced.Code, name)
        if isinstance(value, int) and name[0].isupper() and iced.OpCodeInfo(value).is_instruction:
            found.append((value, name))
    return found


def _register(prefix: str, number: int) -> int | None:
    value = getattr(iced.Register, f"{prefix}{number}", None)
    return value if isinstance(value, int) else None


_GENERAL = {
    8: [
        "AL",
        "CL",
        "DL",
        "BL",
        "SPL",
        "BPL",
        "SIL",
        "DIL",
        "R8L",
        "R9L",
        "R10L",
        "R11L",
        "R12L",
        "R13L",
        "R14L",
        "R15L",
    ],
    16: [
        "AX",
        "CX",
        "DX",
        "BX",
        "SP",
        "BP",
        "SI",
        "DI",
        "R8W",
        "R9W",
        "R10W",
        "R11W",
        "R12W",
        "R13W",
        "R14W",
        "R15W",
    ],
    32: [
        "EAX",
        "ECX",
        "EDX",
        "EBX",
        "ESP",
        "EBP",
        "ESI",
        "EDI",
        "R8D",
        "R9D",
        "R10D",
        "R11D",
        "R12D",
        "R13D",
        "R14D",
        "R15D",
    ],
    64: [
        "RAX",
        "RCX",
        "RDX",
        "RBX",
        "RSP",
        "RBP",
        "RSI",
        "RDI",
        "R8",
        "R9",
        "R10",
        "R11",
        "R12",
        "R13",
        "R14",
        "R15",
    ],
}
_HIGH = ("AH", "CH", "DH", "BH")


def _any_general(size: int, bits: int, choice: random.Random, *, fresh: bool) -> int:
    names = _GENERAL[size][: 16 if bits == 64 else 8]
    if size == 8 and (bits != 64 or (fresh and choice.random() < 0.2)):
        names = [*_GENERAL[8][:4], *_HIGH]
    return int(getattr(iced.Register, choice.choice(names)))


def _memory(
    instruction: iced.Instruction,
    bits: int,
    choice: random.Random,
    vsib: str | None,
    *,
    base_only: bool,
) -> None:
    scale = choice.choice((1, 2, 4, 8))
    displacements = [0, 0, 8, 0x40, -8, 0x7F, 0x80, -0x80, -0x81, 0x12345678, 0x100, 0x1000, -64]
    value = choice.choice(displacements)
    register = iced.Register
    if bits == 16 and vsib is None:
        pairs = (("BX", "SI"), ("BX", "DI"), ("BP", "SI"), ("BP", "DI"))
        single = ("SI", "DI", "BP", "BX", None)
        value = choice.choice([0, 0, 8, -8, 0x1234, 0x80, -0x80])
        if choice.random() < 0.4 and not base_only:
            names: tuple[str | None, str | None] = choice.choice(pairs)
        else:
            names = (choice.choice(single), None)
        if names[0]:
            instruction.memory_base = getattr(register, names[0])
        else:
            value = abs(value) or 0x40
        if names[1]:
            instruction.memory_index = getattr(register, names[1])
        instruction.memory_displ_size = 2 if not names[0] else (1 if value else 0)
        instruction.memory_displacement = value & 0xFFFF
        if value and not -128 <= value < 128:
            instruction.memory_displ_size = 2
        return
    size = 32 if bits != 64 or choice.random() < 0.1 else 64
    form = choice.random()
    limit = 16 if bits == 64 else 8
    if vsib is not None or form < 0.75 or base_only:
        instruction.memory_base = getattr(register, choice.choice(_GENERAL[size][:limit]))
        instruction.memory_displ_size = 1 if value else 0
    elif bits == 64 and form < 0.85:
        instruction.memory_base = register.RIP
        instruction.memory_displ_size = 8
        instruction.memory_displacement = 0x1234
        return
    else:
        instruction.memory_displ_size = 4 if size == 32 else 8
        value = value or 0x40
    if vsib is not None:
        instruction.memory_index = getattr(register, f"{vsib}MM{choice.randrange(limit)}")
        instruction.memory_index_scale = scale
    elif form < 0.4 and not base_only:
        names_ = [n for n in _GENERAL[size][:limit] if n not in ("ESP", "RSP")]
        instruction.memory_index = getattr(register, choice.choice(names_))
        instruction.memory_index_scale = scale
    if instruction.memory_base and not -128 <= value < 128:
        instruction.memory_displ_size = 4 if size == 32 else 8
    instruction.memory_displacement = value & (2**64 - 1 if size == 64 else 2**32 - 1)


def _build(
    code: int, info: iced.OpCodeInfo, bits: int, choice: random.Random, *, memory: bool
) -> bytes | None:
    """One encoding of `code` in `bits`-bit code with operands by chance, None when impossible."""
    instruction = iced.Instruction()
    instruction.code = code
    kinds = iced.OpKind
    high = 32 if info.encoding == iced.EncodingKind.EVEX and choice.random() < 0.5 else 16
    limit = 8 if bits != 64 else high
    has_memory = False
    for position, kind in enumerate(info.op_kinds()):
        name = _KINDS[kind]
        if ("OR_MEM" in name and memory) or name.startswith(("MEM", "SIBMEM")):
            if name == "MEM_OFFS":
                instruction.set_op_kind(position, kinds.MEMORY)
                instruction.memory_displ_size = bits // 8
                instruction.memory_displacement = 0x1234
                continue
            instruction.set_op_kind(position, kinds.MEMORY)
            vsib = name[-1] if "VSIB" in name else None
            _memory(instruction, bits, choice, vsib, base_only=name == "MEM_MPX")
            has_memory = True
            if info.can_broadcast and choice.random() < 0.3:
                instruction.is_broadcast = True
            continue
        head = name.split("_")[0]
        register: int | None = None
        if head in ("XMM", "YMM", "ZMM"):
            register = _register(head, choice.randrange(limit))
        elif head in ("XMMP3", "ZMMP3"):
            register = _register(head[:3], choice.randrange(limit) & ~3)
        elif head in ("MM", "K", "TMM", "KP1"):
            family = "K" if head == "KP1" else head
            number = choice.randrange(8)
            register = _register(family, number & ~1 if head == "KP1" else number)
        elif head == "BND":
            register = _register("BND", choice.randrange(4))
        elif name == "STI_OPCODE":
            register = _register("ST", choice.randrange(8))
        elif name == "ST0":
            register = iced.Register.ST0
        elif head in ("R8", "R16", "R32", "R64"):
            register = _any_general(int(head[1:]), bits, choice, fresh=not has_memory)
        elif (
            head in ("AL", "CL", "AX", "DX", "EAX", "RAX", "ES", "CS", "SS", "DS", "FS", "GS")
            and name == head
        ):
            register = getattr(iced.Register, head)
        elif head == "SEG" and name == "SEG_REG":
            register = getattr(iced.Register, choice.choice(["ES", "SS", "DS", "FS", "GS"]))
        elif head == "CR":
            register = _register("CR", choice.choice([0, 2, 3, 4]))
        elif head in ("DR", "TR"):
            register = _register(head, choice.randrange(4, 8))
        if register is not None:
            instruction.set_op_kind(position, kinds.REGISTER)
            instruction.set_op_register(position, register)
            continue
        if not _immediate(instruction, position, name, choice):
            return None
    _decorate(instruction, info, choice, has_memory=has_memory)
    try:
        encoder = iced.Encoder(bits)
        encoder.encode(instruction, 0)
        return bytes(encoder.take_buffer())
    except ValueError:
        return None


def _immediate(
    instruction: iced.Instruction, position: int, name: str, choice: random.Random
) -> bool:
    kinds = iced.OpKind
    if name == "IMM8_CONST_1":
        instruction.set_op_kind(position, kinds.IMMEDIATE8)
        instruction.immediate8 = 1
        return True
    if name == "IMM4_M2Z":
        instruction.set_op_kind(position, kinds.IMMEDIATE8)
        instruction.immediate8 = choice.randrange(4)
        return True
    table = {
        "IMM8": (kinds.IMMEDIATE8, "immediate8", (0, 1, 2, 7, 0x7F, 0x80, 0xFF)),
        "IMM16": (kinds.IMMEDIATE16, "immediate16", (0x1234, 0x80, 0x8000, 0xFF7F)),
        "IMM32": (kinds.IMMEDIATE32, "immediate32", (0x12345678, 0x80, 0x80000000, 0xFFFFFF7F)),
        "IMM64": (kinds.IMMEDIATE64, "immediate64", (0x123456789ABCDEF0, 0x80000000)),
        "IMM8SEX16": (kinds.IMMEDIATE8TO16, "immediate8to16", (0, 1, 0x7F, -1, -128)),
        "IMM8SEX32": (kinds.IMMEDIATE8TO32, "immediate8to32", (0, 1, 0x7F, -1, -128)),
        "IMM8SEX64": (kinds.IMMEDIATE8TO64, "immediate8to64", (0, 1, 0x7F, -1, -128)),
        "IMM32SEX64": (kinds.IMMEDIATE32TO64, "immediate32to64", (0x12345678, 0x80, -0x81)),
    }
    if name in table:
        kind, attribute, values = table[name]
        if (
            name == "IMM8" and position and instruction.op_kind(position - 1) == kinds.IMMEDIATE16
        ) or (name == "IMM8" and position and instruction.op_kind(position - 1) == kind):
            kind, attribute = kinds.IMMEDIATE8_2ND, "immediate8_2nd"
        instruction.set_op_kind(position, kind)
        setattr(instruction, attribute, choice.choice(values))
        return True
    special = {
        "SEG_RSI": kinds.MEMORY_SEG_RSI,
        "ES_RDI": kinds.MEMORY_ESRDI,
        "SEG_RDI": kinds.MEMORY_SEG_RDI,
    }
    if name in special:
        instruction.set_op_kind(position, special[name])
        return True
    return False


def _decorate(
    instruction: iced.Instruction, info: iced.OpCodeInfo, choice: random.Random, *, has_memory: bool
) -> None:
    if info.can_use_op_mask_register and (info.require_op_mask_register or choice.random() < 0.5):
        instruction.op_mask = _register("K", choice.randrange(1, 8)) or 0
        if info.can_use_zeroing_masking and choice.random() < 0.5:
            instruction.zeroing_masking = True
    if not has_memory and choice.random() < 0.5:
        if info.can_use_rounding_control:
            instruction.rounding_control = choice.randrange(1, 5)
        elif info.can_suppress_all_exceptions:
            instruction.suppress_all_exceptions = True
    if info.can_use_lock_prefix and has_memory and choice.random() < 0.2:
        instruction.has_lock_prefix = True


def encodings(bits: int, per_code: int, seed: int, *, kinds: set[int] | None = None) -> list[bytes]:
    """Up to `2 * per_code` encodings of every instruction of the mode; `kinds` are EncodingKinds."""
    choice = random.Random(seed)
    result = []
    for code, _ in codes():
        info = iced.OpCodeInfo(code)
        available = {16: info.mode16, 32: info.mode32, 64: info.mode64}[bits]
        if not available or (kinds is not None and info.encoding not in kinds):
            continue
        forms = (True, False) if any("OR_MEM" in _KINDS[k] for k in info.op_kinds()) else (True,)
        for memory in forms:
            for _ in range(per_code):
                data = _build(code, info, bits, choice, memory=memory)
                if data:
                    result.append(data)
    return result


def worded(pieces: list[bytes], bits: int, *, intel: bool = False) -> list[str]:
    """objdump's text of every piece; pieces that are no single instruction to it are left out."""
    machine = {16: "i8086", 32: "i386", 64: "i386:x86-64"}[bits]
    padding = b"\x90" * 15
    blob = b"".join(piece + padding for piece in pieces)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "t.bin")
        path.write_bytes(blob)
        output = subprocess.run(
            [
                *("objdump", "-D", "-b", "binary", "-m", machine, "--no-show-raw-insn", "-w"),
                *("-M", "intel" if intel else "att", path),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    lines: dict[int, str] = {}
    for line in output.splitlines():
        if match := re.match(r"\s*([0-9a-f]+):\t(.*)", line):
            text = match[2].split("#")[0].split("<")[0].rstrip()
            lines[int(match[1], 16)] = re.sub(r"\s+", " ", text)
    texts = []
    position = 0
    for piece in pieces:
        text = lines.get(position)
        # `riz` and `eiz`, which objdump prints, GNU as reads only with -mindex-reg.
        if (
            text
            and "iz" not in text
            and position + len(piece) in lines
            and "(bad)" not in text
            and text[0] != "."
        ):
            texts.append(text)
        position += len(piece) + len(padding)
    return list(dict.fromkeys(texts))


def texts(
    bits: int,
    per_code: int,
    seed: int = 1,
    *,
    kinds: set[int] | None = None,
    intel: bool = False,
) -> list[str]:
    """Distinct instruction texts of the mode."""
    return worded(encodings(bits, per_code, seed, kinds=kinds), bits, intel=intel)


_HEX = r"-?0x[0-9a-f]+"


def symbolic(plain: list[str]) -> list[str]:
    """`plain` with symbols where numbers were: displacements, addresses and immediates."""
    found = []
    for i, text in enumerate(plain):
        symbol = ("foo", "foo+8", "bar-4", ".Lend+0x10")[i % 4]
        moved = re.sub(rf"(?<![\w$]){_HEX}(?=\()", symbol, text)
        if moved == text:
            moved = re.sub(rf"(?<=[ ,:*]){_HEX}(?=$|,)", symbol, text)
        if moved != text:
            found.append(moved)
        if moved == text or i % 2:
            valued = re.sub(rf"\${_HEX}", f"${symbol}", moved, count=1)
            if valued != moved:
                found.append(valued)
    return list(dict.fromkeys(found))
