"""Numbers of more than 64 bits: data directives take them, everything else says that it cannot."""

from __future__ import annotations

import pytest

from orobuild import assembler
from orobuild.errors import InputError

TOO_LARGE = "0x10000000000000001"


@pytest.mark.parametrize(
    "statement",
    [
        f"mov ${TOO_LARGE}, %rax",
        f"push ${TOO_LARGE}",
        f"mov {TOO_LARGE}(%rax), %rbx",
        f"x = {TOO_LARGE}",
        f".set x, {int(TOO_LARGE, 16)}",
        f".org {TOO_LARGE}",
        f".intel_syntax noprefix\nmov rax, {TOO_LARGE}",
        f".intel_syntax noprefix\nmov rax, [rbx + {TOO_LARGE}]",
    ],
)
def test_a_number_that_does_not_fit_is_refused(statement):
    # A statement of the same form comes first: what was learnt from it must not let this one pass.
    text = f".text\n{statement.replace(TOO_LARGE, '0x11111111')}\n{statement}\n"
    with pytest.raises(InputError, match="does not fit into 64 bits"):
        assembler.assemble(text, "x.s", assembler.Options(strict=False), read_file=None)


def test_data_directives_take_what_they_have_room_for(tool, tmp_path):
    text = f".octa {TOO_LARGE}, 1\n"
    made = assembler.assemble(f".data\n{text}", "x.s", assembler.Options(), read_file=None)
    assert int(TOO_LARGE, 16).to_bytes(16, "little") in made.object


def test_a_number_of_thousands_of_digits_is_an_error_like_any_other():
    with pytest.raises(InputError, match="too many digits"):
        assembler.assemble(
            f".data\n.long {'9' * 10_000}\n", "x.s", assembler.Options(), read_file=None
        )
