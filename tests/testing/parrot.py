"""A kernel that says what its command line says (`parrot.S`), and machines that run it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from orobuild.pipeline.build import BuildResult
from orobuild.testing import runner
from orobuild.testing.cell import Cell
from orobuild.testing.outcome import CellResult, Run

HERE = Path(__file__).parent
CONFIGURATION = """\
name = "parrot"

[targets.kernel]
sources = ["parrot.S"]
script = "parrot.ld"

[image]
disk = false

[machine]
cores = 1
memory-mib = 16
timeout = 60
"""
CELL = Cell(profile="release", boot="kernel", memory_mib=16)
TWO_SUITES = (
    "KTAP version 1\n1..2\n"
    "  KTAP version 1\n  # Subtest: frames\n  1..2\n  ok 1 order\n  ok 2 spare\nok 1 frames\n"
    "  KTAP version 1\n  # Subtest: smp\n  1..1\n  ok 1 wakes\nok 2 smp\n"
)


def parrot_project(folder: Path, more: str = "") -> Path:
    """The kernel's project in `folder`, with `more` at the end of its configuration."""
    for name in ("parrot.S", "parrot.ld"):
        shutil.copyfile(HERE / name, folder / name)
    (folder / "orobuild.toml").write_text(CONFIGURATION + more)
    return folder


class Parrot:
    """The kernel, built once; `say` boots it and gives what came of it."""

    def __init__(self, built: BuildResult) -> None:
        self.built = built

    def with_tests(self, **settings: Any) -> BuildResult:
        """The build, with other settings of `[test]`."""
        project = self.built.project
        tests = msgspec.structs.replace(project.config.test, **settings)
        config = msgspec.structs.replace(project.config, test=tests)
        return replace(self.built, project=replace(project, config=config))

    def run(self, text: str, *cells: Cell, **settings: Any) -> Run:
        """Boot it on `cells`; `settings` are those of a plan and of `[test]`."""
        known = runner.Plan.__dataclass_fields__
        plan = {name: settings.pop(name) for name in tuple(settings) if name in known}
        listener = settings.pop("listener", None)
        return runner.run(
            runner.Plan(
                cells=cells or (CELL,),
                built={"release": self.with_tests(**settings)},
                command_line=text,
                **plan,
            ),
            listener,
        )

    def address_of(self, name: str) -> int:
        """The address of one of its symbols."""
        from orobuild.elf import reader
        from orobuild.lint import LintConfig
        from orobuild.lint.program import Program

        data = self.built.kernel.read_bytes()
        return Program(reader.read(data, "parrot"), LintConfig()).symbols.by_name[name].address

    def say(self, text: str, **settings: Any) -> CellResult:
        """Boot it on one machine, which is given few seconds if it is to hang."""
        seconds = settings.pop("timeout", 60.0)
        (cell,) = self.run(text, replace(CELL, timeout=seconds), **settings).cells
        return cell
