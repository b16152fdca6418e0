"""A stand-in for `as`: keeps what it is given in $CORPUS_INPUTS, then runs GNU as.

A build finds it before GNU as through COMPILER_PATH and PATH. Standard library only, and quick to
start: a build calls it thousands of times.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

TAKE_A_VALUE = ("-o", "-I", "--defsym", "--MD")


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The input files and the flags that matter, without the output's name."""
    inputs: list[str] = []
    flags: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in TAKE_A_VALUE:
            value = next(rest, "")
            if word == "-I":
                flags.append(f"-I{Path(value).absolute()}")
            elif word == "--defsym":
                flags += [word, value]
        elif word.startswith("-I"):
            flags.append(f"-I{Path(word[2:]).absolute()}")
        elif word == "-" or not word.startswith("-"):
            inputs.append(word)
        elif not word.startswith("-o"):
            flags.append(word)
    return inputs, flags


def keep(text: bytes, flags: list[str], name: str, directory: Path) -> None:
    """Put an input and its flags into `directory`, under a name made of both."""
    key = hashlib.sha256(text + repr(flags).encode()).hexdigest()[:20]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{key}.s").write_bytes(text)
    about = {"flags": flags, "directory": str(Path.cwd()), "name": name}
    (directory / f"{key}.json").write_text(json.dumps(about))


def main() -> int:
    """Record, then assemble."""
    arguments = sys.argv[1:]
    inputs, flags = split(arguments)
    text = None
    if not {"--version", "-v", "--help"} & set(arguments) and len(inputs) <= 1:
        name = inputs[0] if inputs else "-"
        try:
            text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError:
            text = b""
        if text.strip():
            keep(text, flags, name, Path(os.environ["CORPUS_INPUTS"]))
        if name != "-":
            text = None
    return subprocess.run([os.environ["CORPUS_AS"], *arguments], input=text).returncode


if __name__ == "__main__":
    sys.exit(main())
