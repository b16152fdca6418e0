"""`orobuild image`: media from an ELF kernel, and what can be asked of media."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orobuild.cli import terminal
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from orobuild.image.examination import Part
    from orobuild.pipeline.block_devices import BlockDevice


@click.group("image")
def command() -> None:
    """Make, convert, inspect, compare, verify and write bootable media.

    \b
    orobuild image build kernel.elf -o kernel.img        a disk for BIOS and UEFI
    orobuild image convert kernel.img -o kernel.vmdk     for a virtual machine
    orobuild image inspect kernel.iso                    what is in it
    orobuild image diff old.img new.img                  where two of them differ
    orobuild image verify build/release                  is it what the manifest says?
    orobuild image write kernel.img /dev/sdX             onto a USB stick

    `orobuild build` makes the images that [image] of the configuration asks for.
    """


_OUTPUTS = click.option(
    "-o",
    "outputs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="An image to write; the end of its name says the format. May be given several times.",
)
_FORMAT = click.option(
    "--format", "form", metavar="NAME", help="The format, where the name does not say it."
)


def _module(text: str) -> tuple[str, str]:
    """FILE=STRING, or FILE alone, whose string is empty."""
    file, _, string = text.partition("=")
    return file, string


@command.command("build")
@click.argument("kernel")
@_OUTPUTS
@_FORMAT
@click.option("--cmdline", default="", metavar="TEXT", help="The kernel's command line.")
@click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="FILE[=STRING]",
    help="A file for the kernel, and what its module tag says. May be given several times.",
)
@click.option(
    "--protocol",
    type=click.Choice(("multiboot2", "multiboot", "elf")),
    help="How the kernel is entered, where its header does not say it.",
)
@click.option(
    "--title", metavar="TEXT", help="What the boot menu shows (default: the file's name)."
)
@click.option("--size", type=click.IntRange(min=1), metavar="MIB", help="The disk's size.")
def _build(
    kernel: str,
    outputs: tuple[str, ...],
    form: str | None,
    cmdline: str,
    modules: tuple[str, ...],
    protocol: str | None,
    title: str | None,
    size: int | None,
) -> None:
    """Make images that boot KERNEL, a file with a Multiboot2 or Multiboot header, or plain ELF.

    \b
    orobuild image build kernel.elf -o kernel.img -o kernel.iso
    orobuild image build kernel.elf --cmdline 'root=ram quiet' --module initrd.img=initrd -o k.iso
    orobuild image build kernel.elf -o k.vmdk -o k.ova -o k.efi
    orobuild image build /boot/xen.gz --cmdline 'console=com1' -o xen.img
    orobuild image build plain.elf --protocol elf -o plain.img
    orobuild image build kernel.elf --format pxe -o served-by-tftp

    Several kernels in one boot menu take a configuration: see docs/images.md.
    """
    from orobuild.cli import files
    from orobuild.image import Boot, Entry, Module, media
    from orobuild.image.adaptation import unpacked
    from orobuild.pipeline import images
    from orobuild.pipeline.outputs import write_all

    formats = {output: form or media.format_of(output) for output in outputs}
    media.check_formats(formats.values())
    loaders = images.loaders_of_user()
    data = unpacked(files.read(kernel), kernel)
    given = [_module(text) for text in modules]
    entry = Entry(
        title or Path(kernel).name,
        images.loadable(data, kernel, protocol or "", loaders),
        cmdline,
        tuple(Module(string, files.read(file)) for file, string in given),
    )
    product = media.Product(
        name=_stem(outputs[0]),
        boot=Boot((entry,)),
        loaders=loaders,
        size=size << 20 if size else None,
        timestamp=images.source_date(),
    )
    made = media.Media(product)
    written: dict[Path, Any] = {}
    for output, name in formats.items():
        written |= _named(output, media.make_as(made, name, Path(output).name))
    write_all(written)
    for output, name in formats.items():
        terminal.echo(f"{output}: {media.known_formats()[name]}")


def _stem(path: str) -> str:
    return Path(path).name.split(".")[0] or "image"


def _named(output: str, made: dict[str, Any]) -> dict[Path, Any]:
    """The files of one format: the output itself, or what lies below it."""
    return {Path(output) / name if name else Path(output): data for name, data in made.items()}


@command.command("convert")
@click.argument("image")
@_OUTPUTS
@_FORMAT
def _convert(image: str, outputs: tuple[str, ...], form: str | None) -> None:
    """Convert a disk IMAGE of any format to others; the disk stays the same, byte for byte.

    \b
    orobuild image convert kernel.img -o kernel.qcow2 -o kernel.vhdx
    orobuild image convert machine.ova -o disk.img

    Reads and writes raw disks, VMDK, VDI, VHD, VHDX, qcow2 and OVA, whoever made them.
    """
    from orobuild.image import conversion, media
    from orobuild.image.containers import unwrap
    from orobuild.pipeline import images, sparse_files
    from orobuild.pipeline.outputs import write_all

    formats = {output: form or media.format_of(output) for output in outputs}
    media.check_formats(formats.values())
    kind, disk = unwrap(sparse_files.read_input(image), image)
    written = {
        Path(output): conversion.convert(
            disk, name, image=image, file=Path(output).name, timestamp=images.source_date()
        )
        for output, name in formats.items()
    }
    write_all(written)
    for output in outputs:
        terminal.echo(f"{output}: the disk of {disk.size:,} bytes that was in the {kind} file")


@command.command("inspect")
@click.argument("image")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def _inspect(image: str, *, as_json: bool) -> int:
    """Show what is in an IMAGE: container, partitions, files, boot menu, kernel segments.

    \b
    orobuild image inspect build/release/oro.img
    orobuild image inspect --json somebody-elses.iso

    Exit status 1 if something in it is damaged.
    """
    from orobuild.image.examination import examine
    from orobuild.pipeline import sparse_files

    part = examine(sparse_files.read_input(image), image)
    if as_json:
        import json

        terminal.echo(json.dumps(_as_object(part), indent=2))
    else:
        _show(part, 0)
    return int(any(inner.complaints for inner in part.walk()))


def _as_object(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "offset": part.offset,
        "size": part.contents.size,
        "facts": list(part.facts),
        "complaints": list(part.complaints),
        "parts": [_as_object(inner) for inner in part.parts],
    }


def _show(part: Part, depth: int) -> None:
    from orobuild.cli.summary import size

    indent = "  " * depth
    place = f" at {part.offset:#x}" if depth and part.offset is not None else ""
    name = terminal.style(part.name, bold=depth < 2 or bool(part.parts))
    terminal.echo(f"{indent}{name}  {size(part.contents.size)}{place}")
    for fact in part.facts:
        terminal.echo(terminal.style(f"{indent}    {fact}", dim=True))
    for complaint in part.complaints:
        terminal.echo(terminal.style(f"{indent}    damaged: {complaint}", fg="red"))
    for inner in part.parts:
        _show(inner, depth + 1)


@command.command("diff")
@click.argument("one")
@click.argument("other")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def _diff(one: str, other: str, *, as_json: bool) -> int:
    """Say where two images differ: partition, file, ELF section, bytes.

    \b
    orobuild image diff build/release/oro.img /mnt/other-machine/oro.img
    orobuild image diff oro.img oro.vmdk

    Containers are opened: a disk compares with the same disk in another format. Exit status 1 if
    there are differences.
    """
    from orobuild.image.difference import compare
    from orobuild.image.examination import examine
    from orobuild.pipeline import sparse_files

    first, second = sparse_files.read_input(one), sparse_files.read_input(other)
    found = compare(examine(first, one), examine(second, other))
    if as_json:
        import json

        rows = [{"where": list(d.where), "what": d.what, "offset": d.offset} for d in found]
        terminal.echo(json.dumps(rows, indent=2))
    else:
        for difference in found:
            terminal.echo(str(difference))
    return int(bool(found))


@command.command("verify")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--key", metavar="FILE", help="The public key (PEM) that must have signed the provenance."
)
def _verify(directory: Path, key: str | None) -> int:
    """Check a build's output DIRECTORY against its manifest, bill of materials and signature.

    \b
    orobuild image verify build/release
    orobuild image verify build/release --key oro.pub

    Every file's bytes, and for every medium its structures, its menu and the kernels that it
    boots. Exit status 1 if anything is not what it should be.
    """
    from orobuild.cli import files
    from orobuild.pipeline.verification import Directory, verify

    done = verify(Directory(directory), (files.read(key), key) if key else None)
    for line in done.checked:
        terminal.echo(f"{terminal.style('checked', fg='green' if done.passed else None)} {line}")
    if done.has_signature and not key:
        terminal.echo(
            terminal.warn("the signature was not checked: name the public key with --key"), err=True
        )
    terminal.show(done.problems)
    if done.passed:
        terminal.echo(f"{directory}: {terminal.style('verified', fg='green', bold=True)}")
    return int(not done.passed)


@command.command("write")
@click.argument("image")
@click.argument("device", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask, if nothing speaks against the device.")
@click.option(
    "--force",
    metavar="NAME",
    help="Write although it is mounted, in use or not removable: NAME is the device's, e.g. sdb.",
)
def _write(image: str, device: Path, *, yes: bool, force: str | None) -> int:
    """Write an IMAGE to a DEVICE, a whole disk such as a USB stick, and read it back.

    \b
    orobuild image write build/release/oro.img /dev/sdX

    Shows what is on the device first. Refuses a disk that is mounted, in use, not removable or
    this system's own, unless its name is typed with --force. Everything on the device is lost.
    """
    from orobuild.image.containers import unwrap
    from orobuild.pipeline import block_devices, device_writer, sparse_files

    _, disk = unwrap(sparse_files.read_input(image), image)
    target = block_devices.find(device)
    _describe(target)
    device_writer.check(disk, target)
    if target.objections and force != target.name:
        raise UsageError(
            "; ".join(target.objections),
            hint=f"if you are sure that everything on it may go: --force {target.name}",
        )
    if not yes and force != target.name:
        _confirm(target)
    device_writer.write(disk, target, force=force == target.name, progress=_progress)
    terminal.echo(f"{target.path}: written and read back, {disk.size:,} bytes")
    return 0


def _describe(device: BlockDevice) -> None:
    from orobuild.cli.summary import size

    terminal.echo(f"{device.path}  {size(device.size)}  {device.description}")
    for name, length in device.partitions:
        terminal.echo(f"    {name}  {size(length)}")
    for objection in device.objections:
        terminal.echo(terminal.style(f"    {objection}", fg="red"))


def _confirm(device: BlockDevice) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"everything on {device.path} would be lost, and there is nobody to ask",
            hint="--yes answers the question",
        )
    typed = click.prompt(f"Everything on it will be lost. Type '{device.name}' to go on", err=True)
    if typed.strip() != device.name:
        raise UsageError("nothing was written")


def _progress(step: str, done: int, total: int) -> None:
    """A line that counts up on a terminal; elsewhere only the ends of the steps."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{step} {100 * done // total:3} %  {done:,} of {total:,} bytes{end}")
        sys.stderr.flush()
    elif done == total:
        sys.stderr.write(f"{step}: {total:,} bytes\n")
