"""Copies of the kernel in which the timer's interrupt path is misplaced, in three ways."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from orobuild.pipeline.build import BuildResult, Request, build
from orobuild.project import load
from stages import build_stages

SYMBOL = "_oro_isr_common_novec"
"""The common entry of device interrupts: every timer interrupt passes through it."""

SECTION_LINE = '.section .text.isr_common,"ax",@progbits\n'


@dataclass(frozen=True)
class Mutation:
    """One way to misplace the path: a file, the text to replace, and its replacement."""

    name: str
    file: str
    old: str
    new: str


MUTATIONS = {
    mutation.name: mutation
    for mutation in (
        # The routine follows a table, and nobody said that code begins.
        Mutation("no-section-line", "asm/isr_common.S", SECTION_LINE, ""),
        # A section of its own, but without flags it is not even allocated.
        Mutation("no-flags", "asm/isr_common.S", SECTION_LINE, ".section .isr_common\n"),
        # The source is right, but the script puts the section into a segment without X.
        Mutation(
            "script",
            "linker_scripts/kernel.ld",
            "KEEP(*(.oro_boot.multiboot2))",
            "KEEP(*(.oro_boot.multiboot2)) *(.text.isr_common)",
        ),
    )
}


@dataclass(frozen=True)
class Kernel:
    """A copy of the kernel's project."""

    root: Path
    profile: str

    def build(self, *, unchecked: bool) -> BuildResult:
        return build(load(self.root), Request(profile=self.profile, unchecked=unchecked))

    def objects(self) -> dict[str, bytes]:
        """The objects of the kernel by source, from a lenient assembler."""
        stages = build_stages(
            load(self.root),
            "kernel",
            cache=self.root / "build" / ".cache",
            profile=self.profile,
            unchecked=True,
        )
        return {made.path: made.data for made in stages.objects}


@pytest.fixture
def kernel_with(root, profile, build_cache, tmp_path):
    """Makes a copy of the kernel's project with a mutation applied."""

    def make(name: str | None) -> Kernel:
        for tree in ("asm", "kernel", "linker_scripts"):
            shutil.copytree(root / tree, tmp_path / tree)
        shutil.copy(root / "pyproject.toml", tmp_path)
        (tmp_path / "build").mkdir()
        (tmp_path / "build" / ".cache").symlink_to(build_cache)
        if name:
            mutation = MUTATIONS[name]
            file = tmp_path / mutation.file
            text = file.read_text()
            assert text.count(mutation.old) == 1, f"{mutation.file} has changed: adapt {mutation}"
            file.write_text(text.replace(mutation.old, mutation.new))
        return Kernel(tmp_path, profile)

    return make
