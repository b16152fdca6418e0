"""`orobuild run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import terminal
from orobuild.cli.commands.build import build_options, run_build
from orobuild.errors import UsageError
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.machine import Machine
    from orobuild.pipeline.build import BuildResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says of the machine; None leaves it to the configuration."""

    emulator: str
    boot: str
    cores: int | None
    memory: int | None
    cpu: str | None
    machine_type: str | None
    drive: str
    accelerator: str
    firmware: str


def machine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what machine is started."""
    options = (
        click.option("--cores", type=click.IntRange(1, 255), help="Processors of the machine."),
        click.option(
            "--memory", type=click.IntRange(min=2), metavar="MIB", help="Its memory in MiB."
        ),
        click.option(
            "--cpu", metavar="MODEL", help="Its processor model, as the emulator names it."
        ),
        click.option(
            "--machine", "machine_type", metavar="TYPE", help="QEMU's machine type: q35, pc."
        ),
        click.option(
            "--boot",
            type=click.Choice(["disk", "kernel"]),
            default="disk",
            show_default=True,
            help="The disk image through the firmware, or the kernel itself (PVH).",
        ),
        click.option(
            "--drive",
            type=click.Choice(["ide", "usb", "virtio", "nvme"]),
            default="ide",
            show_default=True,
            help="What the disk image is plugged in as.",
        ),
        click.option(
            "--firmware",
            type=click.Choice(["bios", "uefi"]),
            default="bios",
            show_default=True,
            help="SeaBIOS, which comes with QEMU, or OVMF.",
        ),
        click.option(
            "--accelerator",
            type=click.Choice(["tcg", "kvm", "auto"]),
            default="tcg",
            show_default=True,
            help="How QEMU runs guest code; auto is KVM where it truly works.",
        ),
        click.option(
            "--emulator",
            type=click.Choice(["qemu", "bochs"]),
            default="qemu",
            show_default=True,
            help="Bochs is slower and stricter.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("run")
@build_options
@machine_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="S",
    help="Seconds until a hang; without it the configuration's, until somebody types.",
)
@click.option(
    "--screenshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the screen as PNG here if the machine stops without exiting.",
)
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what the serial port says here, byte for byte.",
)
@click.option("--timestamps", is_flag=True, help="Seconds since the start before each line shown.")
@click.option("--log-timestamps", is_flag=True, help="The same before each line of the log.")
@click.option(
    "--record",
    "records",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Record the run: the console (.cast) or the screen (.png, .apng). Repeatable.",
)
@click.option(
    "--menu/--no-menu",
    default=None,
    help="Keys go to the guest, Ctrl-] opens a menu; by default on a terminal.",
)
def command(
    timeout: float | None,
    screenshot: Path | None,
    log: Path | None,
    timestamps: bool,
    log_timestamps: bool,
    records: tuple[Path, ...],
    menu: bool | None,
    **options: Any,
) -> int:
    """Build the project, boot it in an emulator, and report what ran.

    \b
    orobuild run                       four cores, from the disk image
    orobuild run --boot kernel         hand the ELF kernel to QEMU (PVH)
    orobuild run --cores 1 --cpu qemu64 --memory 64
    orobuild run --emulator bochs --cores 4 --timeout 120
    orobuild run --log serial.log --timestamps
    orobuild run --record boot.cast --record boot.png

    The kernel's console goes to standard output as it comes. On a terminal keys go to its serial
    port, and Ctrl-] opens a menu (Ctrl-] h lists it). A panic is decoded; where a machine hung or
    reset itself, the processors' registers are shown and named. Exit status 0 if the kernel says
    that all is well, 1 if it panics, fails, resets or hangs.
    """
    from orobuild.cli.attending import Attending, Wanted

    wishes = take_wishes(options)
    attending = Attending(
        Wanted(
            log=log,
            records=records,
            screenshot=screenshot,
            timestamps=timestamps,
            log_timestamps=log_timestamps,
            menu=menu,
            timeout=timeout,
        ),
        has_screen=wishes.emulator == "qemu",
    )
    # Before the build: nobody wants to wait for that to learn that there is no emulator.
    find_emulator(wishes)
    result = run_build(**options)
    emulated = wanted(result, wishes)
    terminal.echo(terminal.style(f"── {emulated.describe()}", dim=True), err=True)
    return attending.boot(emulated, result)


def find_emulator(wishes: Wishes) -> None:
    """Raises `MissingToolError` if there is none."""
    from orobuild import machine

    machine.find_bochs() if wishes.emulator == "bochs" else machine.find_qemu()


def take_wishes(options: dict[str, Any]) -> Wishes:
    """What `machine_options` have said, taken out of a command's options."""
    return Wishes(**{name: options.pop(name) for name in Wishes.__dataclass_fields__})


def wanted(result: BuildResult, wishes: Wishes) -> Machine:
    """The machine that boots what was built, as the configuration and the wishes have it."""
    from orobuild import machine

    settings = result.project.config.machine
    medium = result.disk if wishes.boot == "disk" else result.kernel
    if medium is None:
        raise UsageError(
            f"the configuration makes no {wishes.boot} to boot",
            hint="set image.kernel, and image.disk unless you use --boot kernel",
        )
    cores = wishes.cores or settings.cores
    memory = wishes.memory or settings.memory_mib
    uefi = wishes.firmware == "uefi"
    if wishes.emulator == "bochs":
        if wishes.boot != "disk":
            raise UsageError("Bochs boots a disk, it cannot be handed a kernel")
        if uefi:
            raise UsageError("Bochs has no UEFI firmware", hint="use QEMU")
        bochs = machine.Bochs(disk=medium, cores=cores, memory_mib=memory)
        return replace(bochs, cpu=wishes.cpu) if wishes.cpu else bochs
    return machine.Qemu(
        machine=wishes.machine_type or settings.type,
        cpu=wishes.cpu or settings.cpu,
        cores=cores,
        memory_mib=memory,
        disk=medium if wishes.boot == "disk" else None,
        kernel=medium if wishes.boot == "kernel" else None,
        command_line=result.project.config.image.command_line if wishes.boot == "kernel" else "",
        drive=machine.Drive(wishes.drive),
        accelerator=machine.Accelerator(wishes.accelerator),
        firmware=machine.Firmware.OVMF if uefi else machine.Firmware.SEABIOS,
    )
