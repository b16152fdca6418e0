"""The decoder's table of opcodes, looked up in the quick way and in the certain one."""

from __future__ import annotations

import pytest

from orobuild.assembler.encoder import decoding, opcode_table


@pytest.mark.parametrize("name", sorted(opcode_table._NAMED_LIKE_THEIR_CODES))
def test_codes_that_are_found_by_their_names_are_all_of_the_mnemonic(name):
    codes = opcode_table._by_first_word(name)
    assert codes == opcode_table._by_name()[name]


@pytest.mark.parametrize("name", sorted(opcode_table._WIDTHS))
def test_codes_of_each_width_are_all_of_the_mnemonic(name):
    assert opcode_table._of_all_widths(name) == opcode_table._by_name()[name]


def test_what_is_called_legacy_is_what_the_codes_say():
    names = set(decoding.decoder_names().values())
    names |= {name + suffix for name in names for suffix in "bwlq"}
    found = [name for name in names if opcode_table.is_legacy(name)]
    assert len(found) > 500
    for name in found:
        for bits in (16, 32, 64):
            codes = opcode_table.candidates(name, bits)
            assert not codes or any(code.encoding == "LEGACY" for code, _ in codes), name


def test_suffixes_that_are_listed_are_those_that_the_codes_say():
    listed, opcode_table._UNLISTED = opcode_table._UNLISTED, frozenset()
    try:
        for name in ["add", "sub", "mov", "test", "lea", "shl", "imul", "xchg"]:
            for suffix in "bwlqstxyz":
                opcode_table.takes_suffix.cache_clear()
                looked_up = opcode_table.takes_suffix(name, suffix)
                opcode_table.takes_suffix.cache_clear()
                opcode_table._UNLISTED = listed
                assert opcode_table.takes_suffix(name, suffix) == looked_up, (name, suffix)
                opcode_table._UNLISTED = frozenset()
    finally:
        opcode_table._UNLISTED = listed
        opcode_table.takes_suffix.cache_clear()
