"""A run on a lab as one HTML file: the machines beside each other, what failed, timings, serial logs.

Nothing is fetched and nothing is executed: it opens from an archive of CI's artifacts.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from orobuild.testing.outcome import GOOD, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.rig.index import Index
    from orobuild.rig.lab.session import LabRun
    from orobuild.testing.outcome import CellResult, Result

_MOST_LOG: Final = 4 << 20  # characters of one machine's log
_CONTROL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STYLE: Final = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --some: #9a6700; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --some: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: left; }
tr { border-bottom: 1px solid var(--line); } td.n { text-align: right; font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .some { color: var(--some); }
pre { background: #8881; padding: .7rem; overflow: auto; max-height: 32rem; font-size: 13px; }
.wide { overflow-x: auto; } .dim { opacity: .7; } th.up { writing-mode: sideways-lr; }
"""


def report(lab: LabRun, index: Index) -> str:
    """The file."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(index.name)} on {len(lab.run.cells)} machines</title>",
            f"<style>{_STYLE}</style>",
            *_head(lab, index),
            *_machines(lab),
            *_matrix(lab),
            *(part for cell in lab.run.cells for part in _machine(lab, cell)),
            "</html>",
            "",
        ]
    )


def _text(text: str) -> str:
    return html.escape(_CONTROL.sub("", text))


def _head(lab: LabRun, index: Index) -> Iterator[str]:
    run = lab.run
    passed = sum(cell.passed for cell in run.cells)
    verdict = "good" if run.passed else "bad"
    version = f" {index.product_version}" if index.product_version else ""
    yield f"<h1>{_text(index.name + version)}, profile {_text(index.profile)}</h1>"
    revision = index.source.revision or "no known revision"
    changed = ", with changes" if index.source.dirty else ""
    build = index.kernel.build_id or "none"
    yield f'<p class="dim">{_text(revision)}{changed} · build-id {_text(build)} · {_text(index.made_by)}</p>'
    yield (
        f'<p class="{verdict}">{passed} of {len(run.cells)} machines passed</p>'
        f"<p>{_counts(run.counts)}, in {run.seconds:.1f} s"
        f"{', interrupted' if run.interrupted else ''}</p>"
    )


def _counts(counts: dict[Kind, int]) -> str:
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts.get(kind))


def _machines(lab: LabRun) -> Iterator[str]:
    """One line a machine: its verdict, and its times from power-on."""
    yield "<h2>Machines</h2><div class=wide><table>"
    yield (
        "<tr><th>machine<th>result<th>tests<th>started by<th>first byte<th>first test<th>tests done"
        "<th>in all</tr>"
    )
    for cell in lab.run.cells:
        done = lab.followed.get(cell.name)
        times = done.times if done else {}
        power = times.get("power", 0.0)
        after = "".join(
            f"<td class=n>{times[what] - power:.1f} s" if what in times else "<td>"
            for what in ("first byte", "first test", "tests done")
        )
        word = "passed" if cell.passed else "failed"
        role = "good" if cell.passed else "bad"
        yield (
            f'<tr><td><a href="#{_text(cell.name)}">{_text(cell.name)}</a>'
            f'<td class="{role}">{word}<td>{_counts(cell.counts)}'
            f"<td>{_text(done.method if done else '')}{after}<td class=n>{cell.seconds:.1f} s</tr>"
        )
    yield "</table></div>"


def _matrix(lab: LabRun) -> Iterator[str]:
    """Suites by machines: how many of a suite's cases are good."""
    suites = dict.fromkeys(r.path[0] for _, r in lab.run.results() if not r.path[0].startswith("["))
    if not suites:
        return
    yield "<h2>Suites</h2><div class=wide><table><tr><th>suite"
    yield "".join(f"<th>{_text(cell.name)}" for cell in lab.run.cells) + "</tr>"
    for suite in suites:
        yield f"<tr><td>{_text(suite)}" + "".join(
            _score([r for r in cell.results if r.path[0] == suite]) for cell in lab.run.cells
        )
    yield "</table></div>"


def _score(results: list[Result]) -> str:
    if not results:
        return '<td class="dim">-'
    good = sum(result.kind in GOOD for result in results)
    role = "good" if good == len(results) else "bad"
    if role == "good" and any(result.kind is not Kind.PASSED for result in results):
        role = "some"
    return f'<td class="{role}">{good}/{len(results)}'


def _machine(lab: LabRun, cell: CellResult) -> Iterator[str]:
    yield f'<h2 id="{_text(cell.name)}">{_text(cell.name)}</h2>'
    for result in cell.bad:
        place = (
            f" <code>{_text(f'{result.place.file}:{result.place.line}')}</code>"
            if result.place
            else ""
        )
        yield (
            f'<p><span class="bad">{result.kind.value}</span> {_text(result.name)}{place}: '
            f"{_text(result.reason)}</p>"
        )
        if result.evidence:
            yield f"<pre>{_text(chr(10).join(result.evidence))}</pre>"
    done = lab.followed.get(cell.name)
    if done:
        rows = [(at, what) for at, what in done.steps]
        rows += [(at, what) for what, at in done.times.items()]
        told = "\n".join(f"{at:8.1f} s  {what}" for at, what in sorted(rows))
        yield f"<details><summary>what happened when</summary><pre>{_text(told)}</pre></details>"
        if done.report is not None:
            log = "\n".join(done.report.lines)
            cut = log[-_MOST_LOG:]
            left = " (its end)" if len(cut) < len(log) else ""
            is_open = "" if cell.passed else " open"
            yield f"<details{is_open}><summary>serial log{left}</summary><pre>{_text(cut)}</pre></details>"
