"""The compilers know which code has a red zone: the rule must see what they were told."""

from __future__ import annotations

import subprocess

import pytest

from lint.building import link
from orobuild.elf import reader
from orobuild.lint import LintConfig, check_image

SOURCE = """
int sink[64];
int leaf(int a, int b) {
    volatile int t[4];
    t[0] = a; t[1] = b; t[2] = a * b;
    return t[0] + t[1] + t[2];
}
int big(int a) {
    volatile int t[400];
    for (int i = 0; i < 400; i++) t[i] = a;
    return t[a & 255];
}
int varying(int n) {
    volatile int t[n];
    for (int i = 0; i < n; i++) t[i] = i;
    return t[n - 1];
}
void _start(void) {
    sink[0] = leaf(sink[1], sink[2]) + big(3) + varying(sink[5]);
    for (;;) ;
}
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-Os"])
@pytest.mark.parametrize("frame", ["-fomit-frame-pointer", "-fno-omit-frame-pointer"])
@pytest.mark.parametrize("red_zone", [True, False], ids=["red-zone", "no-red-zone"])
def test_code_is_flagged_exactly_when_it_was_compiled_with_a_red_zone(
    compiler, level, frame, red_zone, tmp_path
):
    source, output = tmp_path / "k.c", tmp_path / "k.o"
    source.write_text(SOURCE)
    flags = ["-mred-zone" if red_zone else "-mno-red-zone", level, frame]
    flags += ["-ffreestanding", "-fno-pic", "-mcmodel=kernel", "-fno-stack-protector"]
    done = subprocess.run(
        [compiler, *flags, "-c", str(source), "-o", str(output)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    image = link({"k.o": output.read_bytes()}, "-Ttext=0xffffffff80100000", "-z", "separate-code")
    findings = check_image(reader.read(image, "k"), config=LintConfig(select=("FLG001",)))
    flagged = {str(f.evidence.symbol).partition("+")[0] for f in findings}
    if red_zone:
        assert "leaf" in flagged or "_start" in flagged  # inlined
    else:
        assert flagged == set()
