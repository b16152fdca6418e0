"""The kernel's last words, for each way of failing, on whichever core."""

from __future__ import annotations

import re
import subprocess

import pytest

from kernel.live import LiveMachine
from orobuild.debug import crash
from orobuild.elf import reader
from orobuild.elf.build_id import build_id
from orobuild.elf.places import SourcePlaces
from orobuild.lint import LintConfig
from orobuild.lint.program import Program
from orobuild.machine import Verdict
from orobuild.pipeline.build import Request, build
from orobuild.project import load
from stages import build_stages


def panic_of(report):
    assert report.verdict is Verdict.PANIC, report.reason
    assert report.panic.complete
    return report.panic.values


def test_a_page_fault_is_dumped_with_its_walk(built, boot):
    report = boot(built.kernel, "crash=page")
    values = panic_of(report)
    (machine,) = report.console.of_kind("boot")
    top = f"pml{machine.values['paging']}e"
    assert values["vector"] == "14"
    assert values["name"] == "#PF"
    assert values["error"] == "0x0"
    assert values["cr2"] == "0x1234"
    assert values["walk"] == top
    assert values["present"] == "0"
    assert (values["denied"], values["by"]) == ("present", top)
    assert values["meaning"] == "the kernel read from a page that is not mapped"
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


def places(report, kind):
    return [
        (int(fact.values["address"], 16), fact.values["symbol"])
        for fact in report.panic.facts
        if fact.kind == kind
    ]


@pytest.mark.parametrize("kind", ["check", "page", "early", "stack", "tick"])
def test_the_backtrace_names_the_callers(built, boot, tool, kind):
    """The kernel's own table and the symbol table say the same."""
    found = places(boot(built.kernel, f"crash={kind}"), "backtrace")
    assert found
    returns = [
        address - (1 if number or kind == "check" else 0)
        for number, (address, _) in enumerate(found)
    ]
    listed = subprocess.run(
        [tool("nm"), "-n", built.kernel], capture_output=True, text=True, check=True
    ).stdout
    code = [line.split() for line in listed.splitlines() if line.split()[1] in "tT"]
    names = [[n for a, _, n in code if int(a, 16) <= address][-1] for address in returns]
    assert [symbol.split("+")[0] for _, symbol in found] == names
    assert {"interrupt_entry", "kernel_main"} & set(names)


def test_a_real_panic_is_decoded_to_its_source_line_and_the_flag_that_denied(built, boot):
    report = boot(built.kernel, "crash=page")
    program = Program(reader.read(built.kernel.read_bytes(), str(built.kernel)), LintConfig())
    found = crash.understand(report.panic, program, SourcePlaces(program.elf))
    assert found.at.places[0].file == "kernel/test/crash.c"
    assert (found.denied.flag, found.denied.level.name) == ("present", "pml5e")
    assert found.backtrace[-1].location.symbol.name == "kernel_main"
    assert found.complete
    assert report.panic.values["build-id"] == build_id(program.elf).hex()


@pytest.mark.full
def test_another_linkers_kernel_prints_addresses(built, boot, profile, tool, root, tmp_path):
    stages = build_stages(load(root), "kernel", cache=tmp_path / "cache", profile=profile)
    objects = []
    for number, made in enumerate(stages.objects):
        objects.append(tmp_path / f"{number}.o")
        objects[-1].write_bytes(made.data)
    kernel = tmp_path / "gnu.elf"
    command = [tool("ld"), "-z", "noexecstack", "-T", root / "linker_scripts/kernel.ld"]
    subprocess.run([*command, "-o", kernel, *objects], check=True, cwd=tmp_path)
    found = places(boot(kernel, "crash=check"), "backtrace")
    assert len(found) >= 2
    assert {symbol for _, symbol in found} == {"?"}


def test_the_other_cores_are_stopped_and_say_where(built, boot):
    report = boot(built.kernel, "crash=tick", cores=4)
    stopped = [fact.values for fact in report.panic.facts if fact.kind == "stopped"]
    assert [s["index"] for s in stopped] == ["0", "1", "2"]
    assert {s["stopped"] for s in stopped} == {"yes"}
    assert {s["doing"] for s in stopped} <= {"program", "idle", "kernel"}
    programs = [s for s in stopped if s["doing"] == "program"]
    assert all(int(s["pid"]) > 0 and s["program"] for s in programs)
    assert all(0x400000 <= int(s["at"], 16) < 0x800000 for s in programs)


def test_a_panic_is_heard_above_cores_that_print_all_the_time(built, boot):
    report = boot(built.kernel, "crash=chatter", cores=4)
    values = panic_of(report)
    assert values["name"] == "#UD"
    begin = report.lines.index("oro: panic-begin")
    assert all(line.startswith("oro: ") for line in report.lines[begin:] if line)
    stopped = [fact.values for fact in report.panic.facts if fact.kind == "stopped"]
    assert {(s["stopped"], s["doing"]) for s in stopped} == {("yes", "kernel")}
    assert "printk" in {s.split("+")[0] for _, s in places(report, "stopped_backtrace")}


def test_an_nmi_in_the_middle_of_printing_can_be_a_panic(built, boot):
    report = boot(built.kernel, "crash=nmi", cores=2)
    values = panic_of(report)
    assert values["reason"] == "the command line asked for it: crash=nmi"
    assert (values["core"], report.panic.complete) == ("0", True)


def test_a_fault_in_the_panic_is_told_and_ends_it(built, boot):
    report = boot(built.kernel, "crash=again")
    values = panic_of(report)
    assert values["reason"] == "the command line asked for it: crash=again"
    assert (values["nested"], values["nested_name"]) == ("exception", "#PF")
    assert values["nested_cr2"] == "0xffffff7000000000"


def test_nmis_while_a_core_prints_lose_and_mix_no_line(built, boot):
    report = boot(built.kernel, "nmi=print", cores=2, timeout=120)
    assert report.passed, report.reason
    said = [line for line in report.lines if line.startswith("oro: nmi")]
    whole = re.compile(
        r"oro: nmi core_index=0 ring=[03] rip=0x[0-9a-f]+ rsp=0x[0-9a-f]+ symbol=\S+"
    )
    assert len(said) >= 3
    assert all(whole.fullmatch(line) for line in said), said
    chatter = [line for line in report.lines if "chatter" in line]
    assert all(re.fullmatch(r"chatter of core 0, line \d+", line) for line in chatter)
    numbers = [int(line.split()[-1]) for line in chatter]
    assert numbers == [n % 4 for n in range(len(numbers))], "a line was lost"


def test_the_button_shows_what_a_core_does(built, tmp_path):
    with LiveMachine(tmp_path, "-kernel", built.kernel, "-append", "run=forever") as live:
        live.wait_for("exited")
        live.ask("inject-nmi")
        live.wait_for("oro: nmi core_index=")
