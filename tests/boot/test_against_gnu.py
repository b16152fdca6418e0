"""The kernel and the loader through GNU as 2.40 and GNU ld 2.40: the same bytes as through ours."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from orobuild import assembler
from orobuild.elf import compare, compare_images, reader
from orobuild.pipeline import targets
from orobuild.pipeline.loader import BIOS_TARGETS, loader_project
from orobuild.project import load
from stages import build_stages


@pytest.fixture(scope="module", params=["kernel", *BIOS_TARGETS])
def stages(request, root, profile, build_cache):
    project = load(root) if request.param == "kernel" else loader_project()
    wanted = profile if request.param == "kernel" else None
    return build_stages(project, request.param, cache=build_cache, profile=wanted)


def run(*arguments, cwd):
    result = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_object_is_the_one_that_gnu_as_makes(stages, tool, tmp_path):
    for name, data in stages.shop.embedded.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    target = stages.shop.project.config.targets[stages.linked.name]
    flags = [f"-I{directory}" for directory in (*target.include_dirs, tmp_path)]
    # GNU as defines them from the last to the first.
    flags += [f"--defsym={n}={v}" for n, v in reversed(stages.constants.items())]
    sources = [o.path for o in stages.objects if o.path.endswith(".S")]
    assert sources
    for source in sources:
        run(tool("as"), *flags, source, "-o", tmp_path / "gnu.o", cwd=stages.shop.project.root)
        # As oro-as would: GNU as knows no .oro.code.
        ours = assembler.assemble(
            stages.shop.read_source(source),
            source,
            assembler.Options(
                include_dirs=tuple(target.include_dirs), symbols=stages.constants, strict=False
            ),
            read_file=stages.shop.read_file,
        )
        assert compare.compare(ours.object, (tmp_path / "gnu.o").read_bytes()) == [], source


def test_the_image_is_the_one_that_gnu_ld_makes(stages, tool, tmp_path):
    names = []
    for number, made in enumerate(stages.objects):
        names.append(tmp_path / f"{number}.o")
        names[-1].write_bytes(made.data)
    target = stages.shop.project.config.targets[stages.linked.name]
    output = tmp_path / "gnu.elf"
    script = stages.shop.project.root / target.script
    run(tool("ld"), "-z", "noexecstack", "-T", script, "-o", output, *names, cwd=tmp_path)
    # No other linker makes the table of the code's names; a hash of the file is each linker's own.
    plain = msgspec.structs.replace(target, code_symbols=False, build_id="none")
    linked = targets.link_objects(stages.shop, stages.linked.name, plain, stages.objects)
    ours = reader.read(linked.data, "ours")
    theirs = reader.read(output.read_bytes(), "theirs")
    assert compare_images.compare(ours, theirs) == []
    segments = [[bytes(e.segment_data(s)) for s in e.segments] for e in (ours, theirs)]
    headers = 64 + 56 * len(ours.segments)  # where the section headers lie is each linker's own
    if ours.segments[0].p_offset == 0:
        segments = [[first[headers:], *rest] for first, *rest in segments]
    assert segments[0] == segments[1]
