"""The kernel as it is built to be tested: its own command line, and images that carry it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orobuild.project import Project

# What `fnmatch` knows and the globs of a kernel need not.
_SETS: Final = "["


def command_line(project: Project, suites: Sequence[str]) -> str:
    """The kernel's command line for its tests.

    It asks for these suites only (globs; none: all), if the configuration says how that is asked.
    """
    tests = project.config.test
    words = [tests.command_line or _default_command_line(project)]
    if tests.select and suites and not any(c in suite for suite in suites for c in (*_SETS, " ")):
        words += [tests.select.replace("{}", suite) for suite in suites]
    return " ".join(filter(None, words))


def _default_command_line(project: Project) -> str:
    image = project.config.image
    return image.entries[image.default_entry].command_line if image.entries else image.command_line


def for_tests(project: Project, line: str) -> Project:
    """`project`, whose images start the kernel with the command line `line`, and without a menu's delay."""
    image = project.config.image
    if image.entries:
        entries = list(image.entries)
        chosen = entries[image.default_entry]
        entries[image.default_entry] = msgspec.structs.replace(chosen, command_line=line)
        changed = msgspec.structs.replace(image, entries=entries, timeout=0)
    else:
        changed = msgspec.structs.replace(image, command_line=line)
    return replace(project, config=msgspec.structs.replace(project.config, image=changed))


def output(project: Project, changed: Project, profile: str) -> Path | None:
    """Where the build of `changed` goes: None, the usual place, if it is no other than `project`'s."""
    if changed.config.image == project.config.image:
        return None
    return project.root / "build" / profile / "test" / "kernel"
