"""The loader built by this toolchain is, byte for byte, the one that GNU as and GNU ld build."""

from __future__ import annotations

from pathlib import Path

import pytest

from image.conftest import SCRIPTS
from orobuild.assembler import Options, assemble
from orobuild.image.flat import flatten
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.script import parse

ROOT = Path(__file__).resolve().parents[2]


def read_file(path):
    return (ROOT / path).read_bytes()


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_bytes_as_from_the_gnu_tools(name, loader):
    sources = sorted(p.name for p in (ROOT / "asm" / "boot").glob("*.S"))
    first_stages = {f"{first_stage}.S" for first_stage in SCRIPTS if first_stage != "stage2"}
    wanted = [s for s in sources if s not in first_stages] if name == "stage2" else [f"{name}.S"]
    options = Options(include_dirs=("asm/boot",), code_ranges=True)
    objects = []
    for source in wanted:
        path = f"asm/boot/{source}"
        made = assemble(read_file(path).decode(), path, options, read_file=read_file)
        assert not made.warnings
        objects.append(LinkInput(path.replace(".S", ".o"), made.object))
    script = f"linker_scripts/{SCRIPTS[name]}.ld"
    parsed = parse(read_file(script).decode(), script, read_file=read_file)

    linked = link(objects, parsed, LinkOptions())

    assert flatten(linked.data, name) == flatten(getattr(loader, name), name)
