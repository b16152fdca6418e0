"""Rule documentation as Markdown pages: `docs/rules/` is written from here.

`python -m orobuild.lint.documentation docs/rules` rewrites the pages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.lint.registry import rules
from orobuild.lint.rule import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.lint.rule import Rule


def page(rule: Rule) -> str:
    """One rule's page."""
    text = (rule.documentation or "").strip()
    default = "on" if rule.default else f"off (select it as `{rule.code}`)"
    head = f"# {rule.name} ({rule.code})\n\nSeverity: {rule.severity.value}. Default: {default}."
    return f"{head}\n\n{text}\n"


def index(table: Mapping[str, Rule]) -> str:
    """The table of all rules."""
    rows = [
        f"| [{code}]({code}.md) | {rule.name} | {rule.summary} | {rule.severity.value} |"
        for code, rule in table.items()
    ]
    scopes = [r.scope for r in table.values()]
    kinds = [f"{scopes.count(s)} {s.value}" for s in Scope if s in scopes]
    lines = [
        "# Rules",
        "",
        f"{len(table)} rules, by what they look at: {', '.join(kinds)}.",
        "",
        "Assembly source is GNU syntax for x86: files named `.S` (preprocessed), `.s`, `.inc` and",
        "`.asm`, and inline assembly in C, C++ and Rust. NASM's syntax is refused.",
        "",
        "| code | name | what it finds | severity |",
        "|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Every page by file name, the index as `README.md`."""
    table = rules()
    return {"README.md": index(table), **{f"{code}.md": page(r) for code, r in table.items()}}


def write(directory: Path) -> None:
    """Write every page to `directory` and remove those of rules that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    current = pages()
    for old in directory.glob("*.md"):
        if old.name not in current:
            old.unlink()
    for name, text in current.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
