"""The script language, sentence by sentence of the manual: what GNU ld 2.40 does, we do.

A case in scripts/*.txt begins with `=== title`; lines `#key: value` follow, then the script.
`#flags:` go to both linkers (default: the inputs a.o b.o), `#file NAME:` writes another file of
one line, `#covers:` names rows of docs/linker-scripts.md. What must happen is `same` (the images are
equal) unless `#both refuse:`, `#we refuse:` or `#ld refuses` says otherwise; the text after the
first two is part of our message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from linker import zoo
from linker.linking import run
from orobuild.cli.commands import oro_ld
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import OrobuildError
from orobuild.linker.script.status import FEATURES

SCRIPTS = Path(__file__).parent / "scripts"
DEFAULT_INPUTS = "a.o b.o"


@dataclass
class Case:
    title: str
    where: str
    keys: dict[str, list[str]] = field(default_factory=dict)
    script: str = ""

    def value(self, key: str) -> str | None:
        return self.keys[key][0] if key in self.keys else None


def load(path: Path) -> list[Case]:
    cases: list[Case] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("=== "):
            cases.append(Case(line[4:], f"{path.name}:{number}"))
        elif line.startswith("#") and not cases[-1].script:
            key, _, value = line[1:].partition(":")
            cases[-1].keys.setdefault(key, []).append(value.strip())
        else:
            cases[-1].script += line + "\n"
    return cases


CASES = [case for path in sorted(SCRIPTS.glob("*.txt")) for case in load(path)]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("zoo")
    zoo.make(directory)
    return directory


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.where} {case.title}")
def test_script(case: Case, objects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(objects)
    assert what_is_wrong(case) == ""


def what_is_wrong(case: Case) -> str:
    """How the two links are not what the case says; "" if they are. Runs where the objects are."""
    for key, values in case.keys.items():
        if key.startswith("file "):
            Path(key[5:]).write_text("\n".join(values) + "\n")
    Path("script.ld").write_text(case.script)
    flags = (case.value("flags") or DEFAULT_INPUTS).split()
    for image in ("ours", "theirs"):
        Path(image).unlink(missing_ok=True)
    gnu = run("ld", "-T", "script.ld", *flags, "-o", "theirs")
    problem = None
    try:
        oro_ld.run(["-T", "script.ld", *flags, "-o", "ours"])
    except OrobuildError as raised:
        problem = str(raised)
    wanted = case.value("both refuse") or case.value("we refuse")
    if (gnu.returncode != 0) != ("both refuse" in case.keys or "ld refuses" in case.keys):
        return f"GNU ld returned {gnu.returncode}: {gnu.stderr}"
    if wanted is not None:
        if problem is None:
            return f"we accept it; ld: {gnu.stderr}"
        if Path("ours").exists():
            return "a refused link left its output"
        return "" if wanted in problem else f"the message is {problem}; ld: {gnu.stderr}"
    if problem is not None:
        return f"we refuse it: {problem}"
    return "" if gnu.returncode else "\n".join(differences())


def differences() -> list[str]:
    ours, theirs = Path("ours").read_bytes(), Path("theirs").read_bytes()
    if not theirs.startswith(b"\x7fELF"):
        return [] if ours == theirs else [f"flat binaries differ: {ours!r} / {theirs!r}"]
    return compare(read(ours, "ours"), read(theirs, "theirs"))


def test_every_row_of_the_status_table_is_compared_with_gnu_ld() -> None:
    covered = {
        name for case in CASES for text in case.keys.get("covers", ()) for name in text.split(", ")
    }
    working = {
        feature.name
        for feature in FEATURES
        if feature.state == "works" and feature.note != "of newer ld"
    }
    assert covered >= working, "no case says #covers: these"
    assert covered <= {feature.name for feature in FEATURES}, "not in the table"


def test_every_case_has_its_own_title_and_known_keys() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles))
    known = {"flags", "covers", "both refuse", "we refuse", "ld refuses"}
    assert {k for case in CASES for k in case.keys if not k.startswith("file ")} <= known
