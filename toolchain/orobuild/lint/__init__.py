"""orolint: proofs about what an image's bytes may do. The entry points, and nothing else.

Importing this module is cheap; the rules, the decoder and the reporters load when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.lint.config import LintConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.lint.finding import Finding
    from orobuild.lint.live import LivePage
    from orobuild.lint.result import LintResult

__all__ = [
    "LintConfig",
    "check_builds",
    "check_image",
    "check_live",
    "check_object",
    "check_paths",
    "check_script",
    "explain",
    "report",
]

_DEFAULTS = LintConfig()


def check_image(elf: ElfFile, *, config: LintConfig = _DEFAULTS) -> tuple[Finding, ...]:
    """What the selected rules find in a linked image, ours or any toolchain's.

    Raises `ElfError` for an ELF file that is not a linked image, and `UsageError` for a
    configuration that does not fit it (an unknown rule, a region that is not there).
    """
    from orobuild.lint import engine

    return engine.check_image(elf, config)


def check_live(
    elf: ElfFile, pages: Sequence[LivePage], *, config: LintConfig = _DEFAULTS
) -> tuple[Finding, ...]:
    """What the selected rules find in the pages that a machine running the image has mapped.

    `pages` in ascending order. Raises `ElfError` for a file that is no image, `UsageError` for a
    configuration that does not fit it.
    """
    from orobuild.lint import engine

    return engine.check_live(elf, pages, config)


def check_builds(
    first: ElfFile, second: ElfFile, *, config: LintConfig = _DEFAULTS
) -> tuple[Finding, ...]:
    """What differs between two builds of one kernel and should not; findings are about the second.

    Raises `ElfError` for a file that is no image, `UsageError` for an unknown rule.
    """
    from orobuild.lint import engine

    return engine.check_builds(first, second, config)


def check_object(elf: ElfFile, *, config: LintConfig = _DEFAULTS) -> tuple[Finding, ...]:
    """What the selected rules find in a relocatable object, ours or any compiler's.

    Raises `ElfError` for an ELF file that is none, `UsageError` for an unknown rule.
    """
    from orobuild.lint import engine

    return engine.check_object(elf, config)


def check_script(text: str, path: str, *, config: LintConfig = _DEFAULTS) -> tuple[Finding, ...]:
    """What the selected rules find in a linker script; `path` is its name in messages.

    Raises `InputError` for a script that cannot be parsed, `UsageError` for an unknown rule.
    """
    from orobuild.lint import engine

    return engine.check_script(text, path, config)


def check_paths(
    paths: Iterable[str],
    *,
    config: LintConfig = _DEFAULTS,
    given: Mapping[str, bytes] | None = None,
) -> LintResult:
    """What the selected rules find in files, and in the sources below directories.

    `given` holds contents that are used instead of the files' own. A file that cannot be checked
    is an error in the result. Raises `UsageError` for a configuration that does not fit.
    """
    from orobuild.lint import files

    return files.check_paths(paths, config, given)


def report(result: LintResult, output_format: str = "full", *, color: bool = False) -> str:
    """A result as text: full, concise, json, sarif, github, gitlab or junit.

    Raises `UsageError` for an unknown format.
    """
    from orobuild.lint import reporters

    return reporters.report(result, output_format, color=color)


def explain(rule: str) -> str:
    """A rule's documentation as Markdown, by code or name. Raises `UsageError` if unknown."""
    from orobuild.lint.documentation import page
    from orobuild.lint.registry import rule as find

    return page(find(rule))
