"""Random but valid objects and linker scripts, from a seed: what GNU ld and we link and compare."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

CODE = (".text", ".text.hot", ".text.init", ".text.unlikely", ".init.text")
READONLY = (".rodata", ".rodata.str", ".rodata.table", ".modinfo")
WRITABLE = (".data", ".data.once", ".data.list", ".percpu")
ZERO = (".bss", ".bss.page", ".bss.big")
PAGE = 0x1000


@dataclass(frozen=True)
class Case:
    """A link: assembly texts and the script."""

    objects: tuple[str, ...]
    script: str
    has_phdrs: bool


def case(seed: int) -> Case:
    """The link of `seed`, always the same."""
    rng = random.Random(seed)
    count = rng.randint(1, 4)
    functions = [f"f{o}_{i}" for o in range(count) for i in range(3)]
    variables = [f"v{o}_{i}" for o in range(count) for i in range(3)]
    objects = tuple(_object(rng, o, functions, variables) for o in range(count))
    has_phdrs = rng.random() < 0.7
    return Case(objects, _script(rng, has_phdrs=has_phdrs), has_phdrs)


def orphaned(link: Case, seed: int) -> Case:
    """The same link with one or two output sections missing from its script."""
    rng = random.Random(seed)
    script = link.script
    for name in rng.sample([".init", ".rodata", ".percpu", ".data"], rng.randint(1, 2)):
        script = re.sub(rf"\n  {re.escape(name)} :.*?\n  \}}[^\n]*", "", script, flags=re.DOTALL)
    about = r"\(\.(rodata|data|percpu|init)\)"
    script = re.sub(rf".*= .*(SIZEOF|ADDR|ALIGNOF|LOADADDR){about}.*\n", "", script)
    script = re.sub(r"(LONG|QUAD)\((SIZEOF|ADDR).*\)", "BYTE(3)", script)
    return Case(link.objects, script, link.has_phdrs)


def _align(rng: random.Random, lines: list[str]) -> None:
    if rng.random() < 0.6:
        lines.append(f".balign {rng.choice((1, 2, 4, 8, 16, 32, 64))}")


def _object(rng: random.Random, number: int, functions: list[str], variables: list[str]) -> str:
    lines = [f'.file "object{number}.c"']
    mine = [f for f in functions if f.startswith(f"f{number}_")]
    for name in mine:
        lines.append(f'.section {rng.choice(CODE)},"ax",@progbits')
        _align(rng, lines)
        if rng.random() < 0.3:
            lines.append(f"local_{name}: .byte 0x90")
        lines += [f".globl {name}", f".type {name}, @function", f"{name}:"]
        if number == 0 and name == mine[0]:
            lines += [".globl _start", "_start:"]
        for _ in range(rng.randint(0, 4)):
            lines.append(_instruction(rng, functions, variables))
        lines += ["ret", f".size {name}, .-{name}"]
    for name in (v for v in variables if v.startswith(f"v{number}_")):
        kind = rng.choice(("ro", "rw", "rw", "zero", "zero", "common"))
        if kind == "common":
            lines.append(f".comm {name}, {rng.randint(1, 100)}, {rng.choice((1, 4, 8, 32))}")
            continue
        if kind == "zero":
            lines.append(f'.section {rng.choice(ZERO)},"aw",@nobits')
        elif kind == "rw":
            lines.append(f'.section {rng.choice(WRITABLE)},"aw",@progbits')
        else:
            lines.append(f'.section {rng.choice(READONLY)},"a",@progbits')
        _align(rng, lines)
        lines += [f".globl {name}", f".type {name}, @object", f"{name}:"]
        if kind == "zero":
            lines.append(f".skip {rng.randint(1, 300)}")
        else:
            lines.append(f'.ascii "{"x" * rng.randint(1, 40)}"')
            target = rng.choice(functions + variables)
            lines.append(f".quad {target} + {rng.randint(-8, 8)}")
            if rng.random() < 0.3:
                lines.append(f".long {rng.choice(functions)} - .")
        lines.append(f".size {name}, .-{name}")
    for index in range(rng.randint(0, 5)):
        lines += _merged(rng, number, index)
    if rng.random() < 0.3:
        lines += [".weak nowhere", '.section .data,"aw"', ".quad nowhere"]
    if rng.random() < 0.3:
        lines += ['.section .data,"aw"', ".quad __text_end", ".quad __bss_start, __end"]
    lines += ['.section .note.GNU-stack,"",@progbits']
    return "\n".join(lines) + "\n"


def _merged(rng: random.Random, number: int, index: int) -> list[str]:
    """A string or constant in a mergeable section, and references to it."""
    label = f".LC{number}_{index}"
    align = rng.choice((1, 1, 1, 8))
    if rng.random() < 0.7:
        words = ("hello world", "world", "", "abc", "xyzabc", "rld", "long enough to be aligned")
        lines = [
            f'.section .rodata.str1.{align},"aMS",@progbits,1',
            f".balign {align}",
            f'{label}: .string "{rng.choice(words)}"',
        ]
    else:
        lines = [
            '.section .rodata.cst8,"aM",@progbits,8',
            ".balign 8",
            f"{label}: .quad {rng.randint(0, 3)}",
        ]
    return [
        *lines,
        '.section .data,"aw"',
        f".quad {label} + {rng.choice((0, 0, 1))}",
        '.section .text,"ax"',
        f"lea {label}(%rip), %rdi",
    ]


def _instruction(rng: random.Random, functions: list[str], variables: list[str]) -> str:
    function, variable = rng.choice(functions), rng.choice(variables)
    return rng.choice(
        (
            f"call {function}",
            f"jmp {function}",
            f"je {function}",
            f"mov ${variable}, %rax",
            f"lea {variable}+4(%rip), %rbx",
            f"movl {variable}(%rip), %ecx",
            f"movabs ${function}, %rdx",
            f"movq {function}@GOTPCREL(%rip), %rsi",
            "nop",
        )
    )


def _script(rng: random.Random, *, has_phdrs: bool) -> str:
    base = rng.choice((0xFFFFFFFF80000000, 0x100000, 0x400000, 0xFFFFFFFF80200000))
    physical = rng.choice((None, 0x100000, 0x200000))
    headers = rng.random() < 0.5
    lines = ["ENTRY(_start)"]
    if has_phdrs:
        first = " FILEHDR PHDRS" if headers else ""
        flags = rng.random() < 0.7
        lines += ["PHDRS {"]
        for index, (name, p_flags) in enumerate((("text", 5), ("rodata", 4), ("data", 6))):
            shown = f" FLAGS({p_flags})" if flags else ""
            lines.append(f"  {name} PT_LOAD{first if index == 0 else ''}{shown};")
        if rng.random() < 0.3:
            lines.append("  stack PT_GNU_STACK FLAGS(6);")
        lines.append("}")
    start = f"{base:#x}" + (" + SIZEOF_HEADERS" if headers else "")
    if rng.random() < 0.3:
        lines.append(f"base = {base:#x};")
    lines += ["SECTIONS {", f"  . = {start};"]
    groups = [
        (".init", "text", ("*(.init.text)",)),
        (".text", "text", _patterns(rng, (".text", ".text.*"), rng.choice(("", "SORT")))),
        (".rodata", "rodata", _patterns(rng, (".rodata", ".rodata.*", ".modinfo"), "")),
        (".percpu", "data", ("*(.percpu)",)),
        (
            ".data",
            "data",
            _patterns(rng, (".data", ".data.*"), rng.choice(("", "SORT_BY_ALIGNMENT", "SORT"))),
        ),
        (".bss", "data", _patterns(rng, (".bss", ".bss.*", "COMMON"), "")),
    ]
    for index, (name, segment, patterns) in enumerate(groups):
        new_segment = index == 0 or groups[index - 1][1] != segment
        if new_segment and index:
            lines.append(f"  . = ALIGN({PAGE:#x});")
        elif rng.random() < 0.3:
            lines.append(f"  . = {rng.choice(('ALIGN(64)', '. + 0x30', 'ALIGN(., 256)'))};")
        if rng.random() < 0.2:
            lines.append(f"  {_symbol(rng, name)}_before = {_expression(rng)};")
        at = ""
        if physical is not None and has_phdrs:
            at = f" AT(ADDR({name}) - {base:#x} + {physical:#x})"
        align = rng.choice(("", "", " ALIGN(32)", " SUBALIGN(16)", " ALIGN(0x40)"))
        body = [f"    __{name[1:]}_start = .;"] if rng.random() < 0.7 else []
        for pattern in patterns:
            if rng.random() < 0.2:
                body.append(f"    {_inside(rng, name)}")
            body.append(f"    {pattern}")
        if rng.random() < 0.3:
            body.append(f"    . = {rng.choice(('ALIGN(16)', '. + 12', 'ALIGN(., 8)'))};")
        if name == ".text" or rng.random() < 0.6:
            body.append(f"    __{name[1:]}_end = .;")
        if name == ".bss" and not body[0].strip().startswith("__bss_start"):
            body.insert(0, "    __bss_start = .;")
        fill = rng.choice(("", "", " =0x90", " =0x1234", " =0")) if name != ".bss" else ""
        home = f" :{segment}" if has_phdrs and (new_segment or rng.random() < 0.5) else ""
        lines += [f"  {name} :{at}{align} {{", *body, f"  }}{home}{fill}"]
        if rng.random() < 0.2:
            lines.append(f"  {_symbol(rng, name)}_after = {_expression(rng)};")
    lines += ["  __end = .;", "  PROVIDE(__text_end = 5);", "  PROVIDE(unused = 7);"]
    lines.append("  /DISCARD/ : { *(.comment) *(.note.*) }")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _symbol(rng: random.Random, name: str) -> str:
    return f"s{rng.randint(0, 999)}_{name[1:]}"


def _patterns(rng: random.Random, names: tuple[str, ...], sort: str) -> tuple[str, ...]:
    if rng.random() < 0.5 and not sort:
        return (f"*({' '.join(names)})",)
    first = f"*({names[0]})"
    if rng.random() < 0.3:
        first = f"KEEP({first})"
    if rng.random() < 0.3:
        first = f"*(EXCLUDE_FILE(*1.o) {names[0]})"
    rest = [f"*({sort}({name}))" if sort and "*" in name else f"*({name})" for name in names[1:]]
    last = f"*({names[0]})" if "EXCLUDE" in first else ""
    return tuple(p for p in (first, *rest, last) if p)


def _inside(rng: random.Random, name: str) -> str:
    if name == ".bss":
        return rng.choice((". += 8;", ". = ALIGN(32);"))
    return rng.choice(
        (
            "QUAD(0x1122334455667788)",
            f"LONG({_expression(rng)})",
            "BYTE(1) SHORT(2)",
            f"LONG(SIZEOF({rng.choice(('.text', '.rodata', '.data'))}))",
            f"QUAD(ADDR({rng.choice(('.text', '.rodata', '.data'))}))",
            ". = ALIGN(16);",
            ". += 5;",
            f"inner{rng.randint(0, 999)} = . + 4;",
            f"number{rng.randint(0, 999)} = {rng.randint(0, 9)};",
            "FILL(0xabcd)",
            "FILL(0xcc)",
        )
    )


def _expression(rng: random.Random) -> str:
    return rng.choice(
        (
            ".",
            ". + 16",
            "ALIGN(4096)",
            "0x1000 * 3 + 7 % 4",
            "(1 << 12) | 5 & ~1",
            "DEFINED(_start) ? 1 : 2",
            "DEFINED(missing) ? 1 : 2",
            "MAX(16, SIZEOF(.text)) - MIN(3, 4)",
            "ABSOLUTE(.) + 1",
            "SIZEOF_HEADERS",
            "ADDR(.text)",
            "LOADADDR(.text)",
            "SIZEOF(.data) + ALIGNOF(.data)",
            "_start + 4",
            "_start - 4",
            "!0 + -1 + 2",
            "CONSTANT(MAXPAGESIZE)",
            "LOG2CEIL(100)",
            "f0_0 - f0_1",
            "f0_0 + (f0_1 - f0_2)",
            "10K + 0x10",
        )
    )
