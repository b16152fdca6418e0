"""Images for lint's tests, built by GNU as and ld from fixtures that say what is expected.

A fixture is an assembly file whose `#:` lines are instructions to the test:

    #: as ARGUMENTS          more arguments for as (default --64)
    #: ld ARGUMENTS          more arguments for ld
    #: script                the `#|` lines are the linker script
    #: patch segment N FIELD=VALUE    change a program header after linking (also `section NAME`)
    #: object                check the object, do not link it
    #: source                check the file itself, do not assemble it
    #: strip                 remove the symbols after linking
    #: c                     the `#|` lines after it are C, compiled with -g and linked too
    #: page VIRTUAL PHYSICAL SIZE PERMISSIONS LEVEL    a running machine has mapped it
    #: other ARGUMENTS       what `as` gets for the other build that this one is compared with
    #: config                the `#|` lines after it are [tool.orobuild.lint]
    #: expect CODE TEXT      a finding of CODE whose rendering contains TEXT
    #: expect nothing

A fixture that is a linker script (`.ld`) has the same instructions in comments, `/*: … */`; in C and
Rust they begin with `//:`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.elf import reader
from orobuild.elf.constants import PHDR_SIZE, SHDR_SIZE
from orobuild.lint import LintConfig, check_builds, check_live
from orobuild.lint.config import from_mapping
from orobuild.lint.live import LivePage

if TYPE_CHECKING:
    from orobuild.elf.structures import ProgramHeader, SectionHeader
    from orobuild.lint.finding import Finding

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass
class Fixture:
    path: Path
    as_arguments: list[str] = field(default_factory=lambda: ["--64"])
    ld_arguments: list[str] = field(default_factory=list)
    script: str = ""
    c: str = ""
    config: LintConfig = field(default_factory=LintConfig)
    expected: list[tuple[str, str]] = field(default_factory=list)
    patches: list[tuple[str, str, dict[str, int]]] = field(default_factory=list)
    pages: list[LivePage] = field(default_factory=list)
    other: list[str] | None = None
    strip: bool = False
    is_object: bool = False
    is_source: bool = False
    says_nothing: bool = False

    @property
    def rule(self) -> str:
        return self.path.name.partition("_")[0]


def parse(path: Path) -> Fixture:
    fixture, block, blocks = Fixture(path), "", {"script": "", "config": "", "c": ""}
    for text in path.read_text().splitlines():
        line = re.sub(r"^(?:/\*([:|])(.*)\*/|//([:|])(.*))$", r"#\1\3\2\4", text)
        if line.startswith("#|"):
            blocks[block] += line[2:].removeprefix(" ") + "\n"
        elif line.startswith("#:"):
            word, _, rest = line[2:].strip().partition(" ")
            if word in blocks:
                block = word
            elif word == "as":
                fixture.as_arguments = shlex.split(rest)
            elif word == "ld":
                fixture.ld_arguments = shlex.split(rest)
            elif word == "page":
                virtual, physical, size, permissions, level = rest.split()
                at = int(virtual, 16), int(physical, 16), int(size, 16)
                fixture.pages.append(LivePage(*at, *(p in permissions for p in "wxu"), level))
            elif word == "other":
                fixture.other = shlex.split(rest)
            elif word == "strip":
                fixture.strip = True
            elif word == "object":
                fixture.is_object = True
            elif word == "source":
                fixture.is_source = True
            elif word == "patch":
                table, name, *settings = shlex.split(rest)
                values = {k: int(v, 0) for k, v in (s.split("=") for s in settings)}
                fixture.patches.append((table, name, values))
            elif word == "expect" and rest == "nothing":
                fixture.says_nothing = True
            elif word == "expect":
                code, _, expected = rest.partition(" ")
                fixture.expected.append((code, expected))
            else:
                raise ValueError(f"{path}: unknown instruction {line!r}")
    fixture.script = blocks["script"]
    fixture.c = blocks["c"]
    fixture.config = from_mapping(tomllib.loads(blocks["config"]))
    if fixture.says_nothing == bool(fixture.expected):
        raise ValueError(f"{path}: say what is expected")
    return fixture


def fixtures() -> list[Fixture]:
    return [parse(path) for path in sorted(FIXTURES.iterdir()) if path.is_file()]


@cache
def assemble(text: str, *arguments: str) -> bytes:
    include = ["-I", str(FIXTURES / "include")]
    return _run_tool(
        ["as", *include, *arguments, "-o", "out.o", "in.s"], {"in.s": text.encode()}, "out.o"
    )


@cache
def compile_c(text: str) -> bytes:
    flags = ["-g", "-O1", "-ffreestanding", "-fno-pic", "-fcf-protection=none"]
    command = ["gcc", *flags, "-fno-asynchronous-unwind-tables", "-c", "-o", "out.o", "in.c"]
    return _run_tool(command, {"in.c": text.encode()}, "out.o")


def _run_tool(command: list[str], files: dict[str, bytes], output: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return (Path(folder) / output).read_bytes()


def link(objects: dict[str, bytes], *arguments: str, script: str = "", linker: str = "ld") -> bytes:
    files = dict(objects)
    command = [linker, "-o", "out.elf", *arguments]
    if script:
        files["script.ld"] = script.encode()
        command += ["-T", "script.ld"]
    return _run_tool([*command, *objects], files, "out.elf")


def findings(fixture: Fixture) -> tuple[Finding, ...]:
    """What lint says of a fixture that it checks beside something else."""
    elf = reader.read(build(fixture), fixture.path.name)
    if fixture.other is None:
        return check_live(elf, fixture.pages, config=fixture.config)
    arguments = [*fixture.as_arguments, *fixture.other]
    other = reader.read(build(replace(fixture, as_arguments=arguments)), "other")
    return check_builds(other, elf, config=fixture.config)


def build(fixture: Fixture) -> bytes:
    text = fixture.path.read_text()
    machine = ["-m", "elf_i386"] if "--32" in fixture.as_arguments else []
    assembled = assemble(text, *fixture.as_arguments)
    if fixture.is_object:
        return assembled
    objects = {"in.o": assembled}
    if fixture.c:
        objects["c.o"] = compile_c(fixture.c)
    data = link(
        objects,
        *machine,
        *fixture.ld_arguments,
        script=fixture.script,
    )
    if fixture.strip:
        data = _run_tool(["strip", "-o", "out", "in"], {"in": data}, "out")
    for table, name, values in fixture.patches:
        data = patch(data, table, name, values)
    return data


def patch(data: bytes, table: str, name: str, values: dict[str, int]) -> bytes:
    """`data` with fields of a program header (by index) or section header (by name) changed."""
    elf = reader.read(data, "patched")
    header: ProgramHeader | SectionHeader
    if table == "segment":
        header = elf.segments[int(name)]
        at = elf.header.e_phoff + int(name) * PHDR_SIZE[elf.ei_class]
    else:
        section = elf.section(name)
        assert section is not None, name
        header = section
        at = elf.header.e_shoff + section.index * SHDR_SIZE[elf.ei_class]
    assert values.keys() <= {f.name for f in fields(header)}, values
    packed = replace(header, **values).pack(elf.ei_class)
    return data[:at] + packed + data[at + len(packed) :]
