"""The decoder's table of opcodes, looked up in the quick way and in the certain one."""

from __future__ import annotations

import pytest

from orobuild.assembler.encoder import opcode_table


@pytest.mark.parametrize("name", sorted(opcode_table._NAMED_LIKE_THEIR_CODES))
def test_codes_that_are_found_by_their_names_are_all_of_the_mnemonic(name):
    codes = opcode_table._by_first_word()[name]
    assert codes == opcode_table._by_name()[name]


@pytest.mark.parametrize("name", sorted(opcode_table._WIDTHS))
def test_codes_of_each_width_are_all_of_the_mnemonic(name):
    assert opcode_table._of_all_widths(name) == opcode_table._by_name()[name]
