"""The defect that this project exists for: control reaches a byte that is not executable.

An interrupt stub landed in a read-only data segment; every linker accepted it, and the first
timer interrupt was a page fault with error code 0x11 whose `cr2` was the instruction itself.
"""

from __future__ import annotations

import subprocess

import pytest

from gdb_session import run_gdb
from orobuild import machine
from orobuild.elf import reader
from orobuild.errors import InputError

SYMBOL = "_oro_isr_common_novec"
WAYS = ("no-section-line", "no-flags", "script")


def test_the_unbroken_kernel_builds(kernel_with):
    assert kernel_with(None).build(unchecked=False).findings == ()


@pytest.mark.parametrize(
    ("way", "stage", "place"),
    [
        ("no-section-line", "asm/isr_common.S", "segment 2 (R, "),
        ("no-flags", "asm/isr_common.S", "no segment"),
        ("script", "linker_scripts/kernel.ld", "segment 0 (R, "),
    ],
)
def test_each_way_fails_the_build_at_the_first_stage_that_can_know(kernel_with, way, stage, place):
    kernel = kernel_with(way)
    with pytest.raises(InputError) as caught:
        kernel.build(unchecked=False)
    said = str(caught.value)
    first = caught.value.diagnostics[0]
    assert first.rule.startswith("strict-")
    assert first.span.path == stage
    assert SYMBOL in said
    assert place in said
    assert "jmp" in said
    assert "_oro_isr_handler_32_novec" in said
    assert not (kernel.root / "build" / kernel.profile).exists()


@pytest.mark.parametrize("way", WAYS)
def test_gnu_ld_with_fatal_warnings_accepts_each_way(kernel_with, way, tool, tmp_path):
    kernel = kernel_with(way)
    names = []
    for path, data in kernel.objects().items():
        file = tmp_path / "objects" / f"{path}.o"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        names.append(file)
    output = tmp_path / "gnu.elf"
    script = kernel.root / "linker_scripts" / "kernel.ld"
    # GNU as marks no stack in hand-written assembly; -z noexecstack says what we mean.
    flags = ["--fatal-warnings", "-z", "noexecstack"]
    linked = subprocess.run(
        [tool("ld"), *flags, "-T", script, "-o", output, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linked.returncode == 0, linked.stderr
    assert linked.stderr == ""
    assert not in_executable_segment(output.read_bytes(), SYMBOL)


def in_executable_segment(data: bytes, name: str) -> bool:
    elf = reader.read(data, "image")
    address = next(s.st_value for s in elf.symbols if s.name == name)
    return any(
        s.p_flags & 1 and s.p_vaddr <= address < s.p_vaddr + s.p_memsz
        for s in elf.segments
        if s.p_type == 1
    )


@pytest.mark.parametrize("way", ["no-section-line", "script"])
def test_unchecked_it_boots_and_faults_like_the_original(kernel_with, way):
    built = kernel_with(way).build(unchecked=True)
    elf = reader.read(built.kernel.read_bytes(), "kernel")
    address = next(s.st_value for s in elf.symbols if s.name == SYMBOL)

    report = machine.boot(machine.Qemu(disk=built.disk, cores=4), timeout=60)

    assert report.verdict is machine.Verdict.PANIC, "\n".join(report.lines)
    facts = report.panic.values
    assert int(facts["vector"]) == 14
    # The script's way puts it into the boot segment, whose pages are gone by then: not present.
    assert int(facts["error"], 16) == (0x10 if way == "script" else 0x11)
    assert int(facts["cr2"], 16) == address
    assert int(facts["rip"], 16) == address


def test_the_debugger_shows_the_misplaced_code_at_one_glance(kernel_with):
    """In GDB, stopped before the first timer interrupt: `oro isr` and `oro tt` name the bit, NX."""
    built = kernel_with("no-section-line").build(unchecked=True)
    commands = ["hbreak _oro_resume_user", "continue", "oro isr", f"oro tt v {SYMBOL}"]
    said = run_gdb(built.kernel, commands, arguments=["--append", "run=forever", "--cores", "1"])
    summary = said["oro isr"].splitlines()[0]
    assert "224 cannot be executed: 32, 33" in summary
    row = next(
        line for line in said["oro isr"].splitlines() if "handler_*_novec" in line and "NX" in line
    )
    assert f"NX: {SYMBOL}" in row
    assert ".rodata R" in row
    assert "kernel     r--" in said[f"oro tt v {SYMBOL}"]
    assert " XD" in said[f"oro tt v {SYMBOL}"]
