"""What `orolint --fix`, `--diff` and `--add-ignore` do to files: all through the library's values."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.cli import terminal
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.lint import LintConfig
    from orobuild.lint.finding import Finding
    from orobuild.lint.includers import Includers

_BOM = b"\xef\xbb\xbf"


def run(
    paths: Sequence[str],
    given: Mapping[str, bytes],
    config: LintConfig,
    *,
    unsafe: bool,
    ignoring: str | None,
    show: bool,
    quiet: bool,
) -> int:
    """Mend the sources among `paths`, or with `ignoring` suppress their findings for that reason.

    With `show` print what would change instead. Content from standard input (`given`) goes to
    standard output. The status is 1 if anything was shown or standard input has findings left.
    """
    from orobuild.lint.includers import Includers

    status = count = 0
    includers = Includers(paths)
    for path in paths:
        try:
            data = given[path] if path in given else Path(path).read_bytes()
            text, done, left = _changed(
                data, path, config, includers, unsafe=unsafe, ignoring=ignoring
            )
        except (OSError, InputError) as problem:
            if path in given or show:
                status = 1
                terminal.echo(f"{path}: {problem}", err=True)
            if path in given and not show:
                sys.stdout.buffer.write(given[path])
            continue  # the check that follows says what is wrong
        count += done
        changed = _encoded(text, data)
        if show:
            if changed != data:
                status = 1
                _show_difference(path, data, changed)
        elif path in given:
            sys.stdout.buffer.write(changed)
            status = 1 if left else status
            terminal.show(left)
        elif changed != data:
            _write(Path(path), changed)
    if count and not quiet:
        word = "suppressed" if ignoring is not None else "would be fixed" if show else "fixed"
        terminal.echo(f"{count} {'finding' if count == 1 else 'findings'} {word}", err=True)
    return status


def _changed(
    data: bytes,
    path: str,
    config: LintConfig,
    includers: Includers,
    *,
    unsafe: bool,
    ignoring: str | None,
) -> tuple[str, int, Sequence[Finding]]:
    """(new text, how many findings it mends, the findings that are left) of one source.

    Raises `InputError` for what is none.
    """
    from orobuild.lint import adding, files, fixing, languages

    language = languages.of(path)
    if language is None or data.startswith(b"\x7fELF"):
        return data.decode("utf-8", "surrogateescape"), 0, ()
    if files.why_passed_over(data, path):
        return data.decode("utf-8", "surrogateescape"), 0, ()
    text = files.decoded(data, path)

    def check(changed: str) -> Sequence[Finding]:
        encoded = changed.encode("utf-8", "surrogateescape")
        return files.check_bytes(encoded, path, config, includers)

    if ignoring is not None:
        own = [f for f in check(text) if f.line or (f.span and f.span.path == path)]
        added = adding.add(text, language, own, ignoring)
        for finding in added.unplaced:
            if not (finding.rule or "").startswith("SUP"):
                terminal.echo(f"{finding.span}: no comment fits here for {finding.rule}", err=True)
        return added.text, len(added.placed), check(added.text)
    mended = fixing.mend(text, check, unsafe=unsafe)
    return mended.text, len(mended.applied), check(mended.text)


def _encoded(text: str, original: bytes) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    with_mark = original.startswith(_BOM) and not encoded.startswith(_BOM)
    return _BOM + encoded if with_mark else encoded


def _write(path: Path, data: bytes) -> None:
    """Replace a source whole, through links, with the permissions that it has."""
    from orobuild.pipeline import outputs

    target = path.resolve()
    mode = target.stat().st_mode
    outputs.write(target, data)
    target.chmod(mode & 0o7777)


def _show_difference(path: str, before: bytes, after: bytes) -> None:
    old, new = (d.decode("utf-8", "replace").splitlines(keepends=True) for d in (before, after))
    for line in difflib.unified_diff(old, new, path, path):
        terminal.echo(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", end=""
        )
