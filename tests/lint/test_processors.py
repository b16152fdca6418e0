"""Sources for other processors are passed over; x86's never are, whatever their comments say."""

from __future__ import annotations

import pytest

from orobuild.lint import languages
from orobuild.lint.source.processors import foreign, is_foreign

# A licence's words are some processor's instructions: copy, alloc, level.
LICENCE = """/*
 * You should have received a copy of the licence;
 copy it, alloc r it, .level it, move.l it, lis ten.
 */
"""
X86 = {
    "few registers": LICENCE + '#include "copy.S"\n' + ".long 0\n" * 200 + "1: popl %ebx\n",
    "no register": LICENCE + "f: iretq\n",
    "macros of the preprocessor": """
#define load(src, x0, x1, x2) \\
    vmovdqu (0*32)(src), x0; \\
    vmovdqu (1*32)(src), x1;
#define mix(x0, x1, w2) vpxor x0, x1, w2; pand x0, x1
""",
    "a comment of the assembler's": "# copy %r1, %r2\n// ldil 1, %r1\nf: swapgs\n",
    "an include alone": LICENCE + '#include "../../boot/copy.S"\n',
    "data alone": LICENCE + ".section .rodata\n.byte 1, 2, 3\n",
    "one that others have as well": "f: add $1, 4(%rsp)\n mov x1, x2\n",
}
OTHERS = {
    "AArch64": "f: stp x29, x30, [sp, #-16]!\n mov x0, #1\n add x1, x1, x2\n ret\n",
    "Arm": ".syntax unified\nf: ldr r0, [r1]\n add r0, r0, #1\n bx lr\n",
    "RISC-V": ".option norvc\nf: csrr t0, mhartid\n add a0, a0, a1\n call g\n ret\n",
    "MIPS": ".set noreorder\nf: lui t0, 1\n addiu t0, t0, 4\n jr ra\n nop\n",
    "PowerPC": "f: mflr 0\n stwu 1, -16(1)\n add 3, 3, 4\n blr\n",
    "s390": "f: stmg %r6, %r15, 48(%r15)\n larl %r1, g\n br %r14\n",
    "SPARC": "f: sethi %hi(g), %g1\n add %g1, %o0, %o0\n retl\n nop\n",
    "m68k": "f: movem.l %d0-%d7,-(%sp)\n move.l %d0,%d1\n rts\n",
    "PA-RISC": ".level 1.1\nf: copy %r26, %r28\n bv %r0(%r2)\n",
}


def judged(text, path):
    return foreign(text, path, languages.of(path))


@pytest.mark.parametrize("path", ["boot.S", "start.s", "arch/x86/entry.S"])
@pytest.mark.parametrize("text", X86.values(), ids=X86)
def test_x86_is_read(text, path):
    assert judged(text, path) is None


@pytest.mark.parametrize(("processor", "text"), OTHERS.items())
def test_anothers_is_passed_over(processor, text):
    assert judged(LICENCE + text, "boot.S") == f"for {processor}"
    assert judged(text, "arch/x86/boot.S") == f"for {processor}"
    assert is_foreign(text)


@pytest.mark.parametrize(
    ("path", "processor"),
    [
        ("sysdeps/aarch64/memset.S", "AArch64"),
        ("arch/arm/lib/div.S", "Arm"),
        ("arch/mips/kernel/head.S", "MIPS"),
    ],
)
def test_the_path_is_asked_where_statements_say_nothing(path, processor):
    assert judged("FUNCTION(f)\n PROLOGUE\n EPILOGUE\n", path) == f"for {processor}"
    assert judged("f: swapgs\n iretq\n", path) is None


@pytest.mark.parametrize("text", ["nop", "f: swapgs", "add $1, %eax", "call f", ""])
def test_a_block_of_x86_is_read(text):
    assert not is_foreign(text)
