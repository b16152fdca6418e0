"""Kinds of values on the command line that click does not have."""

from __future__ import annotations

from typing import Final

import click


class _Hexadecimal(click.ParamType[int]):
    name = "hex"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value, 16)
        except ValueError:
            self.fail(f"'{value}' is no hexadecimal number", param, ctx)


HEXADECIMAL: Final = _Hexadecimal()
"""A number in hexadecimal, with or without 0x."""
