"""What a static image decides when it starts: thread-local storage and indirect functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.linking import LIKE_GNU, assemble, check, compile_c, our_link, run
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.builtin import builtin_script
from orobuild.linker.linkmap import LinkedImage

SEQUENCES = """
.globl _start, __tls_get_addr
_start: ret
__tls_get_addr: ret
{0}
.section .tdata, "awT", @progbits
.quad 1
x: .quad 2
.section .debug_info
.quad x@dtpoff
.long x@dtpoff
"""
ACCESSES = {
    "general dynamic": """
        data16 lea x@tlsgd(%rip), %rdi
        .word 0x6666
        rex.w call __tls_get_addr@PLT""",
    "general dynamic, no PLT": """
        data16 lea x@tlsgd(%rip), %rdi
        .byte 0x66
        rex.w call *__tls_get_addr@GOTPCREL(%rip)""",
    "general dynamic, large": """
        lea x@tlsgd(%rip), %rdi
        movabs $__tls_get_addr@pltoff, %rax
        add %rbx, %rax
        call *%rax""",
    "local dynamic": """
        lea x@tlsld(%rip), %rdi
        call __tls_get_addr@PLT
        lea x@dtpoff(%rax), %rcx""",
    "local dynamic, no PLT": """
        lea x@tlsld(%rip), %rdi
        call *__tls_get_addr@GOTPCREL(%rip)""",
    "local dynamic, large": """
        lea x@tlsld(%rip), %rdi
        movabs $__tls_get_addr@pltoff, %rax
        add %rbx, %rax
        call *%rax""",
    "descriptor": """
        lea x@tlsdesc(%rip), %rax
        call *x@tlscall(%rax)
        lea x@tlsdesc(%rip), %r9""",
    "initial exec": """
        mov x@gottpoff(%rip), %r9
        mov x@gottpoff(%rip), %rcx
        add x@gottpoff(%rip), %r9
        add x@gottpoff(%rip), %r12
        add x@gottpoff(%rip), %rsp
        add x@gottpoff(%rip), %rcx""",
    "local exec": "mov x@tpoff, %rcx",
}


def like_gnu(*objects: Path, relro: bool = True) -> LinkedImage:
    """Link without a script, as GNU ld does."""
    inputs = [LinkInput(path.name, path.read_bytes()) for path in objects]
    options = LinkOptions(strict=False, orphan_handling="place", relro=relro)
    return link(inputs, builtin_script(), options)


@pytest.mark.parametrize("access", ACCESSES)
def test_every_access_to_thread_local_storage_is_made_local(access: str, tmp_path: Path) -> None:
    path = assemble(SEQUENCES.format(ACCESSES[access]), tmp_path / "a.o")
    check("ld", path.name, "-o", "gnu", cwd=tmp_path)
    ours = like_gnu(path)
    assert ours.elf is not None
    assert compare(ours.elf, read((tmp_path / "gnu").read_bytes(), "gnu"), debug=True) == []


@pytest.mark.parametrize(
    "wrong",
    ["cmp x@gottpoff(%rip), %rax", "lea x@tlsgd(%rip), %rsi", "lea x@tlsld(%rip), %rdi\nnop"],
)
def test_an_access_that_no_abi_allows_is_refused(wrong: str, tmp_path: Path) -> None:
    path = assemble(SEQUENCES.format(wrong), tmp_path / "a.o")
    assert run("ld", path.name, "-o", "gnu", cwd=tmp_path).returncode != 0
    with pytest.raises(InputError, match="is not on an instruction that the psABI allows"):
        our_link("SECTIONS { .text : { *(.text) } .tdata : { *(.tdata) } }", [path], LIKE_GNU)


INDIRECT = """
static int add(int x) { return x + 1; }
static int (*pick(void))(int) { return add; }
int called(int) __attribute__((ifunc("pick")));
int pointed(int) __attribute__((ifunc("pick")));
static int hidden(int) __attribute__((ifunc("pick")));
int (*pointer)(int) = pointed;
typedef struct { unsigned long offset, info; long (*resolver)(void); } entry;
extern const entry __rela_iplt_start[], __rela_iplt_end[];
void _start(void) {
  for (const entry *e = __rela_iplt_start; e < __rela_iplt_end; e++)
    if (e->info == 37) *(long *)e->offset = e->resolver();
  long status = called(1) * 16 + pointer(2) * 4 + hidden(pointer == pointed);
  __asm__ volatile("syscall" : : "a"(60L), "D"(status));
  __builtin_unreachable();
}
"""


@pytest.mark.parametrize("flags", [("-fno-pic",), ("-fpic",), ("-fpic", "-fno-plt")], ids=str)
def test_indirect_functions_are_chosen_at_start_up(flags: tuple[str, ...], tmp_path: Path) -> None:
    path = compile_c(INDIRECT, tmp_path / "a.o", "-O1", "-fno-stack-protector", *flags)
    check("ld", path.name, "-o", "gnu", cwd=tmp_path)
    ours = like_gnu(path)
    (tmp_path / "ours").write_bytes(ours.data)
    (tmp_path / "ours").chmod(0o755)
    assert run("./gnu", cwd=tmp_path).returncode == 2 * 16 + 3 * 4 + 2
    assert run("./ours", cwd=tmp_path).returncode == 2 * 16 + 3 * 4 + 2
    assert ours.elf is not None
    if "-fno-plt" not in flags:
        assert compare(ours.elf, read((tmp_path / "gnu").read_bytes(), "gnu")) == []


@pytest.mark.parametrize("relro", [True, False])
@pytest.mark.parametrize("size", [8, 4000, 8200])
def test_what_is_relocated_and_then_read_only_is_where_gnu_ld_puts_it(
    relro: bool, size: int, tmp_path: Path
) -> None:
    text = f"""
    .globl _start
    _start: ret
    .section .data.rel.ro, "aw"
    .balign 32
    .skip {size}, 1
    .section .tdata, "awT", @progbits
    .quad 1
    .data
    .balign 64
    .skip {size // 2}, 2
    .bss
    .skip 100
    """
    path = assemble(text, tmp_path / "a.o")
    check("ld", "-z", "relro" if relro else "norelro", path.name, "-o", "gnu", cwd=tmp_path)
    ours = like_gnu(path, relro=relro)
    assert ours.elf is not None
    assert compare(ours.elf, read((tmp_path / "gnu").read_bytes(), "gnu")) == []
