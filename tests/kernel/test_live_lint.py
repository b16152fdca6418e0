"""`orolint --live`: the running kernel's page tables say what its program headers say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lint.kernel_image_mutations import DATA, Image
from orobuild.elf import reader
from orobuild.machine import Qemu, boot
from orobuild.project import load
from orobuild.testing import live
from orobuild.testing.flag import Flag
from orobuild.testing.outcome import Kind
from orobuild.testing.watcher import Watcher


def orolint(root, kernel, *arguments):
    command = [Path(sys.executable).with_name("orolint"), "--live", *arguments, kernel]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240)


def test_the_running_kernel_has_mapped_itself_as_its_program_headers_say(root, built):
    done = orolint(root, built.kernel)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no findings in 1 file" in done.stdout


def test_a_page_that_the_image_promises_without_w_and_the_machine_has_with_it(
    root, built, tmp_path
):
    # The kernel maps itself from the header in memory: the file that it is compared with is changed.
    from orobuild.cli import live_lint
    from orobuild.lint import check_live

    config = load(root).lint
    pages = live_lint.running_pages(built.kernel, config)
    image = Image(built.kernel.read_bytes())
    image.segment(DATA, p_flags=4)
    found = check_live(reader.read(bytes(image.data), "oro.elf"), pages, config=config)
    assert {f.rule for f in found} == {"LIVE001"}
    assert "is mapped rw by its p" in found[0].message
    assert "says r" in found[0].message


def test_orobuild_test_compares_them_when_the_tests_have_passed(root, built, tmp_path):
    project = load(root)
    watcher = Watcher(project.config.test, Flag(), memory=tmp_path / "memory")
    kernel = Qemu(kernel=built.kernel, command_line="test test=te?t", memory_mib=64)
    report = boot(kernel, timeout=120, on_line=watcher.line, supervisor=watcher)
    assert report.passed, "\n".join(report.lines)
    # Of the kernel's suites it has run the one that was asked for.
    assert [test.name for test in watcher.parser.end().tests] == ["text"]
    data = built.kernel.read_bytes()
    ((result,), said) = live.check(watcher, reader.read(data, "oro.elf"), project.lint)
    assert (result.name, result.kind) == ("[live]", Kind.PASSED)
    assert "mapped pages compared with the image" in said
    image = Image(data)
    image.segment(DATA, p_flags=4)
    results, _ = live.check(watcher, reader.read(bytes(image.data), "oro.elf"), project.lint)
    assert {(result.name, result.kind) for result in results} == {("[live]/LIVE001", Kind.LINT)}
    assert "is mapped rw by its p" in results[0].reason
