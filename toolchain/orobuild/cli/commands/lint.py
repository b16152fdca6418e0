"""`orobuild lint`, also installed as `orolint`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from orobuild.cli import terminal
from orobuild.errors import UsageError

_FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit")


def _codes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in value.split(",") if code.strip())


@click.command("lint")
@click.argument("files", nargs=-1)
@click.option("--select", default="", callback=_codes, metavar="CODES", help="Run these rules.")
@click.option(
    "--extend-select", default="", callback=_codes, metavar="CODES", help="Run these too."
)
@click.option("--ignore", default="", callback=_codes, metavar="CODES", help="Leave these out.")
@click.option("--output-format", type=click.Choice(_FORMATS), default="full", show_default=True)
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option("--explain", metavar="RULE", help="Print a rule's documentation and stop.")
@click.option("--isolated", is_flag=True, help="Read no configuration.")
def command(
    files: tuple[str, ...],
    select: tuple[str, ...],
    extend_select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str,
    explain: str | None,
    *,
    statistics: bool,
    isolated: bool,
) -> int:
    """Check images, objects, linker scripts and assembly: no reachable byte without execute
    permission, and more.

    \b
    orolint build/release/oro.elf
    orolint --select SEG --output-format sarif kernel.elf > lint.sarif
    orolint --select ASM boot/start.S isr.s
    orolint --explain SEG001

    CODES are rule codes or prefixes, separated by commas. The rules' settings come
    from the project's configuration, if there is one. Exit status 1 if anything is found.
    """
    from dataclasses import replace

    from orobuild import lint
    from orobuild.project import find_root, load

    if explain:
        click.echo(lint.explain(explain))
        return 0
    if not files:
        raise click.UsageError("name at least one file to check")
    config = lint.LintConfig()
    if not isolated:
        try:
            config = load(find_root(Path.cwd())).lint
        except UsageError:
            config = lint.LintConfig()  # linting needs no project
    config = replace(
        config,
        select=select or config.select,
        extend_select=(*config.extend_select, *extend_select),
        ignore=(*config.ignore, *ignore),
    )
    result = lint.check_paths(files, config=config)
    report = lint.report(result, output_format, color=terminal.wants_color(sys.stdout))
    terminal.echo(report, end="" if report.endswith("\n") else "\n")
    if statistics:
        for code, count in result.statistics():
            click.echo(f"{count:>6} {code}")
    return 0 if result.is_clean else 1
