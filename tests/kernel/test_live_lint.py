"""`orolint --live`: the running kernel's page tables say what its program headers say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lint.kernel_image_mutations import DATA, Image


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
    from orobuild.elf import reader
    from orobuild.lint import check_live
    from orobuild.project import load

    config = load(root).lint
    pages = live_lint.running_pages(built.kernel, config)
    image = Image(built.kernel.read_bytes())
    image.segment(DATA, p_flags=4)
    found = check_live(reader.read(bytes(image.data), "oro.elf"), pages, config=config)
    assert {f.rule for f in found} == {"LIVE001"}
    assert "is mapped rw by its p" in found[0].message
    assert "says r" in found[0].message
