"""README.txt: for the person who stands at the rack and has never seen this kernel."""

from __future__ import annotations

import shlex
from textwrap import dedent, fill
from typing import TYPE_CHECKING, Final

from orobuild.rig.index import BUILD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.rig.index import BootMethod, Index

_WIDTH: Final = 96

_BY_HAND: Final = {
    "usb": """\
        Write {file} onto a USB stick, plug it in, and choose it in the firmware's boot menu.
        Everything on the stick is lost. On Linux, with sdX being the stick:

            orobuild image write {quoted} /dev/sdX
            # or, without orobuild; be very sure of the name:
            sudo dd if={quoted} of=/dev/sdX bs=4M oflag=direct conv=fsync

        Switch Secure Boot off: the loader is not signed for it.
        """,
    "cd": """\
        Burn {file} onto a CD, or give it to the machine's remote management as virtual media.
        """,
    "pxe": """\
        Serve the folder {folder} by TFTP, and let DHCP name {program} as the boot file
        (options 66 and 67, or next-server and filename). DHCP's option 93 tells firmware apart:
        0 is BIOS, 7 and 9 are UEFI.
        """,
    "uefi-http": """\
        Put {file} on any HTTP server that the machine reaches, and let DHCP
        answer clients of the vendor class (option 60) HTTPClient with that class and the file's URL
        as the boot file. Nothing else is fetched.
        """,
    "kernel": """\
        For emulators only: QEMU is handed {file} by -kernel (PVH).
        """,
}
_TITLES: Final = {
    "usb": "USB stick or disk",
    "cd": "CD or virtual media",
    "pxe": "network, PXE",
    "uefi-http": "network, UEFI HTTP boot",
    "kernel": "no medium",
}


def text(index: Index) -> bytes:
    """The file."""
    parts = [_head(index), *_seeing(index), *_starting(index), _returning(index), *_contents(index)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts).encode("utf-8", "replace")


def _head(index: Index) -> str:
    version = f" {index.product_version}" if index.product_version else ""
    title = f"{index.name}{version}, profile {index.profile}: a kernel to be tested on a machine"
    about = fill(
        f"This archive holds everything that it takes to start the kernel on real machines and to judge "
        f"what it says. It was made by {index.made_by}"
        + (f" from revision {index.source.revision}" if index.source.revision else "")
        + (", with changes that the revision lacks" if index.source.dirty else "")
        + ".",
        _WIDTH,
    )
    return f"{title}\n{'=' * len(title)}\n\n{about}\n" + dedent("""
        1. Is it whole, and from whom it should be?
        -------------------------------------------

            orobuild rig verify BUNDLE.zip --key KEY.pub

        checks every byte. BUNDLE.zip is the archive as it came; KEY.pub is the public key of who made it.
        Without orobuild, `sha256sum` of a file must be what bundle.json says of it.

        Machines that labgrid switches and listens to need no hands:

            orobuild rig run BUNDLE.zip --env ENVIRONMENT.yaml

        The folder labgrid/ has environments to begin with. For all others, go on reading.
        """)


def _seeing(index: Index) -> Iterator[str]:
    serial, tests = index.serial, index.tests
    parity = serial.parity[:1].upper()
    yield dedent(f"""\
        2. See what it says
        -------------------

        Connect {serial.port} (I/O port {serial.io_port}) by a null-modem cable: {serial.speed} bits a second,
        {serial.data_bits}{parity}{serial.stop_bits} ({serial.data_bits} data bits, parity {serial.parity}, \
{serial.stop_bits} stop bit), flow control {serial.flow_control}. Keep everything in a file
        from before the machine is switched on:

            picocom -b {serial.speed} --logfile console.log /dev/ttyUSB0
        """)
    if tests.suites:
        cases = sum(max(len(suite.cases), 1) for suite in tests.suites)
        names = ", ".join(suite.name for suite in tests.suites)
        yield fill(
            f"The kernel reports its tests as KTAP: lines that begin with 'ok' or 'not ok'. Expected are "
            f"{len(tests.suites)} suites with {cases} cases: {names}.",
            _WIDTH,
        )
    elif tests.success:
        yield fill(f"The kernel has passed when a line has {tests.success!r} in it.", _WIDTH)
    if tests.failure:
        said = " or ".join(repr(part) for part in tests.failure)
        yield fill(f"A line that has {said} in it means that it has failed.", _WIDTH)
    limit = f"The whole run takes {tests.timeout:g} s at most from power-on."
    if tests.case_timeout:
        limit += f" If no result comes for {tests.case_timeout:g} s, the machine hangs."
    yield fill(limit, _WIDTH)


def _starting(index: Index) -> Iterator[str]:
    title = "3. Start it, in one of these ways"
    yield f"{title}\n{'-' * len(title)}"
    for method in index.boot:
        yield _way(method)


def _way(method: BootMethod) -> str:
    firmware = " or ".join({"bios": "BIOS", "uefi": "UEFI"}.get(f, f) for f in method.firmware)
    title = f"{_TITLES.get(method.method, method.method)} ({firmware}): {method.file}"
    words = dedent(_BY_HAND.get(method.method, "{file}\n")).format(
        file=method.file,
        quoted=shlex.quote(method.file),
        folder=method.folder,
        program=method.file.rpartition("/")[2],
    )
    tried = f"\nTo try it in QEMU, in the folder {BUILD}:\n\n    {method.command}\n"
    return f"{title}\n\n{words}" + (tried if method.command else "")


def _returning(index: Index) -> str:
    title = "4. Bring back what it said"
    words = fill(
        "Keep console.log whole, also of a machine that hung or restarted. Say which machine it was (maker, "
        "model, processor, firmware version) and how it was started. If the kernel panicked, this explains "
        "where and why:",
        _WIDTH,
    )
    command = f"orobuild decode -e {shlex.quote(index.kernel.debug)} console.log"
    return f"{title}\n{'-' * len(title)}\n\n{words}\n\n    {command}\n"


def _contents(index: Index) -> Iterator[str]:
    title = "What is in the archive"
    width = max((len(file.name) for file in index.files), default=0)
    rows = [f"  {file.name:<{width}}  {', '.join(file.roles)}" for file in index.files]
    yield "\n".join([title, "-" * len(title), "", *rows])
