"""Random links of what `generate` leaves out: COMDAT, weak, archives, --gc-sections, MEMORY."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """Assembly texts by object name, which of them are in lib.a, the script and the options."""

    objects: dict[str, str]
    archived: tuple[str, ...]
    script: str
    flags: tuple[str, ...]


def link_of(seed: int) -> Link:
    """The link of `seed`, always the same."""
    rng = random.Random(seed)
    count = rng.randint(2, 5)
    names = [f"o{number}.o" for number in range(count)]
    archived = tuple(rng.sample(names[1:], rng.randint(0, count - 1)))
    objects = {name: _object(rng, number, count) for number, name in enumerate(names)}
    flags = tuple(flag for flag in ("--gc-sections", "-s") if rng.random() < 0.4)
    script = _regions(rng) if rng.random() < 0.6 else _plain(rng)
    return Link(objects, archived, script, flags)


def _object(rng: random.Random, number: int, count: int) -> str:
    lines = [f'.file "o{number}.c"', '.section .text,"ax"']
    if number == 0:
        lines += [".globl _start", "_start:", "  nop"]
    for index in range(3):
        name = f"f{number}_{index}"
        section = rng.choice((".text", f".text.{name}", ".text.hot"))
        lines += [f'.section {section},"ax"', f".globl {name}", f".type {name}, @function"]
        lines += [f"{name}:", *_calls(rng, number, count), "  ret", f".size {name}, .-{name}"]
    for index in rng.sample(range(4), rng.randint(1, 3)):
        shared = f"inline{index}"
        lines += [f'.section .text.{shared},"axG",@progbits,{shared},comdat', f".weak {shared}"]
        lines += [f"{shared}:", *(["  nop"] * number), "  ret"]
        lines += [f'.section .rodata.{shared},"aG",@progbits,{shared},comdat', ".quad 7"]
    lines += [f".weak maybe{rng.randint(0, 2)}", '.section .data.refs,"aw"', ".balign 8"]
    lines += [f"  .quad maybe{n}" for n in range(3)]
    if rng.random() < 0.5:
        chosen = f"maybe{rng.randint(0, 2)}"
        lines += [f".weak {chosen}", f'.section .data.{chosen},"aw"', f"{chosen}: .quad {number}"]
    data = f"d{number}"
    kind = rng.choice(("common", "data", "bss", "rodata"))
    if kind == "common":
        lines.append(f".comm {data}, {rng.randint(1, 64)}, {rng.choice((1, 4, 16))}")
    else:
        flags = {"data": '"aw"', "bss": '"aw",@nobits', "rodata": '"a"'}[kind]
        value = ".skip 12" if kind == "bss" else f".quad f{number}_0"
        lines += [f".section .{kind}.{data},{flags}", f".globl {data}", f"{data}: {value}"]
    lines += ['.section .init_array,"aw",@init_array', f".quad f{number}_1"]
    if rng.random() < 0.4:
        lines += [f'.section .keep{number},"a"', f".quad f{number}_2"]
    return "\n".join([*lines, '.section .note.GNU-stack,"",@progbits']) + "\n"


def _calls(rng: random.Random, number: int, count: int) -> list[str]:
    lines = []
    for _ in range(rng.randint(0, 3)):
        other = rng.randrange(count)
        lines.append(
            rng.choice(
                (
                    f"  call f{other}_{rng.randint(0, 2)}",
                    f"  lea d{other}(%rip), %rax",
                    f"  movq f{other}_0@GOTPCREL(%rip), %rcx",
                    f"  jmp f{number}_0",
                )
            )
        )
    return lines


_RULES = """
  .text : {{ *(.text.hot) *(.text .text.*) }} {text}
  .rodata : {{ *(.rodata .rodata.*) KEEP(*(.keep*)) }} {text}
  .init_array : {{ __init_start = .; {keep} __init_end = .; }} {text}
  .got : {{ *(.got) *(.got.plt) }} {data}
  .data : {{ _sdata = .; *(SORT_BY_ALIGNMENT(.data .data.*)) _edata = .; }} {data}
  .bss : {{ *(.bss .bss.*) *(COMMON) }} {bss}
  load = LOADADDR(.data); size = SIZEOF(.data); end = .;
  /DISCARD/ : {{ *(.note.*) *(.eh_frame) }}
"""


def _keep(rng: random.Random) -> str:
    return rng.choice(("KEEP(*(SORT(.init_array*)))", "*(.init_array*)"))


def _regions(rng: random.Random) -> str:
    separate = rng.random() < 0.7
    attributes = rng.choice(("(rx)", "", "(rxai!w)"))
    data = ">ram AT>rom" if separate else ">ram"
    rules = _RULES.format(text=">rom", keep=_keep(rng), data=data, bss=">ram")
    origin = rng.choice((0x10000, 0x100000))
    return (
        f"ENTRY(_start)\nMEMORY {{ rom {attributes} : ORIGIN = {origin:#x}, LENGTH = 256K\n"
        f"  ram : o = {rng.choice((0x200000, 0x20000000, 0x200008)):#x}, l = 1M }}\n"
        f"SECTIONS {{{rules}}}\n"
    )


def _plain(rng: random.Random) -> str:
    rules = _RULES.format(text="", keep=_keep(rng), data="", bss="")
    return f"ENTRY(_start)\nSECTIONS {{ . = {rng.choice((0x10000, 0x400000)):#x};{rules}}}\n"
