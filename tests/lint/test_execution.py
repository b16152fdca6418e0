"""Code that is run on paper does what the processor does with it."""

from __future__ import annotations

import ctypes
import subprocess

import pytest

from lint.building import link
from orobuild.elf import reader
from orobuild.lint import LintConfig
from orobuild.lint.program import Program
from orobuild.lint.program.bits import spread
from orobuild.lint.program.execution import Execution

SOURCE = """
typedef unsigned long u64; typedef unsigned u32; typedef unsigned short u16; typedef unsigned char u8;
u8 table[4096];
static const u64 handlers[] = { 0xffffffff80123456, 0x1122334455667788, 7, 0x8000000000000001 };
static u8 pick(u32 i) { switch (i) { case 1: return 9; case 2: return 3; case 5: return 200;
    case 7: return 1; case 8: return 8; default: return (u8)(i & 7 ? 0 : 77); } }
static void put(u8 *to, u64 value, u32 size) { for (u32 i = 0; i < size; i++) to[i] = (u8)(value >> 8 * i); }
void fill(void) {
    long total = 0;
    for (u32 i = 0; i < 64; i++) {
        u64 a = handlers[i % 4] + i;
        u8 *gate = table + 16 * i;
        *(u16 *)gate = (u16)a; *(u16 *)(gate + 2) = 8; gate[4] = pick(i);
        gate[5] = i == 3 ? 0xee : 0x8e; *(u16 *)(gate + 6) = (u16)(a >> 16);
        *(u32 *)(gate + 8) = (u32)(a >> 32); *(u32 *)(gate + 12) = ~i ^ 0x55;
        total += (int)(a ^ i) < 0 ? -1 : (signed char)(a + 100);
        total = (total << 1) - (i > 40) + (long)(i * 3u - 50 < 20u);
    }
    put(table + 2048, (u64)total, 8);
    put(table + 2056, (u64)total >> 60 | (u64)(total < 0) << 8 | (u64)(-total > 5) << 16, 4);
}
"""
FLAGS = ["-ffreestanding", "-fno-stack-protector", "-fcf-protection=none", "-mgeneral-regs-only"]
HEAD = ["-nostdlib", "-Ttext=0xffffffff80100000", "-Tdata=0xffffffff80200000", "-e", "fill"]


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-Os"])
def test_a_filled_table_has_the_bytes_that_the_processor_puts_there(tmp_path, level):
    source, library, kernel = tmp_path / "a.c", tmp_path / "a.so", tmp_path / "a.o"
    source.write_text(SOURCE)
    base = ["gcc", level, *FLAGS, source]
    subprocess.run([*base, "-shared", "-fPIC", "-o", library], check=True)
    subprocess.run([*base, "-c", "-fno-pic", "-mcmodel=kernel", "-o", kernel], check=True)
    native = ctypes.CDLL(str(library))
    native.fill()
    expected = bytes((ctypes.c_ubyte * 2060).in_dll(native, "table"))

    elf = reader.read(link({"a.o": kernel.read_bytes()}, *HEAD), "a.elf")
    program = Program(elf, LintConfig())
    execution = Execution(program)
    execution.start(program.symbols.by_name["fill"].address)
    table = program.symbols.by_name["table"].address
    # What nobody wrote is not known; the C library's array is zero there.
    found = [spread(execution.run.memory.get(("", table + i), 0))[:8] for i in range(2060)]
    bits = [
        (bit, byte >> i & 1)
        for of, byte in zip(found, expected, strict=True)
        for i, bit in enumerate(of)
    ]
    assert [pair for pair in bits if pair[0] not in (None, pair[1])] == []
    assert sum(bit is None for bit, _ in bits) < len(bits) / 50
