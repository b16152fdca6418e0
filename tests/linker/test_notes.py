"""Notes that tell a loader about the image: program properties, the stack, their order; warnings."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from linker.linking import assemble, check, our_link, run
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.builtin import builtin_script
from orobuild.linker.linkmap import LinkedImage

PLAIN = '.section .note.GNU-stack,"",@progbits\n'


def note(*properties: tuple[int, int]) -> str:
    """A `.note.gnu.property` section with (pr_type, value) of 4 bytes each."""
    lines = ['.section .note.gnu.property, "a", @note', ".balign 8"]
    lines += [f'.long 4, {16 * len(properties)}, 5\n.asciz "GNU"']
    lines += [f".long {kind:#x}, 4, {value:#x}, 0" for kind, value in properties]
    return "\n".join(lines) + "\n" + PLAIN


def linked(paths: list[Path], **options: object) -> LinkedImage:
    inputs = [LinkInput(path.name, path.read_bytes()) for path in paths]
    fields = {"strict": False, "orphan_handling": "place", "relro": True} | options
    return link(inputs, builtin_script(), LinkOptions(**fields))  # type: ignore[arg-type]


def objects(directory: Path, *texts: str) -> list[Path]:
    start = ".globl _start\n_start: ret\n"
    return [
        assemble((start if not number else "") + text, directory / f"o{number}.o")
        for number, text in enumerate(texts)
    ]


def compared(paths: list[Path], *flags: str, **options: object) -> list[str]:
    directory = paths[0].parent
    check("ld", *flags, *(path.name for path in paths), "-o", "gnu", cwd=directory)
    ours = linked(paths, **options)
    assert ours.elf is not None
    return compare(ours.elf, read((directory / "gnu").read_bytes(), "gnu"))


IBT, ISA_NEEDED, ISA_USED, AND, OR = 0xC0000002, 0xC0008002, 0xC0010002, 0xB0000001, 0xB0008001


@pytest.mark.parametrize(
    "notes",
    [
        [note((IBT, 3)), note((IBT, 1))],
        [note((IBT, 3)), PLAIN],
        [note((ISA_NEEDED, 1)), note((ISA_NEEDED, 4))],
        [note((ISA_NEEDED, 1)), PLAIN, note((ISA_NEEDED, 2), (ISA_USED, 7))],
        [note((ISA_USED, 1)), note((ISA_USED, 2))],
        [note((ISA_USED, 1)), PLAIN],
        [note((AND, 6)), note((AND, 3))],
        [note((OR, 6)), note((OR, 1)), PLAIN],
        [PLAIN, note((IBT, 1))],
    ],
)
def test_properties_are_merged_as_the_abi_says(notes: list[str], tmp_path: Path) -> None:
    assert compared(objects(tmp_path, *notes)) == []


def test_a_property_can_be_forced(tmp_path: Path) -> None:
    paths = objects(tmp_path, PLAIN, note((IBT, 2)))
    assert compared(paths, "-z", "ibt", properties=((IBT, 1),)) == []


@pytest.mark.parametrize("cut", [1, 9, 17, 25])
def test_a_damaged_property_is_refused(cut: int, tmp_path: Path) -> None:
    data = struct.pack("<III4sIIII", 4, 16, 5, b"GNU\0", IBT, 4, 3, 0)[:-cut]
    text = '.section .note.gnu.property, "a", @note\n' + ".byte " + ",".join(map(str, data))
    with pytest.raises(InputError, match=r"section '\.note\.gnu\.property'"):
        linked(objects(tmp_path, text + "\n"))


@pytest.mark.parametrize("aligns", [(4, 8, 4, 8), (16, 8, 4, 16), (4, 16, 8)])
def test_orphan_notes_stand_by_their_alignment(aligns: tuple[int, ...], tmp_path: Path) -> None:
    text = "".join(
        f'.section .note.n{number}, "a", @note\n.balign {align}\n.long 4, 0, 1\n.asciz "abc"\n'
        for number, align in enumerate(aligns)
    )
    assert compared(objects(tmp_path, text + PLAIN)) == []


EXECUTABLE = PLAIN.replace('""', '"x"')


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([PLAIN, PLAIN], None),
        ([PLAIN, EXECUTABLE], "asks for an executable stack"),
        ([PLAIN, ""], "has no .note.GNU-stack section"),
        (["", ""], None),
    ],
)
def test_the_stack_is_what_objects_ask_for(
    texts: list[str], said: str | None, tmp_path: Path
) -> None:
    paths = objects(tmp_path, *texts)
    assert compared(paths) == []
    warnings = [w.message for w in linked(paths).warnings]
    assert [said in message for message in warnings] == ([True] if said else [])
    flags = {"-z execstack": True, "-z noexecstack": False}
    for flag, value in flags.items():
        assert compared(paths, *flag.split(), executable_stack=value) == []
    assert compared(paths, "-z", "stack-size=0x4000", stack_size=0x4000) == []


def test_an_object_warns_of_its_own_use(tmp_path: Path) -> None:
    text = '.globl f\nf: ret\n.section .gnu.warning.f\n.asciz "f is dangerous"\n'
    paths = objects(tmp_path, "call f\n" + PLAIN, text + PLAIN)
    assert compared(paths) == []
    theirs = run("ld", "o0.o", "o1.o", "-o", "gnu", cwd=tmp_path)
    (ours,) = linked(paths).warnings
    assert ours.message in theirs.stderr
    assert ours.message == "f is dangerous"
    assert ours.span is not None
    assert ours.span.path == "o0.o"


def test_what_an_input_says_at_once_is_said(tmp_path: Path) -> None:
    paths = objects(tmp_path, '.section .gnu.warning\n.asciz "do not link this"\n' + PLAIN)
    (warning,) = our_link("SECTIONS { .text : { *(.text) } }", paths).warnings
    assert warning.message == "do not link this"
