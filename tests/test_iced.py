"""The decoder without its package is the decoder that the package has."""

from __future__ import annotations

import subprocess
import sys

import pytest


def ran(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("first", ["iced_x86", "orobuild.iced"])
def test_package_and_extension_are_one_whichever_comes_first(first):
    code = (
        f"import {first}, iced_x86\n"
        "from orobuild import iced\n"
        "assert iced.Decoder is iced_x86.Decoder\n"
        "assert iced.OpKind.REGISTER == iced_x86.OpKind.REGISTER\n"
        "decoded = iced_x86.Decoder(64, b'\\x90').decode()\n"
        "assert isinstance(decoded, iced.Instruction)\n"
        "print(decoded)\n"
    )
    assert ran(code) == "nop"


def test_every_name_of_the_package_is_the_same():
    code = (
        "from orobuild import iced\n"
        "mine = {}\n"
        "import importlib.util, pathlib\n"
        "folder = pathlib.Path(importlib.util.find_spec('iced_x86').origin).parent\n"
        "names = [p.stem for p in folder.glob('*.py') if p.stem[0] != '_' and p.stem != 'iced_x86']\n"
        "mine = {name: vars(getattr(iced, name)) for name in names}\n"
        "import iced_x86\n"
        "for name in names:\n"
        "    numbers = {n: v for n, v in vars(getattr(iced_x86, name)).items() if type(v) is int}\n"
        "    assert numbers.items() <= mine[name].items(), name\n"
        "print(len(names) > 30)\n"
    )
    assert ran(code) == "True"


def test_constants_are_loaded_when_they_are_asked_for():
    code = (
        "import sys\n"
        "from orobuild import iced\n"
        "iced.Decoder(64, b'\\x90').decode()\n"
        "print('iced_x86' in sys.modules, 'Code' in vars(iced))\n"
    )
    assert ran(code) == "False False"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    from orobuild import iced

    with pytest.raises(AttributeError):
        iced.Nothing  # noqa: B018 - asking is the point
