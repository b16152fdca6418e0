"""The configuration's schema. Every key, its type and its default stand here and nowhere else.

Paths and globs are relative to the directory that holds the configuration file.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from orobuild.configuration_table import ConfigurationTable
from orobuild.debug.structures import Debug

# msgspec resolves these annotations at run time, so nothing here may hide behind TYPE_CHECKING.


class Compiler(ConfigurationTable, frozen=True, kw_only=True):
    """`[compiler]`: the C compiler of all targets."""

    command: list[str] = []
    """The program and its first words. Empty: the `CC` variable, else `zig cc` (the `cc` extra)."""
    flags: list[str] = []
    """Flags for every C file, before the target's and the profile's."""


class Profile(ConfigurationTable, frozen=True, kw_only=True):
    """`[profiles.NAME]`: what distinguishes one way of building from another."""

    cflags: list[str] = []
    """Flags for every C file, after the target's."""
    symbols: dict[str, int] = {}
    """Absolute symbols for every assembly file."""


class Target(ConfigurationTable, frozen=True, kw_only=True):
    """`[targets.NAME]`: sources that are linked into one file.

    With `each`, a family of targets that differ in one source: the name and the sources hold
    `{stem}`, the source's name without directory and suffix, and the sources `{each}`, its path.
    """

    each: str = ""
    """A glob: one target for every file that matches."""
    sources: list[str] = []
    """Files and globs; assembly (`.S`, `.s`) and C (`.c`). They are linked in this order."""
    prebuilt: str = ""
    """An ELF file that something else has linked, instead of sources and a script."""
    exclude: list[str] = []
    """Globs of files that `sources` would match but must not."""
    script: str = ""
    """The linker script."""
    cflags: list[str] = []
    """Flags for the target's C files."""
    include_dirs: list[str] = []
    """Where `.include`, `.incbin` and `#include` look, beside the source's own directory."""
    constants: str = ""
    """A C file: the structures and enumerators it declares become assembly symbols."""
    embeds: list[str] = []
    """Targets to build first, by name or glob; `.incbin "NAME.elf"` (or `NAME.bin`) finds them."""
    format: Literal["elf", "binary"] = "elf"
    """An ELF executable, or the bytes of its segments alone."""
    protocol: Literal["", "multiboot2", "multiboot", "elf"] = ""
    """How the target is entered as a kernel: by default as its Multiboot2 or Multiboot header says; `elf`
    is for a file without one (see `docs/images.md`)."""
    pie: bool = False
    """A static image that runs wherever it is loaded (ET_DYN); the C flags must fit (`-fpie`)."""
    gc_sections: bool = False
    """Drop sections that nothing refers to."""
    code_symbols: bool = False
    """Make `.oro.symbols`, the code's names in the image (see `code-symbols.md`), for the script
    to place."""
    build_id: Literal["none", "sha1", "md5"] = "none"
    """Make `.note.gnu.build-id`, a hash of the image in itself, for the script to place."""
    strip: Literal["none", "debug", "all"] = "none"
    """What to leave out of the linked file: debug sections, or these and the symbol table."""
    lint: bool = True
    """Whether the image is linted (a flat binary never is: it has no permissions)."""


Format: TypeAlias = Literal[
    "img",
    "iso",
    "vmdk",
    "vmdk-stream",
    "vdi",
    "vhd",
    "vhd-fixed",
    "vhdx",
    "qcow2",
    "ova",
    "efi",
    "pxe",
]


class Module(ConfigurationTable, frozen=True, kw_only=True):
    """`[[image.modules]]`: a file that the loader hands to the kernel (also in an entry)."""

    file: str
    """The file's path."""
    string: str = ""
    """What the module's tag says to the kernel."""


class Entry(ConfigurationTable, frozen=True, kw_only=True):
    """`[[image.entries]]`: one line of the boot menu. Without any there is one, of `[image]`."""

    title: str
    """What the menu shows."""
    kernel: str = ""
    """The target that is started; by default `image.kernel`."""
    command_line: str = ""
    """The kernel's command line."""
    modules: list[Module] = []
    """The kernel's modules."""


class Image(ConfigurationTable, frozen=True, kw_only=True):
    """`[image]`: what is made of the kernel, and what the loader starts."""

    kernel: str = "kernel"
    """The target that the loader starts."""
    command_line: str = ""
    """The kernel's command line."""
    disk: bool = True
    """Whether to make images at all; they take a kernel that says how it is entered."""
    formats: list[Format] = msgspec.field(default_factory=lambda: ["img", "iso"])
    """The images to make (see `docs/images.md`)."""
    size_mib: int = 0
    """The disk's size; 0 fits the contents."""
    title: str = ""
    """What the boot menu shows; by default the product's name."""
    modules: list[Module] = []
    """The kernel's modules."""
    entries: list[Entry] = []
    """The boot menu, when there is more than one thing to boot."""
    default_entry: int = 0
    """The entry that starts by itself, counted from 0."""
    timeout: int = 5
    """Seconds for which the menu waits; it is shown when there are several entries."""
    files: dict[str, str] = {}
    """Other files for the boot volume: their paths there, and in the project."""
    signing_key: str = ""
    """An Ed25519 private key (PEM) that signs the provenance; `OROBUILD_SIGNING_KEY` wins."""


Emulator: TypeAlias = Literal["qemu", "bochs"]
Medium: TypeAlias = Literal["disk", "cd", "kernel"]
FirmwareName: TypeAlias = Literal["bios", "uefi"]
DriveName: TypeAlias = Literal["ide", "usb", "virtio", "nvme"]


class Machine(ConfigurationTable, frozen=True, kw_only=True):
    """`[machine]`: what `orobuild run` starts when the command line does not say otherwise."""

    type: str = "q35"
    cpu: str = "max"
    cores: int = 4
    memory_mib: int = 256
    timeout: float = 60.0
    """Seconds after which a machine that has not stopped counts as hung."""


class MatrixCell(ConfigurationTable, frozen=True, kw_only=True):
    """`[[test.cells]]`: one more machine to test on, beside the matrix. What is left out is as there."""

    name: str = ""
    """What it is called, instead of by all that it is."""
    profile: str = ""
    emulator: Emulator = "qemu"
    boot: Literal["", "disk", "cd", "kernel"] = ""
    firmware: FirmwareName = "bios"
    drive: DriveName = "ide"
    machine: str = ""
    cpu: str = ""
    cores: int = 0
    memory_mib: int = 0
    timeout: float = 0
    """Seconds, if this machine needs more or fewer than `test.timeout`."""


class KernelTests(ConfigurationTable, frozen=True, kw_only=True):
    """`[test]`: what `orobuild test` boots, and when the kernel has passed (see `docs/test.md`).

    Every combination of `profiles`, `emulators`, `boot`, `firmware`, `drives`, `machines`, `cpus`, `cores`
    and `memory-mib` that there is becomes a cell of the matrix. An empty list is `[machine]`'s one value.
    """

    profiles: list[str] = []
    """The profiles to build and test; by default `default-profile`."""
    emulators: list[Emulator] = msgspec.field(default_factory=lambda: ["qemu"])
    """Bochs is slower and stricter; it boots a disk or a CD by its BIOS."""
    boot: list[Medium] = []
    """The disk image, the CD's image, or the kernel itself (PVH); by default the disk if there is one."""
    firmware: list[FirmwareName] = msgspec.field(default_factory=lambda: ["bios"])
    """SeaBIOS, which comes with QEMU, or OVMF."""
    drives: list[DriveName] = msgspec.field(default_factory=lambda: ["ide"])
    """What the disk image is plugged in as."""
    machines: list[str] = []
    """QEMU's machine types."""
    cpus: list[str] = []
    """Processor models, as QEMU names them (`max`, `qemu64`, `max,la57=off`)."""
    bochs_cpus: list[str] = msgspec.field(default_factory=lambda: ["corei7_skylake_x"])
    """The same for Bochs."""
    cores: list[int] = []
    """Numbers of processors."""
    memory_mib: list[int] = []
    """Sizes of the memory."""
    accelerator: Literal["tcg", "kvm", "auto"] = "tcg"
    """How QEMU runs guest code; `auto` is KVM where it truly works."""
    exclude: list[str] = []
    """Globs of cells' names that are left out of the matrix."""
    cells: list[MatrixCell] = []
    """More cells."""
    command_line: str = ""
    """The kernel's command line for its tests, instead of `image.command-line`."""
    select: str = ""
    """A word for the command line that makes the kernel run only some suites: `test={}`, with the glob in
    place of the braces."""
    success: str = ""
    """Part of a console line after which the kernel has passed, for kernels without KTAP and without an
    exit status."""
    failure: list[str] = []
    """Parts of console lines that mean that it has failed, whatever else is said."""
    pass_exit_status: list[int] = msgspec.field(default_factory=lambda: [33])
    """QEMU's exit statuses that mean a pass: twice what the kernel writes to isa-debug-exit, and 1."""
    ends_with: Literal["", "exit", "power-off", "reset", "plan"] = ""
    """How a run of the tests ends: with the emulator's exit, with the machine switched off or reset, or
    as soon as all is reported that the plan promised. By default whichever of exit, power-off and five
    silent seconds after the plan comes first."""
    timeout: float = 0
    """Seconds for one cell; 0 is `machine.timeout`, and twice that for OVMF."""
    case_timeout: float = 60.0
    """Seconds from one KTAP result to the next; 0 is no limit."""
    retries: int = 0
    """How many times a cell that fails is booted again; what passes then is reported as flaky."""
    live: bool = True
    """Whether the page tables of the running machine are compared with the image, where that is cheap:
    QEMU with at most 512 MiB."""
    may_lack: list[str] = []
    """Globs of suites that not every cell has to have."""


class Rig(ConfigurationTable, frozen=True, kw_only=True):
    """`[rig]`: what `orobuild rig bundle` tells a rack of machines about the kernel (see `docs/rigs.md`)."""

    speed: int = 115200
    """Bits a second on the first serial port; the format is 8N1, without flow control."""
    timeout: float = 300.0
    """Seconds from power-on to the end of the tests, the firmware's own time included."""


class Config(ConfigurationTable, frozen=True, kw_only=True):
    """`[tool.orobuild]` in `pyproject.toml`, or the whole of `orobuild.toml`."""

    name: str
    """The product's name: outputs are called after it."""
    version: str = ""
    """The product's version, for the bill of materials and the OVA."""
    targets: dict[str, Target]
    compiler: Compiler = Compiler()
    profiles: dict[str, Profile] = {}
    default_profile: str = "release"
    image: Image = Image()
    machine: Machine = Machine()
    test: KernelTests = KernelTests()
    rig: Rig = Rig()
    debug: Debug = Debug()
    lint: dict[str, Any] = {}
    """Checked by `lint.config`, which owns these keys."""
