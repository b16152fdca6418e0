"""What `orobuild debug` does: GDB with the right file, a stopped machine, and the inspector."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import images, terminal
from orobuild.errors import InputError, MissingToolError, OrobuildError, UsageError
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.cli.commands.run import Wishes
    from orobuild.debug.structures import Debug
    from orobuild.lint import LintConfig
    from orobuild.lint.program import Program
    from orobuild.machine import Machine, Qemu

_INSTALL: Final = "install GDB with one of\n  apt install gdb\n  dnf install gdb\n  pacman -S gdb"
_ENDING: Final = 5.0  # seconds that GDB has to end when we must


def find_gdb() -> str:
    """GDB's path. Raises `MissingToolError` with the commands that install it."""
    program = shutil.which(os.environ.get("GDB") or "gdb")
    if program is None:
        raise MissingToolError("GDB is not installed", hint=_INSTALL)
    return program


def extension() -> Path:
    """The file that makes the `oro` commands when GDB loads it."""
    import orobuild

    return Path(orobuild.__file__).parent / "debug" / "gdb_python" / "load.py"


def setup() -> str:
    """What a user says once to GDB."""
    try:
        folder = built(None, None).parent
    except OrobuildError:
        folder = Path("/path/to/your/project/build")
    return (
        "A build leaves a script beside the kernel that gives a plain 'gdb kernel.elf' the oro commands.\n"
        "GDB loads it from folders that it was told to trust. In ~/.config/gdb/gdbinit or ~/.gdbinit:\n"
        f"  add-auto-load-safe-path {folder.resolve()}"
    )


def built(directory: Path | None, profile: str | None) -> Path:
    """The project's kernel. Raises `InputError` if it is not built."""
    from orobuild.diagnostics import Span, error
    from orobuild.project import find_root, load

    project = load(directory.resolve() if directory else find_root(Path.cwd()))
    name, _ = project.profile(profile)
    path = project.root / "build" / name / f"{project.config.name}.elf"
    if not path.is_file():
        raise InputError(
            error("the kernel is not built", Span(str(path)), hint="run 'orobuild build'")
        )
    return path


def remote(address: str) -> str:
    """An address for `target remote`. Raises `UsageError` for one that is none."""
    if os.path.exists(address):
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise UsageError(
            f"'{address}' is no gdbstub's address",
            hint="HOST:PORT, as in localhost:1234 (QEMU's -s), or the path of a socket",
        )
    return f"{host or 'localhost'}:{port}"


def only_qemu(machine: Machine) -> Qemu:
    """The machine, which the wishes made QEMU's."""
    from orobuild.machine import Qemu

    if not isinstance(machine, Qemu):
        raise UsageError("the debugger starts QEMU only")
    return machine


def machine_of(kernel: Path, wishes: Wishes) -> Qemu:
    """A machine that starts a kernel's file by PVH."""
    from orobuild.machine import Accelerator, Qemu

    if wishes.firmware == "uefi":
        raise UsageError("QEMU starts a kernel's file through SeaBIOS only")
    machine = Qemu(kernel=kernel, accelerator=Accelerator(wishes.accelerator))
    said = {
        "machine": wishes.machine_type,
        "cpu": wishes.cpu,
        "cores": wishes.cores,
        "memory_mib": wishes.memory,
    }
    return replace(machine, **{name: value for name, value in said.items() if value})


def run_machine(
    gdb: str,
    kernel: Path,
    machine: Qemu,
    append: str | None,
    console: Path | None,
    words: list[str],
    *,
    batch: bool,
) -> int:
    """GDB's status, with the machine stopped before its first instruction."""
    from orobuild.machine.stopped import stopped

    if append is not None:
        machine = replace(machine, command_line=append)
    terminal.echo(terminal.style(f"── {machine.describe()}", dim=True), err=True)
    with stopped(machine, console) as (path, log):
        start = [f"target remote {path}"]
        return run(gdb, kernel, start, words, batch=batch, console=log)


def run(
    gdb: str,
    kernel: Path,
    start: list[str],
    words: list[str],
    *,
    batch: bool,
    core: Path | None = None,
    console: Path | None = None,
) -> int:
    """Run GDB on a kernel in the foreground until it ends: its exit status."""
    arguments = [gdb, "-q", *(["--batch"] if batch else [])]
    beside = Path(f"{kernel.absolute()}-gdb.py")
    if beside.is_file():  # this one, and nothing else of that folder
        arguments += ["-iex", f"add-auto-load-safe-path {beside}"]
    arguments += ["-iex", "set confirm off", "-x", str(extension())]
    arguments += [word for line in start for word in ("-ex", line)]
    arguments += [*words, str(kernel), *([str(core)] if core else [])]
    environment = {**os.environ, "OROBUILD": own_words()}
    if console is not None:
        environment["OROBUILD_CONSOLE"] = str(console)
    # ^C is GDB's: it is in our process group and gets it too. A handler of ours, unlike SIG_IGN, is
    # not inherited.
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    child = None
    try:
        child = subprocess.Popen(arguments, env=environment)
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(_ENDING)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def own_words() -> str:
    """What starts this orobuild, for a shell."""
    import shlex

    return shlex.join([sys.executable, "-m", "orobuild"])


def inspect(path: str | None) -> None:
    """Serve GDB, on standard input and output, until it ends."""
    from orobuild.debug.inspector.session import Session

    program, structures, frame_struct = _subject(path)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library may print must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Session(sys.stdin.buffer, answers, program, structures, frame_struct, images.painter).serve()


def _subject(path: str | None) -> tuple[Program | None, Debug, str]:
    """The kernel, and what is known of it: by its project, or by what was left beside it."""
    from orobuild.cli import files
    from orobuild.debug.structures import Debug
    from orobuild.elf import reader
    from orobuild.lint import LintConfig
    from orobuild.lint.program import Program

    if path is None:
        return None, Debug(), ""
    structures, config = _configuration(Path(path).absolute())
    try:
        elf = reader.read(files.read(path), path)
        program = Program(elf, config or LintConfig())
    except OrobuildError:
        return None, structures, ""
    return program, structures, config.frame_struct if config else ""


def _configuration(kernel: Path) -> tuple[Debug, LintConfig | None]:
    from orobuild.debug.structures import Debug
    from orobuild.project import find_root, load

    try:
        project = load(find_root(kernel.parent))
        if kernel.name == f"{project.config.name}.elf":
            return project.config.debug, project.lint
    except OrobuildError:
        pass
    return _left_beside(kernel) or (Debug(), None)


def _left_beside(kernel: Path) -> tuple[Debug, LintConfig] | None:
    """What the build wrote into the script beside the kernel."""
    import msgspec

    from orobuild.debug.autoload import MARK
    from orobuild.debug.structures import Debug
    from orobuild.lint.config import from_mapping

    try:
        text = Path(f"{kernel}-gdb.py").read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith(MARK))
        table: dict[str, Any] = json.loads(line[len(MARK) :])
        return msgspec.convert(table["debug"], Debug), from_mapping(table["lint"])
    except (OSError, StopIteration, ValueError, KeyError, TypeError, OrobuildError):
        return None
