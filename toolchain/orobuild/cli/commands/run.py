"""`orobuild run`."""

from __future__ import annotations

from typing import Any

import click

from orobuild.cli import summary, terminal
from orobuild.cli.commands.build import build_options, run_build


@click.command("run")
@build_options
@click.option("--cores", type=click.IntRange(1, 255), help="Processors of the machine.")
@click.option("--memory", type=click.IntRange(min=16), metavar="MIB", help="Its memory in MiB.")
@click.option("--cpu", metavar="MODEL", help="Its processor model, as the emulator names it.")
@click.option("--machine", "machine_type", metavar="TYPE", help="Its type: q35, pc.")
@click.option(
    "--boot",
    type=click.Choice(["disk", "kernel"]),
    default="disk",
    show_default=True,
    help="The disk image through the BIOS, or the kernel itself (PVH).",
)
@click.option("--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds until a hang.")
def command(
    cores: int | None,
    memory: int | None,
    cpu: str | None,
    machine_type: str | None,
    boot: str,
    timeout: float | None,
    **options: Any,
) -> int:
    """Build the project, boot it in QEMU, and report what ran.

    \b
    orobuild run                       four cores, from the disk image
    orobuild run --boot kernel         hand the ELF kernel to QEMU (PVH)
    orobuild run --cores 1 --cpu qemu64 --memory 64

    The kernel's console goes to standard output as it comes. Exit status 0 if the kernel says
    that all is well, 1 if it panics, fails, resets or hangs.
    """
    from orobuild import machine

    result = run_build(**options)
    settings = result.project.config.machine
    medium = result.disk if boot == "disk" else result.kernel
    if medium is None:
        raise click.UsageError("the configuration names no kernel to boot")
    emulated = machine.Qemu(
        machine=machine_type or settings.type,
        cpu=cpu or settings.cpu,
        cores=cores or settings.cores,
        memory_mib=memory or settings.memory_mib,
        disk=medium if boot == "disk" else None,
        kernel=medium if boot == "kernel" else None,
        command_line=result.project.config.image.command_line if boot == "kernel" else "",
    )
    click.echo(terminal.style(f"── {emulated.describe()}", dim=True), err=True)
    report = machine.boot(
        emulated, timeout=timeout or settings.timeout, on_line=summary.console_line
    )
    click.echo(summary.of_run(result, report))
    return 0 if report.passed else 1
