"""A linker that stays: after any edit its result is that of a new one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linker.edits import Program
from linker.linking import assemble, compile_c, differences
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.linkmap import LinkedImage
from orobuild.linker.script import Script, parse
from orobuild.linker.session import Linker


def script_of(text: str) -> Script:
    return parse(text, "kernel.ld", read_file=lambda name: Path(name).read_bytes())


SCRIPT = script_of("SECTIONS { .text 0x1000 : { *(.text*) } .data : { *(.data*) } }")
OPTIONS = LinkOptions(strict=False, orphan_handling="place")


def outcome(
    linker: Linker | None, inputs: list[LinkInput], script: Script, options: LinkOptions
) -> tuple[object, ...]:
    """Everything that a link says: bytes, map and warnings, or the diagnostics of its failure."""
    try:
        image = linker.link(inputs, script, options) if linker else link(inputs, script, options)
    except InputError as problem:
        return ("refused", tuple(problem.diagnostics))
    return ("linked", image.data, image.map, image.warnings)


@pytest.mark.parametrize("seed", range(4))
def test_after_every_edit_the_image_is_that_of_a_clean_link(seed: int, tmp_path: Path) -> None:
    _edit_and_compare(seed, 30, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 115))
def test_after_long_series_of_edits_the_image_is_that_of_a_clean_link(
    seed: int, tmp_path: Path
) -> None:
    _edit_and_compare(seed, 100, tmp_path)


def _edit_and_compare(seed: int, edits: int, directory: Path) -> None:
    program, linker = Program(seed, directory), Linker()
    done = ["as it begins"]
    linked = 0
    for _ in range(edits):
        inputs, script = program.inputs(), script_of(program.script)
        ours = outcome(linker, inputs, script, program.options)
        assert ours == outcome(None, inputs, script, program.options), done
        linked += ours[0] == "linked"
        done.append(program.undo() if ours[0] == "refused" else program.edit())
    assert linked > edits // 2, "edits that break the program are not to be the most"


def test_the_image_after_edits_is_that_of_gnu_ld(tmp_path: Path) -> None:
    text = "long values[] = {1, 2, VALUE}; const char *name(void) { return NAME; }\n"
    script = "SECTIONS { . = 0x100000; .text : { *(.text*) } .rodata : { *(.rodata*) } .data : { *(.data*) } }"
    linker = Linker()
    for value, name in ((3, "page"), (4, "page"), (4, "a page"), (5, "")):
        objects = [
            compile_c(text, tmp_path / "a.o", f"-DVALUE={value}", f'-DNAME="{name}"', "-O2"),
            assemble(
                '.section .rodata.str1.1,"aMS",@progbits,1\n.asciz "page"\n', tmp_path / "b.o"
            ),
        ]
        ours = linker.link(
            [LinkInput(path.name, path.read_bytes()) for path in objects],
            script_of(script),
            OPTIONS,
        )
        assert differences(script, objects) == []
        assert ours.elf is not None
        assert compare(ours.elf, read((tmp_path / "gnu.elf").read_bytes(), "gnu.elf")) == []


def object_of(text: str, directory: Path) -> LinkInput:
    return LinkInput("a.o", assemble(text, directory / "a.o").read_bytes())


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = object_of(".globl f\nf: ret\n", tmp_path)
    second = replace(object_of(".globl g\ng: call f\n", tmp_path), path="b.o")
    linker = Linker()
    linker.link([first, second], SCRIPT, OPTIONS)
    import orobuild.linker.session as session

    read_now: list[str] = []

    def spy(files: list[LinkInput], names: object) -> object:
        read_now.extend(file.path for file in files)
        return original(files, names)  # type: ignore[arg-type]

    original = session.read_objects
    monkeypatch.setattr(session, "read_objects", spy)
    again = replace(first, data=bytes(bytearray(first.data)))
    changed = replace(object_of(".globl g\ng: call f\nnop\n", tmp_path), path="b.o")
    linker.link([again, changed], SCRIPT, OPTIONS)
    assert read_now == ["b.o"]


def test_a_failed_link_leaves_the_linker_usable(tmp_path: Path) -> None:
    good = object_of(".globl f\nf: ret\n", tmp_path)
    linker = Linker()
    before: LinkedImage = linker.link([good], SCRIPT, OPTIONS)
    for bad in (
        replace(good, data=good.data[:100]),
        replace(good, data=b""),
        object_of("call nowhere\n", tmp_path),
    ):
        with pytest.raises(InputError) as problem:
            linker.link([good, replace(bad, path="b.o")], SCRIPT, OPTIONS)
        assert "b.o" in str(problem.value.diagnostics[0].span)
    assert linker.link([good], SCRIPT, OPTIONS).data == before.data


def test_names_of_states_long_gone_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import orobuild.linker.session as session

    monkeypatch.setattr(session, "_SPARE_NAMES", 10)
    linker, sizes = Linker(), []
    for number in range(20):
        text = "".join(f".globl f{number}_{k}\nf{number}_{k}: .long {k}\n" for k in range(10))
        one = object_of(text, tmp_path)
        assert linker.link([one], SCRIPT, OPTIONS).data == link([one], SCRIPT, OPTIONS).data
        sizes.append(linker._cache.size)
    assert max(sizes) < 200, "at least 200 names in 20 states"
    assert sizes != sorted(sizes)


def test_an_earlier_image_keeps_its_map(tmp_path: Path) -> None:
    """The map is made when it is asked for, and a later link must not change what it says."""
    linker = Linker()
    text = ".globl f\nf: ret\n.zero {}\n.globl g\ng: ret\n"
    inputs = [object_of(text.format(size), tmp_path) for size in (10, 900)]
    images = [linker.link([one], SCRIPT, OPTIONS) for one in inputs]
    assert [image.map for image in images] == [link([one], SCRIPT, OPTIONS).map for one in inputs]
