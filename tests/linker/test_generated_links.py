"""Generated links with archives, COMDAT, weak symbols, --gc-sections and MEMORY equal GNU ld's."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.generate_links import link_of
from linker.linking import assemble, check, run
from orobuild.cli.commands import oro_ld
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import OrobuildError


def difference(seed: int, directory: Path) -> str:
    """How our image of a seed is not GNU ld's; the working directory is `directory`."""
    link = link_of(seed)
    for name, text in link.objects.items():
        assemble(text, directory / name)
    names = [name for name in link.objects if name not in link.archived]
    if link.archived:
        check("ar", "rcs", "lib.a", *link.archived, cwd=directory)
        names.append("lib.a")
    (directory / "script.ld").write_text(link.script)
    words = ("-T", "script.ld", *link.flags, *names)
    theirs = run("ld", *words, "-o", "theirs", cwd=directory)
    try:
        oro_ld.run([*words, "-o", "ours"])
    except OrobuildError as problem:
        return "" if theirs.returncode else f"we refuse it: {problem}"
    if theirs.returncode:
        return f"GNU ld refuses it: {theirs.stderr}"
    first, second = (read((directory / n).read_bytes(), n) for n in ("ours", "theirs"))
    return "\n".join(compare(first, second))


def check_seeds(seeds: range, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {}
    for seed in seeds:
        own = directory / str(seed)
        own.mkdir()
        monkeypatch.chdir(own)
        if found := difference(seed, own):
            wrong[seed] = found
    assert not wrong


def test_some_generated_links_equal_gnu_ld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_seeds(range(30), tmp_path, monkeypatch)


@pytest.mark.full
@pytest.mark.parametrize("first", range(100, 500, 50))
def test_many_generated_links_equal_gnu_ld(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_seeds(range(first, first + 50), tmp_path, monkeypatch)
