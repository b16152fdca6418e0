"""The image that a command is about: a file that is named, or the kernel that the project built."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import files, terminal
from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.debug.location_text import Role
    from orobuild.elf.reader import ElfFile
    from orobuild.lint import LintConfig
    from orobuild.lint.program import Program

_STYLES: Final[dict[str, dict[str, Any]]] = {
    "head": {"bold": True},
    "label": {"fg": "cyan"},
    "dim": {"dim": True},
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "code": {"fg": "yellow"},
    "source": {},
}


def paint(text: str, role: Role) -> str:
    """`text` in the colour of its role, if standard output takes colours."""
    return terminal.style(text, **_STYLES[role])


def painter(color: bool) -> Callable[[str, Role], str]:
    """The same, for an output of which it is known whether it takes colours."""
    import click

    return lambda text, role: click.style(text, **_STYLES[role]) if color else text


def program(path: str | None, profile: str | None = None, elf: ElfFile | None = None) -> Program:
    """The image at `path`, or the project's kernel as `profile` built it, ready for questions.

    `elf` is the file at `path`, where it has been read.
    What the project's configuration says about the image's code (widths, run addresses) is applied
    to its kernel only. Raises `InputError`, and `UsageError` when there is no image to ask.
    """
    from orobuild.elf import reader
    from orobuild.lint import LintConfig
    from orobuild.lint.program import Program

    config = LintConfig()
    built, settings = _built(profile)
    if path is None:
        if built is None:
            raise UsageError(
                "no image is named, and there is no project here",
                hint="name an ELF file, or stand in a project's folder",
            )
        if not built.exists():
            shown = _shown(built)
            raise InputError(
                error("the kernel is not built", Span(shown), hint="run 'orobuild build'")
            )
        path = _shown(built)
    if built is not None and Path(path).resolve() == built.resolve():
        config = settings
    return Program(reader.read(files.read(path), path) if elf is None else elf, config)


def by_build_id(identity: str | None) -> str | None:
    """The image below the project's `build/` that has this build-id, None if there is none."""
    from orobuild.elf import reader
    from orobuild.elf.build_id import build_id

    root = _project_root()
    if root is None or not identity:
        return None
    for path in sorted((root / "build").rglob("*.elf")):
        try:
            found = build_id(reader.read(path.read_bytes(), str(path)))
        except (OSError, InputError):
            continue
        if found is not None and found.hex() == identity:
            return _shown(path)
    return None


def program_named(name: str, profile: str | None = None) -> Program | None:
    """The built image of a user program that is called `name`, None if there is none."""
    built, _ = _built(profile)
    if built is None or not name or "/" in name:
        return None
    for path in sorted(built.parent.rglob(f"{glob.escape(name)}.elf")):
        try:
            return program(_shown(path), profile)
        except InputError:
            continue
    return None


def _project_root() -> Path | None:
    from orobuild.project import find_root

    try:
        return find_root(Path.cwd())
    except UsageError:
        return None


def _built(profile: str | None) -> tuple[Path | None, LintConfig]:
    from orobuild.lint import LintConfig
    from orobuild.project import find_root, load

    try:
        project = load(find_root(Path.cwd()))
    except UsageError:
        return None, LintConfig()
    name, _ = project.profile(profile)
    if not project.config.image.kernel:
        return None, LintConfig()
    return project.root / "build" / name / f"{project.config.name}.elf", project.lint


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def sources(image: str) -> Callable[[str], Sequence[str] | None]:
    """A function from a source file's name in debugging information to its lines, or None.

    A relative name is looked for here, then in the folders above the image.
    """
    folders = [Path.cwd(), *Path(image).absolute().parents]
    known: dict[str, list[str] | None] = {}

    def lines(name: str) -> list[str] | None:
        if name not in known:
            known[name] = _read(folders, name)
        return known[name]

    return lines


def _read(folders: Sequence[Path], name: str) -> list[str] | None:
    from orobuild.pipeline.inputs import read_regular

    for folder in folders[:1] if name.startswith("/") else folders:
        try:
            return read_regular(folder / name).decode("utf-8", "replace").splitlines()
        except (OSError, ValueError):
            continue
    return None
