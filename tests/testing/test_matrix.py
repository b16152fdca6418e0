"""From a configuration to cells: every combination that there is, each once, under a name of its own."""

from __future__ import annotations

import pytest

from orobuild.configuration import ConfigError
from orobuild.errors import UsageError
from orobuild.project import load
from orobuild.testing import kernel
from orobuild.testing.cell import Cell
from orobuild.testing.matrix import expand
from testing.parrot import parrot_project


@pytest.fixture
def project(tmp_path):
    def configured(text="", image="disk = false"):
        parrot_project(tmp_path, text)
        file = tmp_path / "orobuild.toml"
        file.write_text(file.read_text().replace("disk = false", image))
        return load(tmp_path)

    return configured


def names(matrix):
    return [cell.name for cell in matrix.cells]


def test_without_configuration_there_is_the_machine_of_run(project):
    assert names(expand(project())) == ["release-pvh-q35-max-1c-16M"]
    assert names(expand(project(image="disk = true"))) == ["release-bios-ide-q35-max-1c-16M"]


def test_every_combination_that_there_is(project):
    matrix = expand(
        project(
            '[test]\nemulators = ["qemu", "bochs"]\nboot = ["disk", "cd", "kernel"]\n'
            'firmware = ["bios", "uefi"]\ndrives = ["ide", "virtio"]\nprofiles = ["debug"]\n'
        )
    )
    assert names(matrix) == [
        *(f"debug-{how}-q35-max-1c-16M" for how in ("bios-ide", "bios-virtio")),
        *(f"debug-{how}-q35-max-1c-16M" for how in ("uefi-ide", "uefi-virtio")),
        *(f"debug-{how}-q35-max-1c-16M" for how in ("bios-cd", "uefi-cd", "pvh")),
        *(f"debug-bios-{how}-bochs-corei7_skylake_x-1c-16M" for how in ("ide", "cd")),
    ]
    assert matrix.left_out == (
        "QEMU starts a kernel file (PVH) through SeaBIOS only",
        "Bochs has IDE drives only",
        "Bochs has no UEFI firmware",
        "Bochs boots a disk or a CD, it cannot be handed a kernel",
    )


def test_cells_of_their_own_and_excluded_ones(project):
    text = (
        '[test]\ncores = [1, 2, 4]\nexclude = ["*-2c-*"]\n'
        '[[test.cells]]\nname = "old"\ncpu = "qemu64"\nmachine = "pc"\ntimeout = 9\n'
    )
    cells = expand(project(text)).cells
    assert [cell.name for cell in cells] == [
        "release-pvh-q35-max-1c-16M",
        "release-pvh-q35-max-4c-16M",
        "old",
    ]
    assert cells[-1] == Cell(
        profile="release",
        boot="kernel",
        machine="pc",
        cpu="qemu64",
        memory_mib=16,
        timeout=9,
        given_name="old",
    )
    assert cells[0].timeout == 60
    wished = expand(project(text), {"cores": [8], "cpus": ["EPYC"]})
    assert names(wished) == ["release-pvh-q35-EPYC-8c-16M"]


def test_ovmf_has_twice_the_time(project):
    (cell,) = expand(project('[test]\nfirmware = ["uefi"]\n', "disk = true")).cells
    assert cell.timeout == 120


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[test.cells]]\nfirmware = "uefi"\n', "through SeaBIOS only"),
        ('[[test.cells]]\nname = "../x"\n', "cannot be a cell's name"),
        ('[[test.cells]]\nname = "a"\n[[test.cells]]\nname = "a"\ncores = 2\n', "two cells"),
        ("[test]\nmemory-mib = [-1]\n", "-1 MiB"),
        ('[[test.cells]]\nprofile = "x"\n', "unknown profile 'x'"),
        ('[test]\nexclude = ["*"]\n', "has no cells"),
        (f"[test]\ncores = {list(range(1, 200))}\nmemory-mib = {list(range(1, 200))}\n", "10000"),
    ],
)
def test_what_is_wrong_is_refused(project, text, said):
    with pytest.raises((UsageError, ConfigError)) as failure:
        expand(project(text))
    assert said in str(failure.value)


def test_the_kernels_command_line_for_its_tests(project):
    plain = project(image='disk = false\ncommand-line = "quiet"')
    assert kernel.command_line(plain, ["smp"]) == "quiet"
    assert kernel.for_tests(plain, "quiet").config.image == plain.config.image
    assert kernel.output(plain, kernel.for_tests(plain, "quiet"), "release") is None
    tested = project('[test]\ncommand-line = "test"\nselect = "test={}"\n')
    assert kernel.command_line(tested, []) == "test"
    assert kernel.command_line(tested, ["smp", "f*"]) == "test test=smp test=f*"
    assert kernel.command_line(tested, ["smp", "[a-f]*"]) == "test"
    changed = kernel.for_tests(tested, "test")
    assert changed.config.image.command_line == "test"
    assert kernel.output(tested, changed, "debug") == tested.root / "build/debug/test/kernel"


def test_of_a_menu_the_entry_that_starts_by_itself_is_tested_and_nobody_waits(project):
    image = (
        "disk = true\ndefault-entry = 1\n[[image.entries]]\ntitle = 'a'\n"
        "[[image.entries]]\ntitle = 'b'\ncommand-line = 'quiet'"
    )
    image = kernel.for_tests(project(image=image), "test").config.image
    assert [entry.command_line for entry in image.entries] == ["", "test"]
    assert image.timeout == 0
