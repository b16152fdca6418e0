"""Guest instructions from the firmware's hand-over to the kernel's entry: our loaders and GRUB.

python benchmarks/boot_instructions.py

QEMU counts instructions (-icount shift=0), and the time stamp counter is that count. A kernel of
700 KB that does nothing but print the counter is started from a disk by each loader; a probe in the
loader's place prints it at the hand-over. GRUB is what grub-mkrescue makes, with no timeout and
its menu on the serial line.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.image import Boot, Entry, boot_disk, boot_volume
from orobuild.image.disk import VOLUME_LBA, assemble
from orobuild.image.efi import efi_application
from orobuild.image.fat import fat_volume
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.script import parse
from orobuild.machine import Firmware, Qemu, boot
from orobuild.pipeline import outputs
from orobuild.pipeline.loader import build_loaders

if TYPE_CHECKING:
    from orobuild.image.extents import Extents

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 600

# Prints the counter: 16-, 32- or 64-bit code by what stands before it.
PRINT = """
    rdtsc
    movl %eax, %ebx
    movl %edx, %esi
    movw $0x3f8, %dx
    .irp c, 10,'o','r','o',':',' ','c','l','o','c','k','='
    movb $\\c, %al
    outb %al, %dx
    .endr
    movl $16, %ecx
1:  movl %esi, %eax
    shrl $28, %eax
    addb $'0', %al
    cmpb $'9', %al
    jbe 2f
    addb $'a' - '0' - 10, %al
2:  outb %al, %dx
    shldl $4, %ebx, %esi
    shll $4, %ebx
    decl %ecx
    jnz 1b
    movb $10, %al
    outb %al, %dx
    movb $0x10, %al
    outb %al, $0xf4
3:  hlt
    jmp 3b
"""
KERNEL = f"""
.section .header, "a", @progbits
    .long 0xe85250d6, 0, 24, 0x100000000 - (0xe85250d6 + 24), 0, 8
.section .text, "ax", @progbits
.code32
.globl _start
_start:
{PRINT}
.section .rodata, "a", @progbits
    .fill 700000 / 4, 4, 0x12345678
"""
KERNEL_SCRIPT = """
ENTRY(_start)
SECTIONS { . = 0x100000; .header : { *(.header) } .text ALIGN(0x1000) : { *(.text) }
  .rodata ALIGN(0x1000) : { *(.rodata) } }
"""
MBR = f".section .text\n.code16\n.globl _start\n_start:\n{PRINT}\n.org 510\n.byte 0x55, 0xaa\n"
APPLICATION = f"""
.section .text
.code64
.globl efi_main
efi_main:
{PRINT}
.section .rodata
    .long 0
.section .data
    .quad efi_main
"""
GRUB = """\
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
menuentry Test { multiboot2 /boot/kernel.elf
 boot
}
"""


def assembled(source: str, folder: Path, name: str) -> bytes:
    (folder / f"{name}.S").write_text(source)
    subprocess.run(["as", "--64", folder / f"{name}.S", "-o", folder / f"{name}.o"], check=True)
    return (folder / f"{name}.o").read_bytes()


def kernel(folder: Path) -> bytes:
    assembled(KERNEL, folder, "kernel")
    (folder / "kernel.ld").write_text(KERNEL_SCRIPT)
    words = ["ld", "-T", folder / "kernel.ld", "-o", folder / "kernel.elf", folder / "kernel.o"]
    subprocess.run(words, check=True)
    return (folder / "kernel.elf").read_bytes()


def probe_mbr(folder: Path) -> bytes:
    assembled(MBR, folder, "mbr")
    words = ["ld", "-Ttext=0x7c00", "--oformat", "binary", "-o", folder / "mbr", folder / "mbr.o"]
    subprocess.run(words, check=True)
    return (folder / "mbr").read_bytes()[:512]


def probe_application(folder: Path) -> bytes:
    made = assembled(APPLICATION, folder, "probe")
    name = ROOT / "linker_scripts" / "boot_efi.ld"
    script = parse(name.read_text(), "boot_efi.ld", read_file=lambda _: b"")
    return efi_application(link([LinkInput("probe.o", made)], script, LinkOptions(pie=True)).data)


def clock(path: Path, firmware: Firmware) -> int:
    """The counter that the guest prints."""
    machine = Qemu(disk=path, firmware=firmware, count_instructions=True)
    report = boot(machine, timeout=TIMEOUT)
    for line in report.lines:
        if line.startswith("oro: clock="):
            return int(line.removeprefix("oro: clock="), 16)
    sys.exit("\n".join([f"{path}: {report.reason}", *report.lines]))


def save(path: Path, extents: Extents) -> Path:
    outputs.write(path, extents)
    return path


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loaders = build_loaders(ROOT / "build" / ".cache")
        assert loaders.efi
        elf = kernel(folder)
        menu = Boot((Entry("Test", elf),))
        ours = save(folder / "ours.img", boot_disk(loaders, menu).image)

        (folder / "tree/boot/grub").mkdir(parents=True)
        (folder / "tree/boot/grub/grub.cfg").write_text(GRUB)
        (folder / "tree/boot/kernel.elf").write_bytes(elf)
        grub = folder / "grub.img"
        words = ["grub-mkrescue", "-o", grub, folder / "tree"]
        subprocess.run(words, check=True, capture_output=True)
        with grub.open("r+b") as file:
            file.truncate(-(-grub.stat().st_size // (1 << 20)) << 20)

        application = probe_application(folder).ljust(len(loaders.efi), b"\0")
        files = boot_volume.files(menu, efi_loader=application)
        volume = fat_volume(files, size=36 << 20, hidden_sectors=VOLUME_LBA)
        mbr = probe_mbr(folder)
        probe = save(folder / "probe.img", assemble(volume, boot_record=mbr[:440], stage2=b""))

        print(f"{'firmware':10} {'hand-over':>15} {'ours':>15} {'GRUB':>15}   ours / GRUB")
        for firmware in Firmware:
            start = clock(probe, firmware)
            mine, theirs = clock(ours, firmware) - start, clock(grub, firmware) - start
            print(f"{firmware.value:10} {start:15,} {mine:15,} {theirs:15,}   {mine / theirs:.3f}")


if __name__ == "__main__":
    main()
