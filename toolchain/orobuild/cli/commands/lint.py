"""`orobuild lint`, also installed as `orolint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orobuild.cli import lint_media, terminal
from orobuild.errors import UsageError
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.lint import LintConfig
    from orobuild.lint.result import LintResult

_FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit")
_STDIN = "-"


def _codes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in value.split(",") if code.strip())


@click.command("lint", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1)
@click.option("--select", default="", callback=_codes, metavar="CODES", help="Run these rules.")
@click.option(
    "--extend-select", default="", callback=_codes, metavar="CODES", help="Run these too."
)
@click.option("--ignore", default="", callback=_codes, metavar="CODES", help="Leave these out.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Pass over in directories.")
@click.option("--output-format", type=click.Choice(_FORMATS), default="full", show_default=True)
@click.option("-o", "--output-file", metavar="FILE", help="Write the report there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but findings.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option("--fix", is_flag=True, help="Apply the fixes that are safe.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: the others too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--add-ignore", is_flag=True, help="Suppress every finding by a comment.")
@click.option("--reason", default="", metavar="TEXT", help="With --add-ignore: why.")
@click.option("--baseline", metavar="FILE", help="Leave out the findings that FILE knows.")
@click.option("--write-baseline", is_flag=True, help="Write all findings to the baseline.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--live", is_flag=True, help="Run the kernel, and check its page tables.")
@click.option("--compare", metavar="FILE", help="Check what differs from this other build.")
@click.option("--stdin-filename", metavar="NAME", help="What '-' is called.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked, and stop.")
@click.option("--explain", metavar="RULE", help="Print a rule's documentation and stop.")
@click.option("--config", "config_file", metavar="FILE", help="Read this configuration.")
@click.option("--isolated", is_flag=True, help="Read no configuration.")
def command(
    files: tuple[str, ...],
    select: tuple[str, ...],
    extend_select: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    output_format: str,
    output_file: str | None,
    reason: str,
    baseline: str | None,
    stdin_filename: str | None,
    compare: str | None,
    explain: str | None,
    config_file: str | None,
    *,
    quiet: bool,
    statistics: bool,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    add_ignore: bool,
    write_baseline: bool,
    exit_zero: bool,
    watch: bool,
    live: bool,
    show_files: bool,
    isolated: bool,
) -> int:
    """Check sources, objects, images and linker scripts: no reachable byte without execute
    permission, and more.

    \b
    orolint .                              every source and script below here
    orolint --fix boot/start.S isr.s       mend what can be mended safely
    orolint build/release/oro.elf          a linked image
    orolint build/release/oro.iso          the kernel in a bootable medium
    orolint --output-format sarif kernel.elf > lint.sarif
    orolint --live build/release/oro.elf   the page tables of a machine that runs it
    orolint --compare build/debug/oro.elf build/release/oro.elf
    orolint --explain SEG001

    CODES are rule codes or prefixes, separated by commas. Settings come from
    [tool.orobuild.lint] of the nearest configuration, if there is one. Exit
    status 1 if anything is found, 2 for wrong usage.
    """
    from orobuild import lint
    from orobuild.lint.files import found
    from orobuild.records import replace

    if explain:
        terminal.echo(lint.explain(explain), end="")
        return 0
    config, root = _configuration(config_file, isolated=isolated)
    config = replace(
        config,
        select=select or config.select,
        extend_select=(*config.extend_select, *extend_select),
        ignore=(*config.ignore, *ignore),
        exclude=(*config.exclude, *exclude),
    )
    if baseline is None and config.baseline:
        baseline = str(root / config.baseline)
    _require_sense(
        files,
        stdin_filename,
        baseline,
        changing=fix or diff or add_ignore,
        watch=watch,
        write_baseline=write_baseline,
        fix_options=unsafe_fixes and not (fix or diff),
        both=add_ignore and (fix or diff),
    )
    if show_files:
        for path in found(files, config):
            terminal.echo(path)
        return 0
    given = _standard_input(files, stdin_filename)
    files = tuple(stdin_filename or "<stdin>" if name == _STDIN else name for name in files)
    if fix or diff or add_ignore:
        from orobuild.cli import mending

        status = mending.run(
            tuple(found(files, config)),
            given,
            config,
            unsafe=unsafe_fixes,
            ignoring=reason if add_ignore else None,
            show=diff,
            quiet=quiet,
        )
        if diff or given:
            return 0 if exit_zero else status
    if watch:
        from orobuild.cli import watching

        return watching.watch(files, config, lambda: _check(files, config, {}, baseline, "full"))
    if live or compare is not None:
        from orobuild.cli import live_lint

        if live and compare is not None:
            raise UsageError("--live and --compare are two checks: ask for one")
        one = (
            live_lint.compare(files, compare, config) if compare else live_lint.live(files, config)
        )
        _show(_known(one, baseline), output_format, output_file, quiet=quiet)
        return 0 if one.is_clean or exit_zero else 1
    files, given, unreadable = lint_media.opened(files, given)
    result = lint_media.with_errors(lint.check_paths(files, config=config, given=given), unreadable)
    if write_baseline:
        assert baseline is not None
        return _write_baseline(result, baseline, quiet=quiet)
    result = _known(result, baseline)
    _show(result, output_format, output_file, quiet=quiet)
    if statistics:
        for code, count in result.statistics():
            terminal.echo(f"{count:>6} {code}", err=output_format not in ("full", "concise"))
    return 0 if result.is_clean or exit_zero else 1


def _configuration(file: str | None, *, isolated: bool) -> tuple[LintConfig, Path]:
    from orobuild.lint import LintConfig, settings

    if isolated:
        return LintConfig(), Path.cwd()
    config, root = settings.load_file(Path(file)) if file else settings.load(Path.cwd())
    return replace(config, root=str(root)), root


def _require_sense(
    files: tuple[str, ...],
    stdin_filename: str | None,
    baseline: str | None,
    *,
    changing: bool,
    watch: bool,
    write_baseline: bool,
    fix_options: bool,
    both: bool,
) -> None:
    """Raises `UsageError` for options that contradict each other."""
    if not files:
        raise click.UsageError("name at least one file or directory to check")
    if fix_options:
        raise UsageError("--unsafe-fixes says which fixes: add --fix or --diff")
    if both:
        raise UsageError("--add-ignore keeps what --fix would mend: use one after the other")
    if write_baseline and baseline is None:
        raise UsageError("--write-baseline needs --baseline FILE")
    if watch and (changing or write_baseline or _STDIN in files):
        raise UsageError("--watch only checks")
    if stdin_filename is not None and _STDIN not in files:
        raise UsageError("--stdin-filename names what '-' reads: give '-' as the file")


def _standard_input(files: tuple[str, ...], name: str | None) -> dict[str, bytes]:
    return {name or "<stdin>": sys.stdin.buffer.read()} if _STDIN in files else {}


def _check(
    files: tuple[str, ...],
    config: LintConfig,
    given: dict[str, bytes],
    baseline: str | None,
    output_format: str,
) -> None:
    from orobuild import lint

    result = lint.check_paths(files, config=config, given=given)
    _show(_known(result, baseline), output_format, None, quiet=False)


def _known(result: LintResult, path: str | None) -> LintResult:
    """`result` without what the baseline knows."""
    if path is None:
        return result
    from orobuild.cli import files
    from orobuild.lint import baseline

    return baseline.apply(result, baseline.read(files.read_text(path), path), path)


def _write_baseline(result: LintResult, path: str, *, quiet: bool) -> int:
    from orobuild.cli import files
    from orobuild.lint import baseline

    files.write(path, baseline.write(result.findings, path).encode("utf-8", "surrogateescape"))
    if result.errors:
        terminal.show(result.errors)
        return 1
    if not quiet:
        terminal.echo(f"{len(result.findings)} findings are in {path} now", err=True)
    return 0


def _show(result: LintResult, output_format: str, output_file: str | None, *, quiet: bool) -> None:
    from orobuild import lint

    if quiet and result.is_clean and output_format in ("full", "concise"):
        return
    color = output_file is None and terminal.wants_color(sys.stdout)
    report = lint.report(result, output_format, color=color)
    if output_file is None:
        terminal.echo(report, end="")
    else:
        from orobuild.cli import files

        files.write(output_file, report.encode("utf-8", "replace"))
