"""Booting in QEMU: every way to end is recognised, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orobuild.errors import MissingToolError, UsageError
from orobuild.machine import Accelerator, Qemu, Verdict
from orobuild.machine import boot as boot_machine
from orobuild.machine.qemu import kvm_works

TRIPLE_FAULT = """
    movl $0x12345678, %ebx
    lidt none
    int $3
none: .word 0; .long 0
"""


def emulators_of(disk):
    """The process ids of the emulators that have this disk on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"qemu-system" in words[0] and any(str(disk).encode() in w for w in words):
                found.append(int(entry.name))
    return found


def wait_until(condition, seconds=10.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def test_a_kernel_that_passes(boot):
    report = boot('say "hello\\r\\noro: verdict=pass\\n"; movb $0x10, %al; jmp exit')

    assert report.verdict is Verdict.PASS
    assert report.passed
    assert report.exit_status == 33
    assert report.lines == ("hello", "oro: verdict=pass")
    assert report.reason == ""
    assert 0 < report.seconds < 20


def test_a_kernel_that_fails(boot):
    report = boot("movb $0x11, %al; jmp exit")

    assert (report.verdict, report.exit_status) == (Verdict.FAIL, 35)
    assert not report.passed


def test_the_reason_that_a_failing_kernel_gives_is_the_reports(boot):
    report = boot(
        'say "oro: verdict=fail reason=programs-not-finished\\n"; movb $0x11, %al; jmp exit'
    )

    assert (report.verdict, report.reason) == (Verdict.FAIL, "programs-not-finished")


def test_a_kernel_that_says_fail_and_exits_with_pass_has_failed(boot):
    report = boot('say "oro: verdict=fail\\n"; movb $0x10, %al; jmp exit')

    assert report.verdict is Verdict.FAIL
    assert "the console says fail" in report.reason


@pytest.mark.parametrize("value", [0, 1, 0x12])
def test_another_exit_status_is_a_failure_that_names_it(boot, value):
    report = boot(f'say "x"; movb ${value}, %al; jmp exit')

    assert report.verdict is Verdict.FAIL
    assert f"status {value << 1 | 1}" in report.reason


def test_a_panic_ends_the_boot_without_waiting_for_the_timeout(boot):
    report = boot('say "oro: panic-begin\\noro: vector=14\\noro: panic-end\\nmore\\n"; jmp stop')

    assert report.verdict is Verdict.PANIC
    assert report.reason == "vector=14"
    assert report.panic.values == {"vector": "14"}
    assert report.lines[-1] == "more"
    assert report.seconds < 10
    assert report.exit_status is None
    assert "EIP=" in report.registers


def test_a_panic_that_hangs_in_the_middle_is_a_panic(boot):
    report = boot('say "oro: panic-begin\\noro: vector=14\\n"; jmp stop', timeout=4)

    assert report.verdict is Verdict.PANIC
    assert "cut off" in report.reason


def test_a_loader_error_is_told_apart_from_the_kernels(boot):
    report = boot('say "Bad disk.\\noro: loader-error=disk-read\\n"; jmp stop')

    assert (report.verdict, report.reason) == (Verdict.LOADER_ERROR, "disk-read")
    assert report.lines[0] == "Bad disk."


def test_a_triple_fault_is_a_reset_with_the_registers_that_led_to_it(boot):
    report = boot(f'say "about to\\n"; {TRIPLE_FAULT}')

    assert report.verdict is Verdict.RESET
    assert report.lines == ("about to",)
    assert "EBX=12345678" in report.registers


def test_a_kernel_that_hangs_is_stopped_and_its_registers_are_kept(boot):
    report = boot('say "no end"; movl $0xabcdef, %ebx; jmp stop', timeout=4)

    assert report.verdict is Verdict.HANG
    assert "4 s" in report.reason
    assert report.lines == ("no end",)  # the unfinished line too
    assert "EBX=00abcdef" in report.registers
    assert 4 <= report.seconds < 15


def test_registers_of_every_processor_are_kept(boot):
    report = boot("jmp stop", timeout=3, fields={"cores": 3})

    assert [f"CPU#{n}" in report.registers for n in range(4)] == [True, True, True, False]


def test_a_power_off_without_a_verdict_is_no_pass(boot):
    # ACPI PM1a control of q35 at 0x604: S5 with sleep enable
    report = boot(
        "movw $0x604, %dx; movw $0x2000, %ax; outw %ax, %dx; jmp stop", fields={"machine": "pc"}
    )

    assert report.verdict is Verdict.POWER_OFF


def test_lines_come_one_by_one_while_the_machine_runs(boot):
    seen = []

    report = boot(
        'say "one\\r\\ntwo\\n\\nthree"; movb $0x10, %al; jmp exit',
        on_line=seen.append,
    )

    assert seen == ["one", "two", "", "three"] == list(report.lines)


def test_bytes_that_are_no_text_are_shown_as_such(boot):
    report = boot('say "a\\377b\\n"; movb $0x10, %al; jmp exit')

    assert report.lines == ("a\N{REPLACEMENT CHARACTER}b",)


def test_a_line_without_an_end_does_not_grow_for_ever(boot):
    report = boot('1: say "xxxxxxxxxxxxxxxx"; jmp 1b', timeout=3)

    assert report.verdict is Verdict.HANG
    assert all(len(line) <= 65536 for line in report.lines)


def test_a_screenshot_shows_what_was_on_the_screen(boot, tmp_path):
    picture = tmp_path / "screen, with a comma.png"

    boot('movw $0x0e41, %ax; int $0x10; say "oro: loader-error=x\\n"; jmp stop', screenshot=picture)

    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (720, 400)


def test_a_disk_is_never_written_to(boot, sector):
    # BIOS function 03h: write one sector, of zeros
    body = """
    movw $0x0301, %ax; movw $1, %cx; movb $0, %dh; xorw %bx, %bx; movw %bx, %es; movw $0x9000, %bx
    int $0x13; jc 9f; say "written\\n"; 9: movb $0x10, %al; jmp exit
    """
    before = sector(body).read_bytes()

    report = boot(body)

    assert report.lines == ("written",)
    assert sector(body).read_bytes() == before


def test_a_path_with_a_comma_boots(sector, tmp_path):
    disk = sector("movb $0x10, %al; jmp exit").rename(tmp_path / "a,b=c.img")

    assert boot_machine(Qemu(disk=disk), timeout=20).passed


def test_ctrl_c_leaves_no_emulator(sector):
    disk = sector('say "running\\n"; jmp stop')

    def interrupt(line):
        assert emulators_of(disk)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        boot_machine(Qemu(disk=disk), timeout=30, on_line=interrupt)

    wait_until(lambda: not emulators_of(disk))


def test_a_caller_that_is_killed_leaves_no_emulator(sector, root):
    disk = sector('say "running\\n"; jmp stop')
    program = (
        "import sys; from pathlib import Path; from orobuild.machine import Qemu, boot\n"
        "boot(Qemu(disk=Path(sys.argv[1])), timeout=60, on_line=lambda l: print(l, flush=True))\n"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program, disk],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root / "toolchain")},
    )
    with caller:
        assert caller.stdout.readline() == b"running\n"
        assert emulators_of(disk)
        caller.send_signal(signal.SIGKILL)

    wait_until(lambda: not emulators_of(disk))


def test_an_emulator_that_is_killed_is_a_crash(sector):
    disk = sector('say "running\\n"; jmp stop')

    report = boot_machine(
        Qemu(disk=disk),
        timeout=30,
        on_line=lambda line: [os.kill(pid, signal.SIGKILL) for pid in emulators_of(disk)],
    )

    assert report.verdict is Verdict.CRASH
    assert "signal 9" in report.reason


def test_boots_at_the_same_time_do_not_disturb_each_other(sector):
    from concurrent.futures import ThreadPoolExecutor

    disk = sector('say "x\\n"; movb $0x10, %al; jmp exit')

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: boot_machine(Qemu(disk=disk), timeout=30), range(8)))

    assert [r.verdict for r in reports] == [Verdict.PASS] * 8


def test_a_missing_emulator_names_the_commands_that_install_it(sector):
    with pytest.raises(MissingToolError) as refused:
        boot_machine(Qemu(disk=sector("jmp stop"), binary="qemu-system-none"), timeout=5)

    assert refused.value.exit_status == 2
    for command in ("apt install", "dnf install", "pacman -S", "brew install"):
        assert command in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"machine": "nonsense"}, "unsupported machine type"),
        ({"cpu": "nonsense"}, "nonsense"),
        ({"extra": ("-no-such-option",)}, "invalid option"),
    ],
)
def test_a_machine_that_qemu_refuses_is_wrong_usage_in_its_words(sector, fields, said):
    with pytest.raises(UsageError) as refused:
        boot_machine(Qemu(disk=sector("jmp stop"), **fields), timeout=10)

    assert said in str(refused.value)


def test_a_missing_medium_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="no such file to boot"):
        boot_machine(Qemu(disk=tmp_path / "none.img"), timeout=5)


@pytest.mark.parametrize("fields", [{}, {"disk": Path("a"), "kernel": Path("b")}])
def test_a_machine_boots_one_thing(fields):
    with pytest.raises(UsageError, match="either a disk or a kernel"):
        boot_machine(Qemu(**fields), timeout=5)


def test_a_machine_describes_itself(sector):
    disk = sector("jmp stop")

    described = Qemu(disk=disk, machine="pc", cpu="qemu64", cores=4, memory_mib=64).describe()

    assert described == "QEMU pc, cpu qemu64, 4 cores, 64 MiB, TCG, ide disk"


@pytest.mark.parametrize("accelerator", [Accelerator.KVM, Accelerator.AUTO])
def test_kvm_is_used_only_where_it_works(boot, accelerator):
    body = "movb $0x10, %al; jmp exit"
    fields = {"accelerator": accelerator}
    if accelerator is Accelerator.AUTO or kvm_works():
        assert boot(body, fields=fields).passed
    else:
        with pytest.raises(UsageError, match="KVM does not work here"):
            boot(body, fields=fields)
