"""Booting in Bochs: the same results as in QEMU, from a machine that cannot be told to exit."""

from __future__ import annotations

import sys

import pytest

from orobuild.errors import MissingToolError, UsageError
from orobuild.machine import Bochs, Verdict
from orobuild.machine import boot as boot_machine

# Bochs's serial port starts at five bits a byte.
INIT_8N1 = "movw $0x3fb, %dx; movb $3, %al; outb %al, %dx;"


@pytest.fixture
def run(boot):
    def start(body, timeout=60, **fields):
        return boot(INIT_8N1 + body, kind=Bochs, timeout=timeout, fields=fields)

    return start


def test_a_kernel_that_says_pass(run):
    report = run('say "hello\\r\\noro: verdict=pass\\n"; jmp stop', cores=2)

    assert report.verdict is Verdict.PASS
    assert report.lines == ("hello", "oro: verdict=pass")


def test_a_kernel_that_says_fail(run):
    report = run('say "oro: verdict=fail reason=x\\n"; jmp stop')

    assert (report.verdict, report.reason) == (Verdict.FAIL, "x")


def test_a_panic(run):
    report = run('say "oro: panic-begin\\noro: vector=14\\noro: panic-end\\n"; jmp stop')

    assert (report.verdict, report.reason) == (Verdict.PANIC, "vector=14")


def test_a_triple_fault_is_a_reset_with_the_registers_that_led_to_it(run):
    report = run(
        'say "about to\\n"; movl $0x12345678, %ebx; lidt none; int $3; none: .word 0; .long 0'
    )

    assert report.verdict is Verdict.RESET
    assert report.lines == ("about to",)
    assert "12345678" in report.registers


def test_a_hang(run):
    report = run('say "no end"; jmp stop', timeout=8)

    assert report.verdict is Verdict.HANG
    assert report.lines == ("no end",)


def test_a_configuration_that_bochs_refuses_is_wrong_usage_in_its_words(run):
    with pytest.raises(UsageError) as refused:
        run("jmp stop", cpu="nonsense")

    assert "cpu directive malformed" in str(refused.value)


def test_the_disk_is_not_written_to_and_no_lock_stays(run, sector, tmp_path):
    body = """
    movw $0x0301, %ax; movw $1, %cx; movw $0x80, %dx; xorw %bx, %bx; movw %bx, %es; movw $0x9000, %bx
    int $0x13; jc 9f; say "written\\n"; 9: say "oro: verdict=pass\\n"; jmp stop
    """
    before = sector(INIT_8N1 + body).read_bytes()
    files = set(tmp_path.iterdir())

    assert run(body).lines[0] == "written"

    assert sector(INIT_8N1 + body).read_bytes() == before
    assert set(tmp_path.iterdir()) == files


def test_an_image_of_odd_size_is_refused_with_a_hint(tmp_path):
    (tmp_path / "odd.img").write_bytes(bytes(1000))

    with pytest.raises(UsageError, match="pad the image to a multiple of 256 KiB"):
        boot_machine(Bochs(disk=tmp_path / "odd.img"), timeout=5)


def test_a_missing_emulator_names_the_commands_that_install_it(sector):
    with pytest.raises(MissingToolError, match="apt install bochs"):
        boot_machine(Bochs(disk=sector("jmp stop"), binary="bochs-none"), timeout=5)


# Like a Bochs with the debugger, whose screen changes more often than a terminal holds.
SCREEN = """\
#!{python}
import os, re, sys, tty
master, slave = os.openpty()
tty.setraw(slave)
name = os.ttyname(slave)
os.close(slave)
print(f'\\nBochs connected to screen "{{name}}"', flush=True)
for _ in range(100):
    os.write(master, bytes(4096))
console = re.search(r"dev=(\\S+)", open(sys.argv[3]).read())[1]
with open(console, "w") as file:
    file.write("oro: verdict=pass\\n")
"""


def test_what_bochs_shows_on_a_terminal_of_its_own_is_read(sector, tmp_path):
    program = tmp_path / "bochs-with-debugger"
    program.write_text(SCREEN.format(python=sys.executable))
    program.chmod(0o755)

    report = boot_machine(Bochs(disk=sector("jmp stop"), binary=str(program)), timeout=20)

    assert report.passed, report.reason
