"""Reading the configuration: what is right becomes values, what is wrong is located."""

from __future__ import annotations

import pytest

from orobuild.errors import OrobuildError, UsageError
from orobuild.project import find_root, load

GOOD = """
name = "demo"

[targets.user]
sources = ["user/*.S"]
script = "user.ld"

[targets.kernel]
sources = ["b.S", "*.S"]
script = "kernel.ld"
embeds = ["user"]
gc-sections = true

[lint]
ignore = ["SEG001"]
"""


@pytest.fixture
def project_directory(tmp_path):
    for name in ("a.S", "b.S", "kernel.ld", "user.ld", "user/main.S"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "orobuild.toml").write_text(GOOD)
    return tmp_path


def rewrite(directory, old, new):
    file = directory / "orobuild.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def failure(directory):
    with pytest.raises(OrobuildError) as caught:
        load(directory)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_a_configuration_becomes_typed_values(project_directory):
    project = load(project_directory)
    assert project.config.targets["kernel"].gc_sections is True
    assert project.config.machine.cores == 4
    assert project.lint.ignore == ("SEG001",)


def test_globs_are_sorted_and_name_each_source_once(project_directory):
    assert load(project_directory).sources("kernel") == ("b.S", "a.S")


def test_what_a_target_embeds_is_built_before_it(project_directory):
    assert load(project_directory).order(["kernel"]) == ["user", "kernel"]


def test_a_family_makes_a_target_of_every_file(project_directory):
    rewrite(project_directory, '[targets.user]\nsources = ["user/*.S"]', FAMILY)
    rewrite(project_directory, 'embeds = ["user"]', 'embeds = ["user/*"]')
    for name in ("hello.c", "hog.c"):
        (project_directory / "user" / name).write_text("")
    project = load(project_directory)
    assert project.order(["kernel"]) == ["user/hello", "user/hog", "kernel"]
    assert project.sources("user/hog") == ("user/main.S", "user/hog.c")


FAMILY = """[targets."user/{stem}"]
each = "user/*.c"
sources = ["user/*.S", "{each}"]"""


def test_a_family_without_members_is_an_error(project_directory):
    rewrite(project_directory, '[targets.user]\nsources = ["user/*.S"]', FAMILY)
    assert "no file matches 'user/*.c'" in failure(project_directory)


def test_the_nearest_configuration_upwards_is_found(project_directory):
    assert find_root(project_directory / "user") == project_directory


def test_pyproject_counts_only_with_our_table(project_directory):
    (project_directory / "user" / "pyproject.toml").write_text("[project]\nname='x'\n")
    assert find_root(project_directory / "user") == project_directory


def test_a_table_in_pyproject_is_read(project_directory):
    nested = "".join(
        line.replace("[", "[tool.orobuild.", 1) if line.startswith("[") else line
        for line in ("[]\n" + GOOD).splitlines(keepends=True)
    ).replace("[tool.orobuild.]", "[tool.orobuild]")
    (project_directory / "orobuild.toml").unlink()
    (project_directory / "pyproject.toml").write_text(nested)
    assert load(project_directory).config.name == "demo"


def test_an_unknown_key_names_the_nearest_known_one_and_its_line(project_directory):
    rewrite(project_directory, "gc-sections", "gc-section")
    message = failure(project_directory)
    assert "orobuild.toml:12:1: error: unknown key 'gc-section'" in message
    assert "did you mean 'gc-sections'?" in message


def test_an_unknown_lint_key_is_located_too(project_directory):
    rewrite(project_directory, "ignore =", "ignroe =")
    message = failure(project_directory)
    assert "orobuild.toml:15:1" in message
    assert "did you mean 'ignore'?" in message


def load_with_sources(directory):
    project = load(directory)
    for name in project.order():
        project.sources(name)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "demo"', "name = 3", "Expected `str`, got `int`"),
        ('name = "demo"', "", "missing required field `name`"),
        ('name = "demo"', "name = [", "orobuild.toml:4:"),
        ('"kernel.ld"', '"kernle.ld"', "target 'kernel': there is no file 'kernle.ld'"),
        ('embeds = ["user"]', 'embeds = ["usr"]', "did you mean 'user'?"),
        ('embeds = ["user"]', 'embeds = ["kernel"]', "embed each other in a circle: kernel"),
        ("[targets.user]", '[targets."../user"]', "cannot be a target's name"),
        ('"demo"', '"../evil"', "toml:2:1: error: '../evil' cannot be the product's name"),
        ('"demo"', '""', "cannot be the product's name"),
        ('"demo"', '".."', "cannot be the product's name"),
        ("[targets.kernel]", "[targets.kernal]", "image.kernel is 'kernel'"),
        ('"user/*.S"', '"user/*.s"', "no file matches 'user/*.s'"),
    ],
)
def test_what_is_wrong_is_said(project_directory, old, new, expected):
    rewrite(project_directory, old, new)
    with pytest.raises(OrobuildError) as caught:
        load_with_sources(project_directory)
    assert expected in str(caught.value)
    assert caught.value.exit_status == 2


def test_an_unknown_profile_names_the_nearest(project_directory):
    with pytest.raises(UsageError, match="did you mean 'debug'"):
        load(project_directory).profile("debgu")


def test_no_configuration_says_what_to_write(tmp_path):
    with pytest.raises(UsageError, match=r"write orobuild\.toml"):
        find_root(tmp_path)


def test_bytes_that_are_no_text_are_an_error(project_directory):
    (project_directory / "orobuild.toml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in failure(project_directory)
