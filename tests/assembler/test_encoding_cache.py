"""The encoding cache: what it keeps changes nothing but the time that assembling takes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orobuild
from orobuild import assembler, user_cache
from orobuild.assembler import encoding_cache
from orobuild.assembler.encoding_cache import EncodingCache
from orobuild.errors import InputError

# What could make a statement mean something else than it did in the run before.
STATEMENTS = (
    "movl $number, %eax",
    "movl number(%rbx), %eax",
    "addq $number + 4, %rcx",
    "pushq $number",
    "movq other(%rip), %rax",
    "movq other@GOTPCREL(%rip), %rax",
    "call other",
    "call number",
    "jmp target",
    "jne target",
    "jmp 1f\n1: nop",
    "testb $1, alias",
    "leaq 8(%rsp), %rdi",
    "leaq 200(%rsp), %rdi",
    "mov eax, ebx",
    "nop; ret",
    "stub 5",
    "movb $-1, %al",
    "rep movsb",
    "lock incl counter(%rip)",
    "not_an_instruction %eax",
    "enter $8, $0",
    "int3",
    "fld %st(1), %st",
)
DIRECTIVES = (
    "number = 5",
    "number = 500000000000",
    "number = other - 4",
    "other = 7",
    ".set alias, %ecx",
    ".intel_syntax noprefix",
    ".att_syntax prefix",
    ".code32",
    ".code64",
    ".code16",
    ".macro stub value\npushq $\\value\n.endm",
    ".macro nop\nret\n.endm",
    ".purgem nop",
    ".macro movl a, b\nhlt\n.endm",
    "target:",
    ".data",
    ".text",
    ".loc 1 2 3",
    '.file 1 "x.c"',
    ".arch i386",
    ".if 0",
    ".endif",
    ".struct 8",
    "number:",
    ".rept 2\nincl %eax\n.endr",
    ".p2align 4",
)


def outcome(text: str, **options) -> tuple:
    """The object and the warnings, or the errors."""
    try:
        made = assembler.assemble(
            text, "x.s", assembler.Options(strict=False, **options), read_file=None
        )
    except InputError as problem:
        return tuple(str(diagnostic) for diagnostic in problem.diagnostics)
    return made.object, tuple(str(warning) for warning in made.warnings)


def program(seed: random.Random) -> str:
    count = seed.randrange(1, 30)
    pool = STATEMENTS if seed.random() < 0.3 else STATEMENTS + DIRECTIVES
    return "\n".join(seed.choice(pool) for _ in range(count)) + "\n"


@pytest.mark.parametrize("seed", range(12))
def test_a_file_edited_at_random_comes_out_as_without_a_cache(tmp_path, seed):
    choices = random.Random(seed)
    cache = EncodingCache(tmp_path, "x.o")
    text = program(choices)
    for _ in range(25):
        options = {"debug_info": choices.random() < 0.2}
        if choices.random() < 0.2:
            options["symbols"] = {"number": choices.choice((3, 1 << 40))}
        assert outcome(text, encodings=cache, **options) == outcome(text, **options), text
        lines = text.splitlines()
        at = choices.randrange(len(lines) + 1)
        kept = lines[at + choices.randrange(3) :]
        text = "\n".join([*lines[:at], program(choices).rstrip(), *kept]) + "\n"
        if len(text) > 3000:
            text = program(choices)


def test_what_is_known_is_neither_encoded_nor_decoded_again(tmp_path):
    source = tmp_path / "x.s"
    source.write_text("    pushq %rbx\n    movl $5, 8(%rsp)\n    call f\n    popq %rbx\n    ret\n")
    code = (
        "import sys\n"
        "from orobuild.cli.commands import oro_as\n"
        "assert not oro_as.run([sys.argv[1], '-o', sys.argv[2]])\n"
        "print(*sorted({'ctypes', 'iced_x86._iced_x86_py', 'orobuild.assembler.unit'} & set(sys.modules)))\n"
    )

    def imported() -> str:
        environment = {"OROBUILD_ENCODING_CACHE": str(tmp_path / "cache"), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", code, source, tmp_path / "x.o"],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    assert imported() == "ctypes iced_x86._iced_x86_py orobuild.assembler.unit"
    assert imported() == ""  # not a byte has changed
    source.write_text(source.read_text().replace("    call f\n", "") + "    .quad 7\n")
    assert imported() == "orobuild.assembler.unit"  # every statement is known


def test_damage_is_noticed(tmp_path):
    text = "movl $5, %eax\njmp f\nmovq g(%rip), %rax\n"
    wanted = outcome(text)
    choices = random.Random(1)
    for turn in range(60):
        cache = EncodingCache(tmp_path, "x.o")
        assert outcome(text, encodings=cache) == wanted
        for file in tmp_path.iterdir():
            data = bytearray(file.read_bytes())
            if not data:
                continue  # the stamp
            if turn % 3:
                data[choices.randrange(len(data))] ^= 1 << choices.randrange(8)
            else:
                del data[choices.randrange(len(data)) :]
            file.write_bytes(data)


def test_encodings_of_another_version_are_not_believed(tmp_path, monkeypatch):
    text = "movl $5, %eax\n"
    outcome(text, encodings=EncodingCache(tmp_path, "x.o"))
    monkeypatch.setattr(encoding_cache, "_makers", lambda: "another version")
    other = EncodingCache(tmp_path, "x.o")
    assert other.load().slots == {}
    assert outcome(text, encodings=other) == outcome(text)


@pytest.mark.parametrize(
    "changed",
    ["diagnostics.py", "elf/relocatable.py", "assembler/output.py", "assembler/directives/data.py",
     "assembler/encoder/rows.py"],
)  # fmt: skip
def test_every_source_that_makes_the_object_is_told_apart(tmp_path, changed):
    package = tmp_path / "orobuild"
    shutil.copytree(Path(orobuild.__file__).parent, package)
    code = "from orobuild.assembler import encoding_cache; print(encoding_cache._makers())"

    def makers() -> str:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    before = makers()
    assert makers() == before
    with (package / changed).open("a") as source:
        source.write("# another\n")
    assert makers() != before


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    text = "movl $5, %eax\n"
    cache = EncodingCache(tmp_path / "file", "x.o")
    assert outcome(text, encodings=cache) == outcome(text)


def test_what_was_used_longest_ago_goes_when_all_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding_cache, "PRUNE_INTERVAL", 0)
    for number in range(6):
        outcome("nop\n" * 50, encodings=EncodingCache(tmp_path, f"{number}.o"))
        for file in tmp_path.iterdir():
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 100))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    monkeypatch.setattr(encoding_cache, "MAX_BYTES", size // 2)
    outcome("nop\n" * 50, encodings=EncodingCache(tmp_path, "new.o"))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= size // 2
    assert EncodingCache(tmp_path, "new.o").load().slots
    assert not EncodingCache(tmp_path, "0.o").load().slots


def test_a_file_that_is_used_is_not_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding_cache, "PRUNE_INTERVAL", 0)
    for name in ("old.o", "used.o"):
        outcome("nop\n", encodings=EncodingCache(tmp_path, name))
    long_ago = time.time() - 10 * 86400
    for file in tmp_path.iterdir():
        os.utime(file, (long_ago, long_ago))
    assert EncodingCache(tmp_path, "used.o").load().slots
    monkeypatch.setattr(encoding_cache, "MAX_BYTES", 1500)
    outcome("ret\n", encodings=EncodingCache(tmp_path, "new.o"))
    assert not EncodingCache(tmp_path, "old.o").load().slots
    assert EncodingCache(tmp_path, "used.o").load().slots


def test_files_that_others_write_are_left_alone_until_they_are_abandoned(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding_cache, "PRUNE_INTERVAL", 0)
    monkeypatch.setattr(encoding_cache, "MAX_BYTES", 0)
    young, old = tmp_path / "x.object.1.aa", tmp_path / "x.object.2.bb"
    for file in (young, old):
        file.write_bytes(b"partial")
    os.utime(old, (0, 0))
    outcome("nop\n", encodings=EncodingCache(tmp_path, "x.o"))
    assert young.exists()
    assert not old.exists()


def test_processes_that_share_a_cache_which_is_pruned_all_the_time_agree(tmp_path):
    code = (
        "import sys, random\n"
        "from orobuild import assembler\n"
        "from orobuild.assembler import encoding_cache as cache\n"
        "cache.PRUNE_INTERVAL = 0; cache.MAX_BYTES = 3000\n"
        "choices = random.Random(int(sys.argv[2]))\n"
        "for turn in range(60):\n"
        "    text = ''.join(f'movl ${choices.randrange(99)}, %eax\\n' for _ in range(9))\n"
        "    def made(encodings):\n"
        "        options = assembler.Options(strict=False, encodings=encodings)\n"
        "        return assembler.assemble(text, 'x.s', options, read_file=None).object\n"
        "    known = cache.EncodingCache(sys.argv[1], f'{turn % 3}.o')\n"
        "    assert made(known) == made(None)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, str(seed)]) for seed in range(3)
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]


def test_what_is_new_is_appended(tmp_path):
    cache = EncodingCache(tmp_path, "x.o")
    text = "".join(f"movl ${n}, %eax\n" for n in range(100))
    outcome(text, encodings=cache)
    (file,) = tmp_path.glob("*.encodings")
    before = file.read_bytes()
    for turn in range(40):
        text = f"addl ${turn}, %ebx\n{text}"
        assert outcome(text, encodings=cache) == outcome(text)
        if turn == 0:
            assert file.read_bytes().startswith(before)
            assert len(file.read_bytes()) < len(before) + 300
    assert cache.load().segments <= encoding_cache._SEGMENTS
    (slots,) = cache.load().slots.values()
    assert len(slots) == 140


def test_recipes_of_the_last_run_spare_the_encoder(tmp_path):
    source = tmp_path / "x.s"
    source.write_text("movl $5, %eax\n")
    code = (
        "import sys\n"
        "from orobuild.cli.commands import oro_as\n"
        "assert not oro_as.run([sys.argv[1], '-o', sys.argv[2]])\n"
        "print(*sorted({'ctypes', 'iced_x86._iced_x86_py'} & set(sys.modules)))\n"
    )

    def imported() -> str:
        environment = {"OROBUILD_ENCODING_CACHE": str(tmp_path / "cache"), "PATH": ""}
        return subprocess.run(
            [sys.executable, "-c", code, source, tmp_path / "x.o"],
            env=environment, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    assert imported() == "ctypes iced_x86._iced_x86_py"
    source.write_text("movl $6, %eax\nmovl $7, %eax\n")
    assert imported() == ""


def test_statements_that_are_gone_are_forgotten(tmp_path):
    cache = EncodingCache(tmp_path, "x.o")
    outcome("".join(f"movl ${n}, %eax\n" for n in range(100)), encodings=cache)
    outcome("movl $1, %eax\nmovl $1000, %eax\n", encodings=cache)
    (slots,) = cache.load().slots.values()
    assert set(slots) == {"movl $1, %eax", "movl $1000, %eax"}


def test_the_object_is_made_anew_when_an_included_file_changes(tmp_path):
    cache = EncodingCache(tmp_path / "cache", "x.o")
    included = {"text": b"nop\n"}
    options = assembler.Options(strict=False, encodings=cache)

    def made() -> bytes:
        return assembler.assemble(
            '.include "a.inc"\n', "x.s", options, read_file=lambda _: included["text"]
        ).object

    first = made()
    included["text"] = b"ret\n"
    assert made() != first


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"OROBUILD_ENCODING_CACHE": "off", "HOME": "/home/a"}, None),
        ({"OROBUILD_ENCODING_CACHE": "/var/e", "HOME": "/home/a"}, "/var/e"),
        ({"XDG_CACHE_HOME": "/var/c", "HOME": "/home/a"}, "/var/c/orobuild/encodings"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/orobuild/encodings"),
        ({}, None),
    ],
)
def test_where_it_is(environment, wanted):
    found = user_cache.directory(environment)
    assert (found and str(found)) == wanted
