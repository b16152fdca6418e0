"""Pages that are a session print what they say, command by command."""

from __future__ import annotations

import pytest

from session_page import ROOT, copy_of_the_kernel, run, steps_of, with_outputs

PAGE = ROOT / "docs" / "founding-bug.md"


@pytest.mark.timeout(900)  # two builds, two boots: a busy machine takes its time
def test_the_walk_through_the_founding_bug_is_true(tmp_path):
    written = steps_of(PAGE.read_text())
    copy_of_the_kernel(tmp_path)
    now = run(written, tmp_path)
    for before, after in zip(written, now, strict=True):
        assert after.steady == before.steady, (
            f"`{after.command}` prints something else than the page says; if it should, run: "
            "python tests/session_page.py docs/founding-bug.md"
        )


def test_the_walk_uses_every_tool_that_it_is_about():
    """Break, boot, crash, explain, look, translate, lint, fix: none can go unnoticed."""
    commands = "\n".join(step.command for step in steps_of(PAGE.read_text()))
    for words in ("sed -i", "run --unchecked", "decode", "at ", "tt v", "lint ", "checkout"):
        assert words in commands


SESSION = """Prose with $ in it.

```console
$ echo one; echo 'took 0.50 s'
one
took 0.25 s
$ false
$ echo $?
```

```text
$ not a command
```
"""


def test_a_session_is_run_and_written_again(tmp_path):
    steps = steps_of(SESSION)
    assert [step.command for step in steps] == ["echo one; echo 'took 0.50 s'", "false", "echo $?"]
    done = run(steps, tmp_path)
    assert [step.output for step in done] == ["one\ntook 0.50 s\n", "", "1\n"]
    assert done[0].steady == steps[0].steady
    assert done[2].steady != steps[2].steady
    page = with_outputs(SESSION, done)
    assert page == SESSION.replace("$ echo $?\n", "$ echo $?\n1\n"), "only what is wrong changes"
    assert with_outputs(page, run(steps_of(page), tmp_path)) == page


@pytest.mark.parametrize(
    ("printed", "same"),
    [
        ("rax 0000000000000001  rip ffffffff8011c0c8", True),
        ("rax 0000000000000000  rip ffffffff8011c0c9", False),
        ("rax 0000000000000000  rip ffffffff8011c0c8 in 3 s", False),
    ],
)
def test_only_what_varies_by_nature_is_forgiven(printed, same, tmp_path):
    (written,) = steps_of("```console\n$ x\nrax 0000000000000000  rip ffffffff8011c0c8\n```\n")
    (now,) = steps_of(f"```console\n$ x\n{printed}\n```\n")
    assert (now.steady == written.steady) is same
