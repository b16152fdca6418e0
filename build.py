#!/usr/bin/env python3
"""Everything from a fresh clone: set up, build, lint and boot the kernel, or run the tests.

    python3 build.py                    build, lint and boot the kernel on four cores
    python3 build.py --profile debug    the same in another profile
    python3 build.py test [ARGS…]       the whole test suite; ARGS go to pytest
    python3 build.py test --full        … with the long runs (soaks, large fuzzing)
    python3 build.py WORDS…             orobuild WORDS…

The first run makes .venv and installs what requirements.lock says, and the system tools that are
missing where it may; later runs find everything in place and start at once. Standard library
only: this file runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "toolchain"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "installed.sha256"

OLDEST = (3, 11)
WRONG_USAGE = 2


class Tool(NamedTuple):
    """A program that must be there, and the packages that bring it, separated by spaces.

    What is no program is a list of files, of which one must be there; the place differs.
    """

    program: str
    apt: str
    dnf: str
    pacman: str
    brew: str


RUN_TOOLS = (
    Tool(
        "qemu-system-x86_64", "qemu-system-x86", "qemu-system-x86-core", "qemu-system-x86", "qemu"
    ),
)
TEST_TOOLS = (
    *RUN_TOOLS,
    Tool("as", "binutils", "binutils", "binutils", "binutils"),
    Tool("ld", "binutils", "binutils", "binutils", "binutils"),
    Tool("gcc", "gcc", "gcc", "gcc", "gcc"),
    Tool("g++", "g++", "gcc-c++", "gcc", "gcc"),  # and with it the C library's headers
    Tool("make", "make", "make", "make", "make"),
    Tool("gdb", "gdb", "gdb", "gdb", "gdb"),
    Tool("git", "git", "git", "git", "git"),
    Tool("tmux", "tmux", "tmux", "tmux", "tmux"),  # the terminal in which screens are tested
    Tool("asciinema", "asciinema", "asciinema", "asciinema", "asciinema"),  # plays recordings
    Tool("clang", "clang", "clang", "clang", "llvm"),
    # C libraries and a compiler whose programs and libraries the linker's tests link.
    Tool("musl-gcc", "musl-tools", "musl-gcc", "musl", "musl-cross"),
    Tool("diet", "dietlibc-dev", "dietlibc-devel", "dietlibc", "dietlibc"),
    Tool("rustc", "rustc", "rust", "rust", "rust"),
    Tool("ld.lld", "lld", "lld", "lld", "lld"),
    Tool("fdisk", "fdisk", "util-linux", "util-linux", "util-linux"),
    Tool("sfdisk", "fdisk", "util-linux", "util-linux", "util-linux"),
    # What media must satisfy: fsck.fat and mtools, partition editors, readers of ISO 9660, QEMU's
    # disk formats; grub-mkrescue is the yardstick of the image benchmark.
    Tool("fsck.fat", "dosfstools", "dosfstools", "dosfstools", "dosfstools"),
    Tool("mcopy", "mtools", "mtools", "mtools", "mtools"),
    Tool("sgdisk", "gdisk", "gdisk", "gptfdisk", "gptfdisk"),
    Tool("xorriso", "xorriso", "xorriso", "libisoburn", "xorriso"),
    Tool("isoinfo", "genisoimage", "genisoimage", "cdrtools", "cdrtools"),
    Tool("qemu-img", "qemu-utils", "qemu-img", "qemu-img", "qemu"),
    # GRUB starts the kernel too, and gives it another screen.
    Tool("grub-mkrescue", "grub-common grub-pc-bin", "grub2-tools-extra", "grub", "grub"),
    Tool(
        "/usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd /usr/share/edk2 "
        "/usr/share/edk2-ovmf /opt/homebrew/share/qemu /usr/local/share/qemu",
        "ovmf",
        "edk2-ovmf",
        "edk2-ovmf",
        "qemu",
    ),
    # The network boot ROMs of QEMU's cards, and GRUB's parts for both firmwares.
    Tool(
        "/usr/lib/ipxe/qemu/pxe-virtio.rom /usr/share/ipxe /usr/share/qemu/pxe-virtio.rom "
        "/opt/homebrew/share/qemu /usr/local/share/qemu",
        "ipxe-qemu",
        "ipxe-roms-qemu",
        "qemu-system-x86",
        "qemu",
    ),
    Tool(
        "/usr/lib/grub/x86_64-efi /opt/homebrew/lib/grub",
        "grub-efi-amd64-bin",
        "grub2-efi-x64-modules",
        "grub",
        "grub",
    ),
    Tool("openssl", "openssl", "openssl", "openssl", "openssl"),  # verifies our signatures
    Tool("unzip", "unzip", "unzip", "unzip", "unzip"),  # reads our bundles
    Tool("file", "file", "file", "file", "file"),
    Tool("mandoc", "mandoc", "mandoc", "mandoc", "mandoc"),  # judges our manual pages
    Tool("losetup", "mount", "util-linux", "util-linux", "util-linux"),
    Tool("mformat", "mtools", "mtools", "mtools", "mtools"),
    Tool("bochs", "bochs bochs-term bochsbios vgabios", "bochs", "bochs", "bochs"),
)
PYTHON_VENV = Tool("python3 -m ensurepip", "python3-venv", "python3", "python", "python")

INSTALLERS = {
    "apt": ("apt-get", "install", "-y", "--no-install-recommends"),
    "dnf": ("dnf", "install", "-y"),
    "pacman": ("pacman", "-S", "--noconfirm"),
    "brew": ("brew", "install"),
}


def say(message: str) -> None:
    """Tell the person what is going on; standard output belongs to orobuild."""
    print(f"build.py: {message}", file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    """Stop with the status for a missing tool or wrong usage."""
    say(f"error: {message}")
    sys.exit(WRONG_USAGE)


def is_present(tool: Tool) -> bool:
    """Whether the program is installed."""
    if tool is PYTHON_VENV:
        return importlib.util.find_spec("ensurepip") is not None
    if tool.program.startswith("/"):
        return any(Path(name).exists() for name in tool.program.split())
    # Debian keeps some of them where only root's PATH looks.
    return (
        shutil.which(tool.program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
    )


def packages_of(tools: list[Tool], manager: str) -> list[str]:
    """The packages to install, each once, as `manager` calls them."""
    return sorted({name for tool in tools for name in getattr(tool, manager).split()})


def privilege() -> tuple[str, ...] | None:
    """The words that make apt-get run as root without asking, or None."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ("sudo", "-n")
    return None


def install_tools(tools: tuple[Tool, ...]) -> None:
    """Install the system tools that are missing, or say how and stop."""
    missing = [tool for tool in tools if not is_present(tool)]
    if not missing:
        return
    names = ", ".join(dict.fromkeys(tool.program.split()[0] for tool in missing))
    become = privilege()
    if shutil.which("apt-get") and become is not None:
        packages = packages_of(missing, "apt")
        say(f"installing {' '.join(packages)} ({names} missing)")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = [*become, *INSTALLERS["apt"], *packages]
        # A fresh machine's package lists may be empty or old: refresh them when that matters.
        for command in (install, [*become, "apt-get", "update"], install):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            if command is install and done.returncode == 0:
                break
        else:
            fail(f"apt-get could not install {' '.join(packages)}:\n{done.stderr.strip()}")
        missing = [tool for tool in tools if not is_present(tool)]
    if missing:
        say(f"error: {names} not found; install it with one of")
        for manager, words in INSTALLERS.items():
            packages = packages_of(missing, manager)
            prefix = "" if manager == "brew" else "sudo "
            print(f"    {prefix}{' '.join((*words, *packages))}", file=sys.stderr)
        sys.exit(WRONG_USAGE)


def wanted_stamp() -> str:
    """What .venv must have been made from: the lock, the package's metadata and this Python."""
    import tomllib  # not in the Pythons that `main` refuses

    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    metadata = [document["build-system"], document["project"], document["tool"]["hatch"]]
    sha = hashlib.sha256(LOCK.read_bytes())
    sha.update(f"{metadata} {sys.version_info[:2]} {VENV}".encode())
    return sha.hexdigest()


def is_installed() -> bool:
    """Whether .venv is what the lock says."""
    try:
        return STAMP.read_text() == wanted_stamp() and PYTHON.exists()
    except FileNotFoundError:
        return False


def pip(*arguments: str) -> None:
    """Run pip in .venv; its progress is shown only to a terminal."""
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        *quiet,
        *arguments,
    ]
    done = subprocess.run(
        command,
        stdout=sys.stderr.fileno(),
        stderr=None if sys.stderr.isatty() else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        fail(f"pip could not install the locked dependencies\n{(done.stderr or '').strip()}")


def make_path_entries_relative() -> None:
    """Let .venv name our sources by a relative path, which is ASCII wherever the clone is.

    Python 3.11 reads path files in the locale's encoding, even in UTF-8 mode: with `LC_ALL=C` it
    would not start in a directory whose name has other letters.
    """
    for entry in VENV.glob("lib/python*/site-packages/*.pth"):
        if entry.read_bytes().strip() == os.fsencode(SOURCES):
            entry.write_text(os.path.relpath(SOURCES, entry.parent) + "\n", encoding="ascii")


def compile_sources(folder: Path) -> None:
    """Compile the modules in `folder` now.

    Where Python may write no bytecode (PYTHONDONTWRITEBYTECODE), every start would compile them
    anew, which takes four times as long as all that a short run does.
    """
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", str(folder)], check=False)


def install_python() -> None:
    """Make .venv and install the lock; the stamp is written last, so a broken set-up is redone."""
    with (ROOT / ".gitignore").open() as lock:  # any file of ours: two set-ups must not interleave
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        install_tools((PYTHON_VENV,))
        STAMP.unlink(missing_ok=True)
        if not PYTHON.exists():
            say("making .venv")
            made = subprocess.run(
                [sys.executable, "-m", "venv", "--clear", str(VENV)],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode != 0:
                fail(f"cannot make .venv:\n{(made.stdout + made.stderr).strip()}")
        say("installing the locked dependencies (about a minute the first time)")
        pip("--require-hashes", "--only-binary=:all:", "-r", str(LOCK))
        pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
        make_path_entries_relative()
        compile_sources(SOURCES)
        STAMP.write_text(wanted_stamp())


def main(arguments: list[str]) -> NoReturn:
    """Set up, then become orobuild or pytest."""
    if sys.version_info < OLDEST:
        fail(
            f"Python {'.'.join(map(str, OLDEST))} or later is needed, this is {sys.version.split()[0]}"
        )
    flags_first = not arguments or (
        arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")
    )
    testing = arguments[:1] == ["test"] or (flags_first and "test" in arguments)
    if not is_installed():
        install_python()
    install_tools(TEST_TOOLS if testing else RUN_TOOLS)
    if testing:
        arguments.remove("test")
        # Boots and terminals wait a good part of their time: one worker more than processors.
        workers = str((os.cpu_count() or 1) + 1)
        options = ("--numprocesses", workers, "--dist", "loadscope")
        command = [str(PYTHON), "-m", "pytest", *options, *arguments]
    elif flags_first:
        command = [str(PYTHON), "-m", "orobuild", "run", *arguments]
    else:
        command = [str(PYTHON), "-m", "orobuild", *arguments]
    if testing or flags_first:
        os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
