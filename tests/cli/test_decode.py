"""`orobuild decode`: the image by build-id, killed programs, foreign logs, nothing to say."""

from __future__ import annotations

import json
import subprocess
import sys

PANIC = """\
[    1.25] oro: panic-begin
[    1.25] oro: reason=exception core=0 apic=0
[    1.25] oro: vector=6 name=#UD error=0x0 rip=0xffffffff80100005 cr2=0x0
[    1.25] oro: panic-end
"""


def decode(mini, text, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "orobuild", "decode", *arguments],
        cwd=mini.root,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_pasted_panic_is_explained(mini):
    mini.run("build")
    result = decode(mini, PANIC)
    assert result.returncode == 0, result.stderr
    assert "#UD: invalid opcode" in result.stdout
    assert "entry.S:11  in _start" in result.stdout
    assert "the log has no build-id" in result.stderr


def test_json_has_the_same(mini):
    mini.run("build")
    (mini.root / "log").write_text(PANIC)
    value = json.loads(mini.run("decode", "--json", "log").stdout)
    assert value["panics"][0]["at"]["name"] == "_start+0x5"
    assert value["panics"][0]["exception"]["name"] == "#UD"
    assert value["killed"] == []


def test_the_image_is_found_by_the_build_id_in_the_log(mini, tool):
    """Two builds side by side; the log's is not the one that is asked by default."""
    mini.run("build")
    older = mini.root / "build" / "older"
    older.mkdir()
    released = mini.root / "build" / "release" / "mini.elf"
    source = "  .globl _start\n_start: nop\n nop\n nop\nold_name: nop\n nop\n nop\n"
    (older / "a.s").write_text(source)
    subprocess.run([tool("as"), "a.s", "-o", "a.o"], cwd=older, check=True)
    command = [tool("ld"), "-Ttext=0xffffffff80100000", "--build-id=0x1234abcd", "a.o"]
    subprocess.run([*command, "-o", "kernel.elf"], cwd=older, check=True)
    log = PANIC.replace("core=0", "core=0 build-id=1234abcd")
    result = decode(mini, log)
    assert "old_name+0x2" in result.stdout, result.stderr
    assert not result.stderr
    named = decode(mini, log, "-e", str(released))
    assert "another build" in named.stderr


def test_a_foreign_log_has_its_addresses_named(mini):
    mini.run("build")
    result = decode(mini, "Call Trace: [<ffffffff80100005>] ? foo\n")
    assert result.returncode == 0
    assert "0xffffffff80100005 _start+0x5  entry.S:11" in result.stdout


def test_a_log_with_nothing_in_it_has_status_1(mini):
    mini.run("build")
    result = decode(mini, "all is well\n")
    assert result.returncode == 1
    assert "no panic" in result.stderr


def test_a_log_that_is_not_there_is_a_located_error(mini):
    mini.run("build")
    result = mini.run("decode", "serial.log")
    assert result.returncode == 1
    assert "serial.log: error: cannot read" in result.stderr


def test_bytes_of_any_kind_are_a_log(mini):
    mini.run("build")
    data = bytes(range(256)) * 64 + PANIC.encode() + b"\xff\x00oro: panic-begin\n\xfe"
    (mini.root / "log").write_bytes(data)
    result = mini.run("decode", "log")
    assert result.returncode == 0, result.stderr
    assert "the log stops before the panic's end" in result.stdout
