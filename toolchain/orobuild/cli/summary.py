"""The report at the end of a build or a run: what was made, what was checked, what happened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orobuild.cli import terminal
from orobuild.cli.terminal import style
from orobuild.diagnostics import render_all
from orobuild.elf.constants import PF_W, PF_X, PT_LOAD
from orobuild.elf.descriptions import segment_flags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orobuild.machine import BootReport
    from orobuild.pipeline.build import BuildResult
    from orobuild.pipeline.delivery import BuiltTarget

UNCHECKED = (
    "UNCHECKED: no strictness and no lint. Control may reach bytes that are not executable. "
    "Use this to reproduce a defect; never ship what it builds."
)
_LABEL = 10


def size(count: int) -> str:
    """A number of bytes in the largest unit that leaves it at least 1: `4 KiB`, `1.5 MiB`."""
    unit = min(int(math.log2(count)) // 10, 3) if count else 0
    scaled = count / (1 << 10 * unit)
    number = f"{scaled:.1f}".removesuffix(".0") if unit else str(count)
    return f"{number} {('B', 'KiB', 'MiB', 'GiB')[unit]}"


def of_build(result: BuildResult) -> str:
    """What was built, its segments and permissions, and the lint result."""
    cached = f", {result.cached_objects} of them cached" if result.cached_objects else ""
    made = f"{result.objects} objects{cached}"
    return "\n".join([*_made(result, made), _row("time", _times(result))])


def for_later(result: BuildResult) -> dict[str, str]:
    """What to tell who builds again and has changed nothing, coloured: the warnings once more, for
    standard error, and the `summary`."""
    with terminal.colored():
        warning = terminal.warn(UNCHECKED) + "\n" if result.unchecked else ""
        said = render_all((*result.warnings, *result.findings), color=True)
        made = _made(result, "nothing to do, everything is up to date")
        return {"said": warning + said, "summary": "\n".join(made)}


def _made(result: BuildResult, how: str) -> list[str]:
    lines = [_row("built", f"{result.project.config.name}, profile {result.profile}: {how}")]
    families = _families(result)
    for directory, members in families.items():
        total = sum(member.path.stat().st_size for member in members)
        where = _shown(members[0].path.parent, result.project.root)
        lines.append(
            f"{'':{_LABEL}} {directory}/: {len(members)} targets in {where}  {size(total)}"
        )
    alone = [t for t in result.targets if not any(t in members for members in families.values())]
    for target in alone:
        whole = target.path == result.kernel or len(alone) == 1
        lines += _target(target, result.project.root, whole=whole)
    lines += _images(result)
    if result.unchecked:
        lines.append(_row("linted", style("NOT AT ALL (--unchecked)", fg="red", bold=True)))
    else:
        lines.append(_row("linted", _lint(result)))
    return lines


def _images(result: BuildResult) -> Iterator[str]:
    """What can be booted; the files of a network boot tree are told together."""
    root = result.project.root
    trees: dict[Path, int] = {}
    for path in result.images:
        folder = path.relative_to(result.directory).parts[0]
        if result.directory / folder == path:
            yield _file("image", path, root)
        else:
            tree = result.directory / folder
            trees[tree] = trees.get(tree, 0) + path.stat().st_size
    for tree, total in trees.items():
        yield f"{'':{_LABEL}} image: {_shown(tree, root)}/  {size(total)}"


_MANY = 4  # targets in one folder are told one by one up to this number


def _families(result: BuildResult) -> dict[str, list[BuiltTarget]]:
    """The targets that are too many to name, by the folder that their names have in common."""
    folders: dict[str, list[BuiltTarget]] = {}
    for target in result.targets:
        folder, slash, _ = target.name.rpartition("/")
        if slash:
            folders.setdefault(folder, []).append(target)
    return {folder: members for folder, members in folders.items() if len(members) > _MANY}


def of_run(
    result: BuildResult, report: BootReport, explained: Sequence[str] = (), made: Sequence[str] = ()
) -> str:
    """What was built and checked, then the cores, their ticks and threads, the files that were
    `made` of the run, what `explained` its end, and the verdict."""
    lines = [of_build(result), _row("booted", f"in {report.seconds:.2f} s")]
    lines += rows("wrote", made)
    lines += [
        f"{'':{_LABEL}} core {core.core:<3} apic {core.apic:<3} "
        f"{core.ticks:>6} ticks  {core.threads:>3} threads"
        for core in report.cores
    ]
    good = report.passed
    verdict = style(report.verdict.value, fg="green" if good else "red", bold=True)
    reason = f": {report.reason}" if report.reason else ""
    total = sum(stage.seconds for stage in result.stages) + report.seconds
    lines += explained
    lines.append(_row("verdict", f"{verdict}{reason}  (total {total:.2f} s)"))
    return "\n".join(lines)


# What a kernel's developer rarely asks for fills three quarters of QEMU's dump.
_VECTOR_REGISTERS = ("FCW", "FPR", "XMM", "YMM", "ZMM", "MXCSR", "Opmask")


def registers(dump: str) -> list[str]:
    """An emulator's dump of registers without those of floating point and vectors."""
    lines = [line.expandtabs().rstrip() for line in dump.splitlines()]
    return [line for line in lines if not line.startswith(_VECTOR_REGISTERS)]


def rows(label: str, texts: Sequence[str]) -> list[str]:
    """Lines of a report, the first one labelled."""
    return [
        _row(label, text) if not number else f"{'':{_LABEL}} {text}"
        for number, text in enumerate(texts)
    ]


def _row(label: str, text: str) -> str:
    return f"{style(f'{label:<{_LABEL}}', bold=True)} {text}"


def _file(label: str, path: Path, root: Path) -> str:
    return f"{'':{_LABEL}} {label}: {_shown(path, root)}  {size(path.stat().st_size)}"


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _target(target: BuiltTarget, root: Path, *, whole: bool) -> Iterator[str]:
    """A target's file; its segments one a line when it is the `whole` story, else in one."""
    loaded = [entry for entry in target.segments if entry.header.p_type == PT_LOAD]
    if not whole:
        parts = [f"{_flags(e.header.p_flags)} {size(e.header.p_memsz)}" for e in loaded]
        yield f"{_file(target.name, target.path, root)}  {', '.join(parts)}"
        return
    yield _file(target.name, target.path, root)
    for entry in loaded:
        segment = entry.header
        yield (
            f"{'':{_LABEL}}   {_flags(segment.p_flags, width=4)} {segment.p_vaddr:#018x}  "
            f"{size(segment.p_memsz):>9}  {' '.join(entry.sections)}"
        )


def _flags(p_flags: int, width: int = 0) -> str:
    color = "yellow" if p_flags & PF_X else "cyan" if p_flags & PF_W else None
    return style(f"{segment_flags(p_flags):<{width}}", fg=color)


def _lint(result: BuildResult) -> str:
    if not result.rules:
        return style("no: the configuration says lint = false", fg="yellow")
    count = len(result.findings)
    found = "no findings" if not count else f"{count} findings" if count > 1 else "1 finding"
    return f"{result.rules} rules, {style(found, fg='yellow' if count else 'green')}"


def _times(result: BuildResult) -> str:
    totals: dict[str, float] = {}
    for stage in result.stages:
        totals[stage.name] = totals.get(stage.name, 0.0) + stage.seconds
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.items())
