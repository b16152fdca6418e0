"""A program that is edited at random, from a seed: what somebody who develops a kernel does to it.

Every state is a link: files, script and options. Some states are wrong (a symbol that is missing
or defined twice, a damaged object), as they are between two edits.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from linker.linking import assemble, check
from orobuild.linker import LinkInput, LinkOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPTS = (
    """
ENTRY(start)
SECTIONS {
  . = 0xffffffff80100000;
  .text : { KEEP(*(.start)) *(.text .text.*) }
  . = ALIGN(4096);
  .rodata : { *(.rodata .rodata.*) *(.str*) }
  .notes : { *(.note.*) }
  . = ALIGN(4096);
  .data : { *(SORT_BY_ALIGNMENT(.data) SORT_BY_ALIGNMENT(.data.*)) *(.extra*) }
  .bss : { *(COMMON) *(.bss .bss.*) end = .; }
}
""",
    """
ENTRY(start)
PHDRS { code PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS {
  . = 0x200000;
  .text : SUBALIGN(32) { *(.start) *file1.o(.text .text.*) *(EXCLUDE_FILE(*file2.o) .text*) } :code =0x90
  .rest : { *(.text*) *(SORT(.rodata*)) *(.str*) } :code
  . = ALIGN(CONSTANT(MAXPAGESIZE));
  .data : { *(.data .data.* .extra*) BYTE(1) } :data
  .bss : { *(.bss* COMMON) } :data
  end = .;
  /DISCARD/ : { *(.note.*) }
}
""",
    """
SECTIONS { .text 0x1000 : { *(.text* .start) } .data : { *(.data* .rodata*) end = .; } }
""",
)
OPTIONS = LinkOptions(strict=False, orphan_handling="place")


@dataclass
class Source:
    """One object: how many bytes each function has and what it calls, and what else it holds."""

    functions: dict[str, tuple[int, list[str]]]
    strings: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    group: tuple[str, int] | None = None
    common: dict[str, tuple[int, int]] = field(default_factory=dict)
    extra: str | None = None
    value: int = 1

    def text(self) -> str:
        """It in GNU syntax."""
        lines = [".text", f".long {self.value}"]
        for name, (size, calls) in self.functions.items():
            lines += [
                f'.section .text.{name}, "ax"',
                f".balign {1 << size % 5}",
                f".globl {name}",
                f"{name}: nop",
                *(f"call {callee}" for callee in calls),
                *(f"lea .Ls{n}(%rip), %rax" for n in range(len(self.strings))),
                f".zero {size}",
                f".size {name}, . - {name}",
                f'.section .data.{name}, "aw"',
                f".quad {name} + {size}, end",
            ]
        lines.append('.section .rodata.str1.1, "aMS", @progbits, 1')
        lines += [f'.Ls{n}: .asciz "{text}"' for n, text in enumerate(self.strings)]
        lines.append('.section .str8, "aMS", @progbits, 1\n.balign 8')
        lines += [f'.asciz "{text}"\n.balign 8' for text in self.wide]
        lines.append('.section .rodata.cst8, "aM", @progbits, 8')
        lines += [f".quad {len(text)}" for text in self.strings]
        lines.append('.section .debug_str, "MS", @progbits, 1')
        lines += [f'.asciz "{text} of debug"' for text in self.strings]
        if self.group:
            name, size = self.group
            lines += [
                f'.section .text.{name}, "axG", @progbits, {name}, comdat',
                f".weak {name}\n{name}: .zero {size}",
            ]
        lines += [f".comm {name}, {size}, {align}" for name, (size, align) in self.common.items()]
        if self.extra:
            lines.append(f'.section {self.extra}, "aw"\n.quad . - 8')
        lines.append('.section .note.GNU-stack, "", @progbits')
        return "\n".join(lines) + "\n"


class Program:
    """The program and the edits; `state` is what to link now."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.rng = random.Random(seed)
        self.directory = directory
        self.script = SCRIPTS[0]
        self.options = OPTIONS
        self.sources = {f"file{n}.o": self._new_source(n) for n in range(4)}
        self.sources["file0.o"].functions["start"] = (3, ["f1_0"])
        self.library = {f"member{n}.o": self._new_source(10 + n) for n in range(3)}
        self.built: dict[str, bytes] = {}
        self.damage: str | None = None
        self.serial = 20
        self._before = (self.sources, self.library, self.script, self.options)

    def _new_source(self, number: int) -> Source:
        rng = self.rng
        functions = {f"f{number}_{k}": (rng.randrange(40), []) for k in range(rng.randrange(1, 4))}
        source = Source(functions)
        for _ in range(rng.randrange(4)):
            self._string(source)
        return source

    def _string(self, source: Source) -> None:
        word = self.rng.choice(("", "page", "a page", "no such page", "fault", "default"))
        (source.wide if self.rng.random() < 0.3 else source.strings).append(word)

    def edit(self) -> str:
        """Change one thing; what was done."""
        self.damage = None
        self._before = copy.deepcopy((self.sources, self.library, self.script, self.options))
        edits: tuple[Callable[[], str], ...] = (
            self._resize, self._resize, self._change_value, self._change_value, self._call, self._add_function,
            self._remove_function, self._add_string, self._drop_string, self._change_group,
            self._change_common, self._change_section, self._add_file, self._remove_file,
            self._edit_library, self._change_script, self._change_options, self._damage,
            self._reorder, self._duplicate,
        )  # fmt: skip
        return self.rng.choice(edits)()

    def undo(self) -> str:
        """Take the last edit back; what was done."""
        self.damage = None
        self.sources, self.library, self.script, self.options = self._before
        return "that was taken back"

    def _any(self) -> tuple[str, Source]:
        name = self.rng.choice(list(self.sources))
        return name, self.sources[name]

    def _function(self) -> tuple[Source, str]:
        _, source = self._any()
        if not source.functions:
            source.functions[self._fresh("f")] = (1, [])
        return source, self.rng.choice(list(source.functions))

    def _fresh(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial}"

    def _resize(self) -> str:
        source, name = self._function()
        source.functions[name] = (self.rng.randrange(300), source.functions[name][1])
        return f"{name} has another size"

    def _change_value(self) -> str:
        name, source = self._any()
        source.value = self.rng.randrange(1000)
        return f"{name} has another constant, in as many bytes"

    def _call(self) -> str:
        source, name = self._function()
        everyone = [*self.sources.values(), *self.library.values()]
        callees = [callee for other in everyone for callee in other.functions]
        source.functions[name][1].append(self.rng.choice(callees))
        return f"{name} calls another function"

    def _add_function(self) -> str:
        name, source = self._any()
        source.functions[self._fresh("f")] = (self.rng.randrange(64), [])
        return f"{name} has one more function"

    def _remove_function(self) -> str:
        source, name = self._function()
        del source.functions[name]
        return f"{name} is gone"

    def _add_string(self) -> str:
        name, source = self._any()
        self._string(source)
        return f"{name} has one more string"

    def _drop_string(self) -> str:
        name, source = self._any()
        source.strings[:1] = []
        return f"{name} has a string less"

    def _change_group(self) -> str:
        name, source = self._any()
        source.group = None if source.group else ("inline", self.rng.randrange(1, 30))
        return f"{name} has another group"

    def _change_common(self) -> str:
        name, source = self._any()
        rng = self.rng
        source.common[rng.choice(("shared", "other"))] = (
            rng.randrange(1, 99),
            1 << rng.randrange(6),
        )
        return f"{name} has another common symbol"

    def _change_section(self) -> str:
        name, source = self._any()
        source.extra = self.rng.choice((None, ".extra", ".extra.one", ".orphan", "named"))
        return f"{name} has section {source.extra}"

    def _add_file(self) -> str:
        name = self._fresh("file")
        self.sources[f"{name}.o"] = self._new_source(self.serial)
        return f"{name} is new"

    def _remove_file(self) -> str:
        name, _ = self._any()
        if name == "file0.o":
            return "nothing changes"
        del self.sources[name]
        return f"{name} is gone"

    def _edit_library(self) -> str:
        name = self.rng.choice(list(self.library))
        self.library[name] = replace(
            self._new_source(self.serial), functions=self.library[name].functions
        )
        self.library[name].functions[self._fresh("f")] = (9, [])
        return f"{name} of the library changes"

    def _change_script(self) -> str:
        self.script = self.rng.choice(SCRIPTS)
        return "another script"

    def _change_options(self) -> str:
        rng = self.rng
        self.options = replace(
            OPTIONS,
            gc_sections=rng.random() < 0.5,
            build_id="sha1" if rng.random() < 0.3 else "",
            strip=rng.choice(("none", "debug", "all")),
            defsym={"given": rng.randrange(99)},
        )
        return "other options"

    def _damage(self) -> str:
        self.damage, _ = self._any()
        return f"{self.damage} is cut short"

    def _reorder(self) -> str:
        names = list(self.sources)
        self.rng.shuffle(names)
        self.sources = {name: self.sources[name] for name in names}
        return "another order of files"

    def _duplicate(self) -> str:
        name, source = self._any()
        others = [f for other in self.sources.values() for f in other.functions]
        source.functions[self.rng.choice(others)] = (2, [])
        return f"{name} defines a function that may exist"

    def inputs(self) -> list[LinkInput]:
        """The files as they are now; unchanged ones are the same values, read anew at times."""
        files = []
        for name, source in self.sources.items():
            data = self._build(source)
            if self.rng.random() < 0.2:
                data = bytes(bytearray(data))
            if name == self.damage:
                data = data[: len(data) // 2]
            files.append(LinkInput(name, data))
        for name, source in self.library.items():
            (self.directory / name).write_bytes(self._build(source))
        (self.directory / "lib.a").unlink(missing_ok=True)
        check("ar", "rcsD", "lib.a", *self.library, cwd=self.directory)
        return [*files, LinkInput("lib.a", (self.directory / "lib.a").read_bytes())]

    def _build(self, source: Source) -> bytes:
        text = source.text()
        if text not in self.built:
            path = assemble(text, self.directory / "building.o")
            self.built[text] = path.read_bytes()
        return self.built[text]
