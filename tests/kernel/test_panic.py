"""The kernel's last words, for each way of failing, on whichever core."""

from __future__ import annotations

import subprocess

import pytest

from orobuild.debug import crash
from orobuild.elf import reader
from orobuild.elf.places import SourcePlaces
from orobuild.lint import LintConfig
from orobuild.lint.program import Program
from orobuild.machine import Verdict
from orobuild.pipeline.build import Request, build
from orobuild.project import load


def panic_of(report):
    assert report.verdict is Verdict.PANIC, report.reason
    assert report.panic.complete
    return report.panic.values


def test_a_page_fault_is_dumped_with_its_walk(built, boot):
    values = panic_of(boot(built.kernel, "crash=page"))
    assert values["vector"] == "14"
    assert values["name"] == "#PF"
    assert values["error"] == "0x0"
    assert values["cr2"] == "0x1234"
    assert values["walk"] == "pml5e"  # the machine has LA57
    assert values["present"] == "0"
    assert {"rax", "r15", "cr0", "cr3", "cr4", "efer", "rflags", "rsp"} <= values.keys()


def test_an_exception_before_the_tables_are_loaded_is_caught_too(built, boot):
    values = panic_of(boot(built.kernel, "crash=early"))
    assert values["reason"] == "early-exception"
    assert values["name"] == "#PF"
    assert values["cr2"] == "0x700000001234"


def test_a_stack_overflow_meets_the_guard_page_and_is_a_double_fault(built, boot):
    values = panic_of(boot(built.kernel, "crash=stack"))
    assert values["name"] == "#DF"
    # The push that found no room is just below the stack's lowest page.
    assert int(values["rsp"], 16) % 4096 == 0
    assert int(values["cr2"], 16) == int(values["rsp"], 16) - 8


def test_a_failed_check_says_why(built, boot):
    values = panic_of(boot(built.kernel, "crash=check"))
    assert values["reason"] == "the command line asked for it: crash=check"


def test_a_frame_that_is_given_back_twice_is_noticed(built, boot):
    values = panic_of(boot(built.kernel, "crash=free-twice"))
    assert "which is not allocated" in values["reason"]


def test_a_frame_that_is_written_after_its_free_is_noticed_in_debug(copy_kernel, tmp_path, boot):
    kernel = build(load(copy_kernel(tmp_path)), Request(profile="debug")).kernel
    values = panic_of(boot(kernel, "crash=use-after-free"))
    assert "was written after it was freed: 0x0 at offset 0x320" in values["reason"]


@pytest.mark.parametrize("cores", [1, 4])
def test_the_last_core_can_be_the_one_that_speaks(built, boot, cores):
    report = boot(built.kernel, "crash=tick", cores=cores)
    values = panic_of(report)
    assert values["core"] == str(cores - 1)
    assert values["name"] == "#UD"
    # The others were stopped: nothing comes between the markers, or after them.
    begin = report.lines.index("oro: panic-begin")
    assert all(line.startswith("oro: ") for line in report.lines[begin:] if line)


def test_the_backtrace_names_the_callers(built, boot, tool):
    report = boot(built.kernel, "crash=check")
    addresses = [
        fact.values["address"] for fact in report.panic.facts if "backtrace" in fact.values
    ]
    names = subprocess.run(
        [tool("addr2line"), "-fe", built.kernel, *addresses],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "kernel_main" in names


def test_a_real_panic_is_decoded_to_its_source_line_and_the_flag_that_denied(built, boot):
    report = boot(built.kernel, "crash=page")
    program = Program(reader.read(built.kernel.read_bytes(), str(built.kernel)), LintConfig())
    found = crash.understand(report.panic, program, SourcePlaces(program.elf))
    assert found.at.places[0].file == "kernel/test/crash.c"
    assert (found.denied.flag, found.denied.level.name) == ("present", "pml5e")
    assert found.backtrace[-1].location.symbol.name == "kernel_main"
    assert found.complete
