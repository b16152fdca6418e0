"""`orolint --live` and `orolint --compare`: checks that need more than one file at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.lint import LintConfig
    from orobuild.lint.live import LivePage
    from orobuild.lint.result import LintResult

CORES: Final = 2
MEMORY_MIB: Final = 64
TIMEOUT: Final = 120.0


def live(files: tuple[str, ...], config: LintConfig) -> LintResult:
    """What is found in the page tables of an emulated machine that runs the kernel.

    Raises `UsageError` if it is not one kernel, or does not get as far as `live-until` says.
    """
    from orobuild import lint
    from orobuild.lint.result import LintResult

    if len(files) != 1:
        raise UsageError("--live takes one kernel (an ELF file with a PVH note)")
    if not config.live_until:
        raise UsageError(
            "--live does not know when the kernel's page tables stand",
            hint='set live-until in [tool.orobuild.lint] to the beginning of a console line: "oro: boot"',
        )
    try:
        elf = _read(files[0])
        pages = running_pages(Path(files[0]), config)
        found = lint.check_live(elf, pages, config=config)
    except InputError as reason:
        return LintResult(checked=files, errors=tuple(reason.diagnostics))
    return LintResult(checked=files, findings=found)


def running_pages(kernel: Path, config: LintConfig) -> tuple[LivePage, ...]:
    """Every page that the first processor has mapped when the kernel has said `live-until`."""
    from orobuild.debug.live_pages import pages
    from orobuild.machine.qemu import Qemu
    from orobuild.machine.snapshot import take

    machine = Qemu(
        kernel=kernel, command_line=config.live_command_line, cores=CORES, memory_mib=MEMORY_MIB
    )
    return pages(take(machine, until=config.live_until, timeout=TIMEOUT))


def compare(files: tuple[str, ...], other: str, config: LintConfig) -> LintResult:
    """What differs between `other` and the file, two builds of one kernel.

    Raises `UsageError` if it is not one file.
    """
    from orobuild import lint
    from orobuild.lint.result import LintResult

    if len(files) != 1:
        raise UsageError("--compare takes two images: orolint --compare DEBUG.elf RELEASE.elf")
    try:
        found = lint.check_builds(_read(other), _read(files[0]), config=config)
    except InputError as reason:
        return LintResult(checked=files, errors=tuple(reason.diagnostics))
    return LintResult(checked=files, findings=found)


def _read(path: str) -> ElfFile:
    from orobuild.elf import reader

    try:
        return reader.read(Path(path).read_bytes(), path)
    except OSError as reason:
        raise UsageError(f"{path}: {reason.strerror}") from None
