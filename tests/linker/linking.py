"""Helpers of the linker tests: assemble, link with GNU ld and with us, compare."""

from __future__ import annotations

import subprocess
from pathlib import Path

from orobuild.elf import reader
from orobuild.elf.compare_images import compare
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.linkmap import LinkedImage
from orobuild.linker.script import parse

LIKE_GNU = LinkOptions(strict=False, orphan_handling="place")


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool that must exist; its failure is the caller's to judge."""
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, cwd=cwd, timeout=60
    )


def check(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a tool that must succeed; its standard output."""
    result = run(*command, cwd=cwd)
    assert result.returncode == 0, f"{command}: {result.stderr}"
    return result.stdout


def assemble(text: str, path: Path, *flags: str) -> Path:
    """Assemble `text` with GNU as into `path`."""
    source = path.with_suffix(".s")
    source.write_text(text)
    check("as", *flags, source.name, "-o", path.name, cwd=path.parent)
    return path


def compile_c(text: str, path: Path, *flags: str, compiler: str = "gcc") -> Path:
    """Compile C into `path`."""
    source = path.with_suffix(".c")
    source.write_text(text)
    check(compiler, "-c", *flags, source.name, "-o", path.name, cwd=path.parent)
    return path


def our_link(
    script: str, objects: list[Path], options: LinkOptions = LIKE_GNU, name: str = "script.ld"
) -> LinkedImage:
    """Link with us; objects are named as GNU ld, running in their directory, names them."""
    directory = objects[0].parent if objects else Path()
    parsed = parse(script, name, read_file=lambda file: (directory / file).read_bytes())
    inputs = [LinkInput(path.name, path.read_bytes()) for path in objects]
    return link(inputs, parsed, options)


def gnu_link(
    script: str, objects: list[Path], *flags: str
) -> tuple[bytes | None, subprocess.CompletedProcess[str]]:
    """Link with GNU ld: the image (None if it refused) and what it said."""
    directory = objects[0].parent
    (directory / "gnu.ld").write_text(script)
    output = directory / "gnu.elf"
    output.unlink(missing_ok=True)
    result = run(
        "ld", "-T", "gnu.ld", *flags, *(o.name for o in objects), "-o", "gnu.elf", cwd=directory
    )
    return (output.read_bytes() if result.returncode == 0 else None), result


def differences(script: str, objects: list[Path], *flags: str) -> list[str]:
    """What differs between our link and GNU ld's."""
    theirs, result = gnu_link(script, objects, *flags)
    assert theirs is not None, result.stderr
    ours = our_link(script, objects)
    assert ours.elf is not None
    return compare(ours.elf, reader.read(theirs, "gnu.elf"))
