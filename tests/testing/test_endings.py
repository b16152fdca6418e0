"""Every way in which a boot can end is a result of its own kind, with its evidence. On real machines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orobuild.machine import firmware
from orobuild.testing.outcome import Kind
from testing.parrot import CELL, HERE, TWO_SUITES


def kinds(cell):
    return {result.name: result.kind for result in cell.results}


def line_of(statement):
    """Where a statement of the kernel is."""
    lines = (HERE / "parrot.S").read_text().splitlines()
    (number,) = [n for n, line in enumerate(lines, 1) if line.strip() == statement]
    return number


def result_of(cell, name):
    (found,) = (result for result in cell.results if result.name == name)
    return found


def test_suites_that_pass(parrot):
    cell = parrot.say(TWO_SUITES + "@p")
    assert kinds(cell) == dict.fromkeys(("frames/order", "frames/spare", "smp/wakes"), Kind.PASSED)
    assert cell.passed
    assert cell.suites == ("frames", "smp")
    assert cell.log.read_text() == TWO_SUITES
    assert cell.log.parent == parrot.built.project.root / "build/release/test"


@pytest.mark.parametrize("text", ["hello\n@p", "hello\noro: verdict=pass\n@p"])
def test_a_kernel_without_ktap_passes_by_its_exit_status(parrot, text):
    assert kinds(parrot.say(text)) == {"[boot]": Kind.PASSED}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@f", "the kernel says that it failed"),
        ("oro: verdict=fail reason=frames-lost\n@f", "frames-lost"),
        (
            "oro: verdict=fail reason=frames-lost\n@p",
            "exit status says pass, the console says fail",
        ),
        ("@z", "the emulator ended with status 1 and no verdict (test.pass-exit-status"),
    ],
)
def test_a_kernel_that_says_that_it_failed(parrot, text, reason):
    result = result_of(parrot.say(text), "[boot]")
    assert result.kind is Kind.FAILED
    assert reason in result.reason


def test_an_exit_status_that_the_configuration_calls_a_pass(parrot):
    assert parrot.say(TWO_SUITES + "@z", pass_exit_status=[1]).passed
    assert parrot.say("@z", pass_exit_status=[1]).passed


def test_a_case_that_fails_has_its_place_and_is_the_only_result_of_that(parrot):
    text = (
        "KTAP version 1\n1..2\nok 1 good\n# mm/frames.c:40: order is 0x3, not 0x2\nnot ok 2 bad\n@f"
    )
    cell = parrot.say(text)
    assert kinds(cell) == {"good": Kind.PASSED, "bad": Kind.FAILED}
    bad = result_of(cell, "bad")
    assert (bad.place.file, bad.place.line) == ("mm/frames.c", 40)
    assert bad.reason == "mm/frames.c:40: order is 0x3, not 0x2"


def test_directives_are_kinds(parrot):
    cell = parrot.say(
        "KTAP version 1\n1..5\nok 1 a # SKIP no such device\nnot ok 2 b # TODO\n"
        "ok 3 c # XFAIL\nnot ok 4 d # TIMEOUT 3 s\nnot ok 5 e # ERROR no memory\n@f"
    )
    assert kinds(cell) == {
        "a": Kind.SKIPPED,
        "b": Kind.EXPECTED_FAILURE,
        "c": Kind.EXPECTED_FAILURE,
        "d": Kind.TIMED_OUT,
        "e": Kind.ERROR,
    }
    assert result_of(cell, "a").reason == "no such device"


def test_a_hang_names_the_function_that_hangs_and_what_did_not_run(parrot):
    text = TWO_SUITES[: TWO_SUITES.index("ok 1 frames")] + "@h"
    cell = parrot.say(text, timeout=4)
    hang = result_of(cell, "[boot]")
    assert (hang.kind, hang.reason) == (Kind.HANG, "no end within 4 s")
    assert [line for line in hang.evidence if line.startswith("cpu 0: ") and " hang " in line]
    assert "parrot.S:" in hang.evidence[0]
    assert "interrupts off" in hang.evidence[0]
    assert kinds(cell)["test 2"] is Kind.MISSING
    truncated = result_of(cell, "[ktap]")
    assert (truncated.kind, truncated.reason) == (Kind.TRUNCATED, "the log ends in frames/test 3")
    assert "RIP=" in cell.log.with_suffix(".registers").read_text() or "EIP=" in (
        cell.log.with_suffix(".registers").read_text()
    )


def test_a_case_that_takes_too_long_is_told_from_a_boot_that_does(parrot):
    cell = parrot.say("KTAP version 1\n1..2\nok 1 a\n", case_timeout=2.0)
    assert kinds(cell) == {
        "a": Kind.PASSED,
        "test 2": Kind.TIMED_OUT,
        "[boot]": Kind.HANG,
        "[ktap]": Kind.TRUNCATED,
    }
    assert result_of(cell, "test 2").reason == "no result of test 2 within 2 s"
    assert cell.seconds < 50


def test_a_triple_fault_in_the_middle(parrot):
    cell = parrot.say("KTAP version 1\n1..2\nok 1 a\n@t")
    reset = result_of(cell, "[boot]")
    assert reset.kind is Kind.RESET
    assert f"triple_fault+0x7 parrot.S:{line_of('int3')} (ring 0" in reset.evidence[0]
    assert kinds(cell)["[ktap]"] is Kind.TRUNCATED


def test_a_panic_in_the_middle_is_decoded(parrot):
    address = parrot.address_of("hang")
    text = (
        "KTAP version 1\n1..2\nok 1 a\n"
        f"oro: panic-begin\noro: vector=6 name=#UD error=0x0 rip={address:#x}\noro: panic-end\n"
    )
    cell = parrot.say(text)
    panic = result_of(cell, "[boot]")
    assert panic.kind is Kind.PANIC
    assert "#UD" in panic.reason
    assert (panic.place.file, panic.place.line) == ("parrot.S", line_of("jmp hang"))
    evidence = "\n".join(panic.evidence)
    assert "parrot.S" in evidence
    assert "hang" in evidence
    assert kinds(cell)["test 2"] is Kind.MISSING


def test_a_loaders_error(parrot):
    result = result_of(parrot.say('oro: loader-error="no kernel"\n'), "[boot]")
    assert (result.kind, result.reason) == (Kind.LOADER_ERROR, "no kernel")


def test_a_power_off_is_an_end_after_the_plan_and_not_before(parrot):
    assert parrot.say(TWO_SUITES + "@o").passed
    cut = parrot.say(TWO_SUITES[:-9] + "@o")
    assert kinds(cut)["[boot]"] is Kind.POWER_OFF
    assert kinds(cut)["[ktap]"] is Kind.TRUNCATED
    assert not parrot.say(TWO_SUITES + "@o", ends_with="exit").passed


def test_a_reset_is_an_end_only_if_the_configuration_says_so(parrot):
    cell = parrot.say(TWO_SUITES + "@t")
    assert 'test.ends-with = "reset"' in result_of(cell, "[boot]").reason
    assert parrot.say(TWO_SUITES + "@t", ends_with="reset").passed


def test_a_plan_that_promises_more_than_was_run(parrot):
    cell = parrot.say("KTAP version 1\n1..3\nok 1 a\nok 2 b\n@p")
    plan = result_of(cell, "[ktap]")
    assert (plan.kind, plan.reason) == (Kind.PLAN, "3 tests were planned, 2 reported")
    assert kinds(cell)["test 3"] is Kind.MISSING
    assert not cell.passed


def test_a_protocol_that_is_not_kept(parrot):
    cell = parrot.say("KTAP version 1\n1..2\nok 1 a\nok 1 a\n@p")
    result = result_of(cell, "[ktap]")
    assert (result.kind, result.reason) == (Kind.PROTOCOL, "a: result 1 where 2 was expected")


def test_a_suite_that_fails_without_a_case_that_does(parrot):
    text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 1 a\nnot ok 1 set-up\n@p"
    cell = parrot.say(text)
    assert result_of(cell, "set-up").kind is Kind.FAILED
    assert "no case of it says why" in result_of(cell, "set-up").reason


def test_a_kernel_that_never_ends_is_stopped_when_the_plan_is_kept(parrot):
    assert parrot.say(TWO_SUITES, ends_with="plan").passed
    assert parrot.say(TWO_SUITES).passed  # after some silence
    hang = parrot.say(TWO_SUITES, ends_with="exit", timeout=4)
    assert kinds(hang)["[boot]"] is Kind.HANG


def test_a_line_of_the_kernels_own_is_a_pass_or_a_failure(parrot):
    assert parrot.say("all 12 tests passed!\n", success="tests passed").passed
    cell = parrot.say("ok so far\nBUG: spinlock\n", success="done", failure=["BUG:"])
    result = result_of(cell, "[boot]")
    assert (result.kind, result.reason) == (Kind.FAILED, "the console says: BUG: spinlock")


def test_firmware_that_is_missing_is_a_result_and_alone_has_status_2(parrot, monkeypatch):
    monkeypatch.setattr(firmware, "_PAIRS", ())
    uefi = replace(CELL, boot="disk", firmware="uefi")
    run = parrot.run("@p", uefi)
    (result,) = run.cells[0].results
    assert result.kind is Kind.NOT_STARTED
    assert result.reason == "OVMF, UEFI firmware for QEMU, is not installed"
    assert "apt install ovmf" in "\n".join(result.evidence)
    assert run.status == 2
    assert parrot.run("@f", uefi, CELL).status == 1


def test_an_emulator_that_refuses_its_machine_says_why(parrot):
    cell = parrot.run("@p", replace(CELL, cpu="no-such-cpu")).cells[0]
    (result,) = cell.results
    assert result.kind is Kind.NOT_STARTED
    assert "no-such-cpu" in "\n".join(result.evidence)


def test_a_medium_that_was_not_made_is_said_to_be_that(parrot):
    (result,) = parrot.run("@p", replace(CELL, boot="disk")).cells[0].results
    assert "makes no disk to boot" in result.reason
