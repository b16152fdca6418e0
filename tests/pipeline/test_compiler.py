"""Finding C compilers and reading what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from orobuild.diagnostics import Severity
from orobuild.errors import InputError, MissingToolError
from orobuild.pipeline import compiler

PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(params=["zig", "gcc", "clang"])
def cc(request, tmp_path_factory):
    environ = {"PATH": PATH} if request.param == "zig" else {"PATH": PATH, "CC": request.param}
    return compiler.find((), tmp_path_factory.getbasetemp(), environ)


def test_every_compiler_makes_an_object_and_names_what_it_read(cc, tmp_path):
    (tmp_path / "one.h").write_text("#define ONE 1\n")
    (tmp_path / "a.c").write_text('#include "one.h"\nint one = ONE;\n')
    made = cc.compile("a.c", ["-mcmodel=kernel"], tmp_path)
    assert made.object.startswith(b"\x7fELF")
    assert "one.h" in made.dependencies
    assert made.warnings == ()


def test_an_error_is_located_with_its_line(cc, tmp_path):
    (tmp_path / "a.c").write_text("int f(void)\n{\n    return missing;\n}\n")
    with pytest.raises(InputError) as caught:
        cc.compile("a.c", [], tmp_path)
    first = caught.value.diagnostics[0]
    assert (first.span.path, first.span.line) == ("a.c", 3)
    assert first.span.text == "    return missing;"
    assert "undeclared" in first.message


def test_warnings_come_back_as_diagnostics(cc, tmp_path):
    (tmp_path / "a.c").write_text("int f(int *p)\n{\n    long x = p;\n    return (int)x;\n}\n")
    made = cc.compile("a.c", ["-Wno-error", "-Wno-error=int-conversion"], tmp_path)
    assert [w.severity for w in made.warnings] == [Severity.WARNING]


def test_objects_do_not_depend_on_where_the_project_lies(cc, tmp_path):
    objects = []
    for name in ("here", "there/deeper"):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        (directory / "a.c").write_text("int f(void) { return __LINE__; }\n")
        objects.append(cc.compile("a.c", ["-O1"], directory).object)
    assert objects[0] == objects[1]


def test_preprocessing_keeps_the_places(cc, tmp_path):
    (tmp_path / "a.S").write_text("#define N 3\n\nmov $N, %eax\n")
    text, _ = cc.preprocess("a.S", [], tmp_path)
    assert "mov $3, %eax" in text
    assert '"a.S"' in text


def test_a_compiler_that_is_not_there_says_how_to_get_one():
    with pytest.raises(MissingToolError, match=r"orobuild\[cc\]") as caught:
        compiler.find((), None, {"PATH": PATH, "CC": "no-such-cc"})
    assert caught.value.exit_status == 2
    assert "'no-such-cc', named by the CC variable" in str(caught.value)


def test_depfiles_are_read_with_their_escapes():
    text = "out.o: a.c \\\n  dir/with\\ space.h \\\n b$$.h a.c\n"
    assert compiler.parse_depfile(text) == ("a.c", "dir/with space.h", "b$.h")


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ('#include "a.h"\n', True),
        ("  # define X 1\n", True),
        ("#ifdef X\n#endif\n", True),
        ("# if the timer fires first\n", False),
        ("# define the stack\n", True),
        ("# include nothing here\n", False),
        ("mov $1, %eax # undefined\n", False),
    ],
)
def test_preprocessor_lines_are_told_from_comments(text, needed):
    assert compiler.needs_preprocessing("a.S", text) is needed


def test_a_lowercase_suffix_is_never_preprocessed():
    assert not compiler.needs_preprocessing("a.s", '#include "a.h"\n')


@pytest.mark.parametrize("inside", [False, True])
def test_an_object_does_not_tell_where_the_compiler_is_installed(inside, tmp_path):
    zig = compiler.find((), tmp_path / "cache", {"PATH": PATH})
    # With the compiler below the project, as in `.venv`, it names its headers otherwise.
    root = Path(zig.command[0]).resolve().parents[1] if inside else tmp_path
    source = tmp_path / "main.c"
    source.write_text("#include <stdint.h>\nuint32_t f(void) { return 1; }\n")
    compiled = zig.compile(str(source), [], root)
    assert b"\0zig/lib/include" in compiled.object
    assert b"ziglang" not in compiled.object
