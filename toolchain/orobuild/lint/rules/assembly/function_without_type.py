"""A global function symbol has no `.type` or no `.size`.

## What it does

Reports a symbol that is `.globl`, labels an instruction in an executable section, and lacks
`.type NAME, @function` or `.size`. Names that appear in the operands of a macro that cannot be
seen (`ENDPROC(name)`) are left alone, and so is a file that uses such macros for everything. An
entry point (`_start`, `start`, `entry`) and 16- and 32-bit code need neither.

## Why is this bad?

Debuggers, profilers, backtraces, `objdump` and lint find functions by these two. Without the size
the last instruction of a function belongs to nobody; without the type a linker will not make
a PLT entry, and an analysis cannot know that it is looking at code.

## Example

```asm
.section .text
.globl load_gdt
load_gdt:
    lgdt (%rdi)
    ret
```

## Fix

```asm
.section .text
.globl load_gdt
.type load_gdt, @function
load_gdt:
    lgdt (%rdi)
    ret
.size load_gdt, . - load_gdt
```

## Fix safety

Unsafe: the code stays the same, but the symbol table says more. The size is taken to the next
global function, the next section line or the end of the file, whichever comes first; the fix is
offered only where no conditional stands in between.

## Source

gABI, *Symbol Table*: `st_info` STT_FUNC, `st_size`; GNU as manual §7.106 `.type`, §7.97 `.size`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.lint.finding import Fix, insertion
from orobuild.lint.rule import Rule, Scope
from orobuild.lint.source.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.source.model import AssemblyModel

_BETWEEN = re.compile(r"\s*(?:\.(?:type|globa?l|hidden|weak|p2align|balign|align)\b.*)?")
_ENTRIES = frozenset(("_start", "start", "_entry", "entry"))


def check(model: AssemblyModel) -> Iterator[Finding]:
    """One finding a symbol."""
    if not model.reading.complete:
        return
    named: dict[str, set[str]] = {".globl": set(), ".type": set(), ".size": set()}
    for event in model.events:
        if event.kind is Kind.SYMBOL:
            word = ".globl" if event.word == ".global" else event.word
            if word == ".globl":
                named[word] |= {n.strip().strip('"') for n in event.text.split(",")}
            elif word in named:
                named[word].add(event.text.replace(" ", ",").partition(",")[0].strip().strip('"'))
    wide = True
    for index, event in enumerate(model.events):
        if event.kind is Kind.SYMBOL and event.word.startswith(".code"):
            wide = event.word == ".code64"
        if not wide or not _is_function(model, index, named[".globl"]):
            continue
        missing = [w for w in (".type", ".size") if event.word not in named[w]]
        if missing:
            yield model.finding(
                f"global function '{event.word}' has no {' and no '.join(missing)}",
                event.place,
                hint=f"add {' and '.join(_line(w, event.word) for w in missing)}",
                symbol=event.word,
                section=event.section,
                fix=_fix(model, index, missing, named[".globl"]),
            )


def _fix(model: AssemblyModel, index: int, missing: list[str], exported: set[str]) -> Fix | None:
    """`.type` above the label and `.size` behind the function."""
    event = model.events[index]
    if (
        not event.place.direct
        or model.line(event.place.line).partition(":")[0].strip() != event.word
    ):
        return None
    end = len(model.lines) + 1 if model.lines[-1] else len(model.lines)
    for following in model.events[index + 1 :]:
        ends = following.kind is Kind.SECTION or (
            following.kind is Kind.LABEL and following.word in exported
        )
        if following.conditional or (ends and not following.place.direct):
            return None
        if ends:
            end = following.place.line
            break
    first = event.place.line
    while end - 1 > first and _BETWEEN.fullmatch(model.line(end - 1)):
        end -= 1  # what stands between two functions belongs to the second
    if any(line.rstrip().endswith("\\") for line in model.lines[first - 1 : end - 1]):
        return None
    indent = "" if model.line(end - 1).endswith("\n") or end <= len(model.lines) else "\n"
    edits = []
    if ".type" in missing:
        edits.append(insertion(first, f"{_line('.type', event.word)}\n"))
    if ".size" in missing:
        edits.append(insertion(end, f"{indent}{_line('.size', event.word)}\n"))
    return Fix(f"add {' and '.join(missing)}", tuple(edits), safe=False)


def _is_function(model: AssemblyModel, index: int, exported: set[str]) -> bool:
    """Whether a global name stands here with an instruction right behind it."""
    event = model.events[index]
    if event.kind is not Kind.LABEL or event.word not in exported or event.word in _ENTRIES:
        return False
    if event.word in model.reading.mentioned or event.section is None or event.conditional:
        return False
    if event.section.flags is None:
        return False
    if not event.section.is_executable:
        return False
    for following in model.events[index + 1 :]:
        if following.kind is Kind.INSTRUCTION:
            return True
        if following.kind not in (Kind.LABEL, Kind.SYMBOL):
            return False
    return False


def _line(word: str, name: str) -> str:
    return f".type {name}, @function" if word == ".type" else f".size {name}, . - {name}"


RULE = Rule(
    "ASM010",
    "function-without-type",
    __doc__,
    check,
    severity=Severity.WARNING,
    scope=Scope.SOURCE,
    fixable=True,
)
