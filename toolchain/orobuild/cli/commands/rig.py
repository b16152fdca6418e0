"""`orobuild rig`: one artifact for racks of real machines, and what can be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import files, terminal

if TYPE_CHECKING:
    from orobuild.pipeline.build import BuildResult
    from orobuild.rig.bundle import Bundle
    from orobuild.rig.index import Suite

_KEY = click.option(
    "--key", metavar="FILE", help="The public key (PEM) by which the bundle must be signed."
)


@click.group("rig")
def command() -> None:
    """Make, check, unpack and run the bundle that a rack of machines is handed.

    \b
    orobuild rig bundle -o oro.zip               build, boot once in QEMU, and pack
    orobuild rig verify oro.zip --key oro.pub    every byte, and who vouches for it
    orobuild rig inspect oro.zip                 what it holds, and how it is started
    orobuild rig unpack oro.zip folder           its files, once they have been verified
    orobuild rig run oro.zip --env lab.yaml      on labgrid's places, several at a time

    A bundle is a zip file with images, kernel, symbols, manifest, bill of materials, lint report, the
    tests that are expected, templates for labgrid and LAVA, and a README for the person at the rack:
    docs/rigs.md.
    """


@command.command("bundle")
@click.option(
    "-C",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The project's directory (default: found from here upwards).",
)
@click.option("--profile", metavar="NAME", help="debug, release or one of the project's.")
@click.option("-o", "output", required=True, metavar="FILE", help="The bundle to write.")
@click.option(
    "--plan",
    "plan",
    metavar="FILE",
    help="What is expected: a report of 'orobuild test --json', or a console's log.",
)
@click.option("--no-plan", is_flag=True, help="Expect nothing in particular, and do not boot.")
def _bundle(
    directory: Path | None, profile: str | None, output: str, plan: str | None, *, no_plan: bool
) -> int:
    """Build the project as for its tests, and pack all that a rack of machines needs.

    \b
    orobuild rig bundle -o oro.zip
    orobuild rig bundle --profile debug -o oro-debug.zip
    orobuild test --json report.json && orobuild rig bundle --plan report.json -o oro.zip
    OROBUILD_SIGNING_KEY=key.pem orobuild rig bundle -o oro.zip

    The kernel is booted once in QEMU: the tests that it reports there are expected of every machine, and a
    kernel that does not pass is not packed. The same sources give the same bytes, anywhere. With a
    signing key (image.signing-key) the bundle is signed.
    """
    from orobuild.errors import UsageError
    from orobuild.pipeline import delivery, images
    from orobuild.pipeline.inputs import read_regular
    from orobuild.project import find_root, load
    from orobuild.rig import expectation, packing

    if plan and no_plan:
        raise UsageError("--plan and --no-plan contradict each other")
    project = load(directory.resolve() if directory else find_root(Path.cwd()))
    suites: tuple[Suite, ...] = ()
    origin = ""
    if plan:
        suites, origin = tuple(expectation.of_file(files.read(plan), plan)), Path(plan).name
    key = delivery.signing_key(project, lambda name: read_regular(project.root / name))
    changed, line = packing.project_for_rig(project)
    built = _build(changed, profile, "rig")
    if not plan and not no_plan:
        booted = _boot(built, line)
        if isinstance(booted, int):
            return booted
        suites, origin = booted
    debug = None
    if unstripped := packing.without_stripping(changed):
        debug = packing.read_debug(_build(unstripped, profile, "rig-debug"))
    made = packing.pack(
        packing.Order(
            built=built,
            command_line=line,
            suites=suites,
            origin=origin,
            debug=debug,
            key=key,
            timestamp=images.source_date(),
        )
    )
    from orobuild.pipeline import outputs

    outputs.write(output, made)
    signed = "signed" if key else "not signed"
    cases = sum(max(len(suite.cases), 1) for suite in suites)
    told = f"{cases} tests expected" if suites else "no tests expected in particular"
    terminal.echo(f"{output}: {made.size:,} bytes, {signed}, {told}")
    terminal.echo(f"sha256 {made.sha256()}")
    return 0


def _build(project: Any, profile: str | None, folder: str) -> BuildResult:
    from orobuild.cli.commands.build import run_build_of

    name, _ = project.profile(profile)
    return run_build_of(
        project, profile=name, output=project.root / "build" / name / folder, unchecked=False
    )


def _boot(built: BuildResult, line: str) -> tuple[tuple[Suite, ...], str] | int:
    """What the kernel says in QEMU, and where; or the exit status, if it does not pass there."""
    from orobuild.cli import interruption, matrix_screen
    from orobuild.rig import trial
    from orobuild.testing.reporters import human_report

    cell = trial.cell_of(built)
    with interruption.deferred() as interrupted, matrix_screen.screen(1, err=True) as screen:
        run = trial.boot(built, cell, line, listener=screen, cancelled=interrupted.asked)
    if interrupted.number:
        return interrupted.status
    if not run.passed:
        said = human_report.report(run, built.project.root)
        terminal.echo(said, err=True, end="")
        hint = "hint: --plan FILE or --no-plan packs a kernel that does not pass in QEMU"
        terminal.echo(hint, err=True)
        return run.status
    return trial.suites(run), f"QEMU, {cell.name}"


@command.command("verify")
@click.argument("bundle")
@_KEY
def _verify(bundle: str, key: str | None) -> int:
    """Check every byte of a BUNDLE, its signature, and the build in it.

    \b
    orobuild rig verify oro.zip
    orobuild rig verify oro.zip --key oro.pub

    The archive's form, the SHA-256 of all files and of the archive itself, the manifest, the bill of
    materials, the provenance, and of every medium what it boots. Nothing is unpacked. Exit status 1 if
    anything is not what it should be.
    """
    from orobuild.rig.bundle import open_bundle, verify

    done = verify(open_bundle(bundle), (files.read(key), key) if key else None)
    for line in done.checked:
        terminal.echo(f"{terminal.style('checked', fg='green' if done.passed else None)} {line}")
    terminal.show(done.problems)
    if not done.passed:
        return 1
    if not key:
        said = "the signature was not checked" if done.has_signature else "it is not signed"
        terminal.echo(terminal.warn(f"nobody vouches for it: {said} (--key FILE)"), err=True)
    terminal.echo(f"{bundle}: {terminal.style('verified', fg='green', bold=True)}")
    return 0


@command.command("inspect")
@click.argument("bundle")
@click.option("--json", "as_json", is_flag=True, help="bundle.json as it stands in the bundle.")
def _inspect(bundle: str, *, as_json: bool) -> int:
    """Show what a BUNDLE says of itself: kernel, ways to start it, expected tests, files.

    \b
    orobuild rig inspect oro.zip
    orobuild rig inspect oro.zip --json

    The archive's form is checked, its contents are not: that is what 'orobuild rig verify' does.
    The schema of bundle.json is docs/rig-bundle.schema.json.
    """
    from orobuild.rig.bundle import open_bundle

    opened = open_bundle(bundle)
    if as_json:
        terminal.echo(opened.raw_index.decode("utf-8", "replace"), end="")
    else:
        _show(opened)
    return 0


def _show(opened: Bundle) -> None:
    from orobuild.cli.summary import size

    index = opened.index
    kernel, serial, tests = index.kernel, index.serial, index.tests
    version = f" {index.product_version}" if index.product_version else ""
    revision = (index.source.revision or "none known") + (
        ", with changes" if index.source.dirty else ""
    )
    cases = sum(max(len(suite.cases), 1) for suite in tests.suites)
    expected = f"{cases} in {len(tests.suites)} suites, as from {tests.origin}"
    frame = f"{serial.data_bits}{serial.parity[:1].upper()}{serial.stop_bits}"
    rows = [
        ("product", f"{index.name}{version}, profile {index.profile}"),
        ("made by", f"{index.made_by}, bundle version {index.version}"),
        ("revision", revision),
        ("signature", "there is one" if opened.signature else "none"),
        ("kernel", f"{kernel.file}  build-id {kernel.build_id or 'none'}"),
        ("debug", kernel.debug),
        ("symbols", kernel.symbols),
        ("command line", kernel.command_line or "empty"),
        ("serial", f"{serial.port}, {serial.speed} {frame}"),
        ("tests", expected if tests.suites else "none expected in particular"),
        ("limits", f"{tests.timeout:g} s in all, {tests.case_timeout:g} s for a result"),
    ]
    for name, value in rows:
        terminal.echo(f"{terminal.style(f'{name:<13}', bold=True)}{_printable(value)}")
    terminal.echo(terminal.style("starts by", bold=True))
    for method in index.boot:
        firmware = " or ".join(method.firmware)
        terminal.echo(_printable(f"  {method.method:<10} {firmware:<13} {method.file}"))
    terminal.echo(terminal.style("files", bold=True))
    for file in index.files:
        told = f"  {size(file.size):>10}  {file.name}  {', '.join(file.roles)}"
        terminal.echo(_printable(told))


def _printable(text: str) -> str:
    """`text` of somebody else's file, without what would steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@command.command("unpack")
@click.argument("bundle")
@click.argument("directory", type=click.Path(path_type=Path))
@_KEY
def _unpack(bundle: str, directory: Path, key: str | None) -> int:
    """Write the files of a BUNDLE into a new DIRECTORY, if all of them are what they should be.

    \b
    orobuild rig unpack oro.zip oro-for-the-rack --key oro.pub

    Everything that 'orobuild rig verify' checks is checked before anything is written. Any unzip
    unpacks a bundle too; this one looks first.
    """
    from orobuild.rig.bundle import open_bundle, require, unpack

    opened = open_bundle(bundle)
    require(opened, (files.read(key), key) if key else None)
    unpack(opened, directory)
    terminal.echo(f"{directory}: {len(opened.index.files)} files, verified")
    return 0


@command.command("run")
@click.argument("bundle")
@click.option(
    "--env",
    "env",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An environment of labgrid's; every target in it is a machine.",
)
@click.option("--target", "wanted", multiple=True, metavar="NAME", help="Only these targets.")
@_KEY
@click.option("-j", "jobs", type=click.IntRange(min=1), help="Machines at a time (default: all).")
@click.option(
    "--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds from power-on to the end."
)
@click.option(
    "-o",
    "output",
    type=click.Path(file_okay=False, path_type=Path),
    default="rig-results",
    show_default=True,
    help="Where logs, report.html, results.json and junit.xml go.",
)
def _run(
    bundle: str,
    env: Path,
    wanted: tuple[str, ...],
    key: str | None,
    jobs: int | None,
    timeout: float | None,
    output: Path,
) -> int:
    """Run a BUNDLE on real machines, by labgrid's drivers, and read what the kernel says.

    \b
    orobuild rig unpack oro.zip lab && orobuild rig run oro.zip --env lab/labgrid/qemu.yaml
    orobuild rig run oro.zip --env lab.yaml --target nuc --target epyc -o results
    orobuild rig run oro.zip --env lab.yaml --key oro.pub --timeout 600

    The bundle is verified first. Each machine is switched off, given its medium, switched on, followed on
    its serial port until its tests are done or time is up, and switched off again, whatever happens.
    Results are those of 'orobuild test'; exit status 0 if every machine has passed, 1 if not, 2 if
    only tools were missing.
    """
    import importlib.util

    from orobuild.errors import MissingToolError
    from orobuild.rig.bundle import open_bundle, require

    if importlib.util.find_spec("labgrid") is None:
        raise MissingToolError("labgrid is not installed", hint="pip install 'orobuild[rig]'")
    from orobuild.rig.lab import session

    opened = open_bundle(bundle)
    targets = _chosen(session.targets_of(env), wanted)
    require(opened, (files.read(key), key) if key else None)
    return _run_on(opened, env, targets, jobs=jobs, timeout=timeout, output=output)


def _chosen(targets: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    from orobuild.diagnostics import did_you_mean
    from orobuild.errors import UsageError

    for name in wanted:
        if name not in targets:
            near = did_you_mean(name, targets) or f"targets: {', '.join(targets)}"
            raise UsageError(f"no target is called '{name}'", hint=near)
    return tuple(name for name in targets if not wanted or name in wanted)


def _run_on(
    opened: Bundle,
    env: Path,
    targets: tuple[str, ...],
    *,
    jobs: int | None,
    timeout: float | None,
    output: Path,
) -> int:
    import tempfile

    from orobuild.cli import interruption, matrix_screen
    from orobuild.pipeline import outputs
    from orobuild.rig.bundle import unpack
    from orobuild.rig.lab import html_report, session
    from orobuild.testing import reporters
    from orobuild.testing.reporters import human_report

    with tempfile.TemporaryDirectory(prefix="orobuild-rig-") as scratch:
        folder = Path(scratch) / "bundle"
        unpack(opened, folder)
        with interruption.deferred() as interrupted:
            order = session.Order(
                index=opened.index,
                folder=folder,
                env=env.absolute(),
                targets=targets,
                output=output,
                jobs=jobs or len(targets),
                timeout=timeout,
                cancelled=interrupted.asked,
            )
            with matrix_screen.screen(len(targets), err=False) as screen:
                lab = session.run(order, screen)
    written = {
        "report.html": html_report.report(lab, opened.index),
        "results.json": reporters.report(lab.run, "json", output),
        "junit.xml": reporters.report(lab.run, "junit", output),
    }
    outputs.write_all({output / name: text.encode() for name, text in written.items()})
    terminal.echo(human_report.report(lab.run, output, matrix_screen.paint), end="")
    terminal.echo(f"report  {output / 'report.html'}")
    return interrupted.status if interrupted.number else lab.run.status
