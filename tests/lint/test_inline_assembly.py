"""Assembly inside C and Rust: what reaches the assembler, where each character of it stands."""

from __future__ import annotations

import re
import subprocess

import pytest

from orobuild.lint import check_paths
from orobuild.lint.comments import Language
from orobuild.lint.source import c_blocks, rust_blocks
from orobuild.lint.source.embedded import Block
from orobuild.lint.source.lexer import tokens


def in_c(text: str) -> list[Block]:
    return c_blocks.blocks(text)


def in_rust(text: str) -> list[Block]:
    return rust_blocks.blocks(text, lambda name: (10_000, f"# {name}\nhlt\n"))


C = [
    ('asm("nop");', "nop"),
    ('__asm__ __volatile__ ("a\\n\\t" "b" ::: "memory");', "a\n\tb"),
    ('void f(void) { asm volatile goto("jmp %l[x]" :::: x); }', "jmp oro_operand"),
    ('asm("mov %%rax, %0; %=: push %k[in]" : "=r"(x) : [in] "r"(y));',
     "mov %rax, oro_operand; oro_operand: push oro_operand"),
    ('asm("mov %rax, %rbx");', "mov %rax, %rbx"),
    ('asm("{movl %%eax, %0|mov %0, eax}" : "=r"(x));', "movl %eax, oro_operand"),
    ('asm("%{sae%}" :: );', "{sae}"),
    ('#define X "a; "\nasm(X "b");', "a; b"),
    ('asm(FOO(1, ")") "b");', " oro_unknown b"),
    ('asm("a" /* " */ "b" // )\n);', "ab"),
    ('asm("a\\\n b");', "a b"),
    ('#define M(x) asm("a" \\\n  "b" : : "r"(x)) \nint y;', "ab"),
    ('asm(R"(\n.text\n)");', "\n.text\n"),
    ('asm("\\x2etext\\012\\0");', ".text\n "),
    ('asm(u8"nop");', "nop"),
    ('int x = ({ asm("nop"); 1; });', "nop"),
    ('if (x) asm("nop"); else asm("nop");', "nop"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), C, ids=[t for t, _ in C])
def test_what_the_assembler_reads_of_c(text, expected):
    assert {b.text for b in in_c(text)} == {expected}


@pytest.mark.parametrize(
    "text",
    [
        'register long x asm("rax");',
        'int f(void) asm("g");',
        'extern int a asm("b"), c asm("d");',
        'char *s = "asm(\\"nop\\")";',
        '/* asm("nop") */ // asm("nop")',
        "int asm_x; asm;",
        "asm(",
        'asm("',
        "asm()",
        "asm volatile",
        '#ifdef __aarch64__\nasm("nop");\n#endif',
        '#if defined(__x86_64__)\n#else\nasm("nop");\n#endif',
        '#ifndef __x86_64__\nasm("nop");\n#endif',
    ],
)
def test_what_is_no_assembly_of_ours_in_c(text):
    assert in_c(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('asm("a"); void f(void) { asm("b"); } asm("c");', "aBc"),
        ('extern "C" { asm("a"); void f() { asm("b"); } } namespace x::y { asm("c"); }', "aBc"),
        ('#ifdef X\nvoid f() {\n#else\nvoid g() {\n#endif\nasm("a"); }\nasm("b");', "Ab"),
        ('#define X asm("a")\nasm("b");', "Ab"),
        ('struct s { int a; } x = { 1 }; asm("b");', "b"),
    ],
)
def test_where_a_function_begins_and_ends(text, expected):
    shown = [b.text if b.at_file_scope else b.text.upper() for b in in_c(text)]
    assert "".join(shown) == expected


RUST = [
    ('asm!("a", "b", in("eax") x)', "a\nb"),
    ('core::arch::global_asm!(r#"\n a "b" \n"#);', '\n a "b" \n'),
    ('asm!["mov {}, {0:e}, {x}, {{}}", out(reg) y];', "mov oro_operand, oro_operand, oro_operand, {}"),
    ('asm!("{}", options(raw));', "{}"),
    ('asm!(concat!("a", "\\n", 4, concat!("b"), stringify!(c)))', "a\n4b oro_unknown "),
    ('global_asm!(include_str!("x.S"), "b")', "# x.S\nhlt\n\nb"),
    ('asm!("a\\\n    b", #[cfg(x)] "c", a = const 1)', "ab\nc"),
    ('asm!(text!(), "a")', " oro_unknown \na"),
    ('fn f<\'a>(x: &\'a u8, c: char) { if c == \'"\' { asm!("a") } }', "a"),
    ('#[cfg(target_arch = "x86_64")] fn f() { asm!("a") }', "a"),
    ('#[cfg(not(target_arch = "arm"))] fn f() { asm!("a") }', "a"),
    ('asm!("\\u{2e}\\x61")', ".a"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RUST, ids=[t for t, _ in RUST])
def test_what_the_assembler_reads_of_rust(text, expected):
    assert [b.text for b in in_rust(text)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        '/* /* */ asm!("a") */ // asm!("b")',
        'const X: &str = r##"asm!("a")"##;',
        "macro_rules! asm { ($x:expr) => {} }",
        "asm!(x)",
        "asm!(",
        'asm!("',
        "asm!",
        '#[cfg(target_arch = "aarch64")] mod arm { fn f() { asm!("a") } fn g() { asm!("b") } }',
        '#[cfg(target_arch = "arm")] asm!("a");',
        '#![cfg(target_arch = "arm")] fn f() { asm!("a") }',
        "#",
        "#[cfg",
    ],
)
def test_what_is_no_assembly_of_ours_in_rust(text):
    assert in_rust(text) == []


@pytest.mark.parametrize(
    "text",
    [
        'asm("one\\n\\ttwo %%rax\\n" "three %0" : : "r"(x)); asm("{four|five} six" ::);',
        '#define M(x) asm("one\\n" \\\n  "two" : : "r"(x))',
    ],
)
def test_every_word_of_a_block_is_found_where_it_stands_in_c(text):
    for block in in_c(text):
        for match in re.finditer(r"[a-z]{3,}", block.text.replace("oro_operand", "___________")):
            line = block.text.count("\n", 0, match.start()) + 1
            column = match.start() - block.text.rfind("\n", 0, match.start())
            assert text[block.source(line, column) :].startswith(match[0])


def test_every_word_of_a_block_is_found_where_it_stands_in_rust():
    text = 'asm!(r#"\n  one\n two {x} three"#, "four\\tfive", concat!("six", "\\nseven {{"), x = 1)'
    (block,) = in_rust(text)
    for match in re.finditer(r"one|two|three|four|five|six|seven", block.text):
        line = block.text.count("\n", 0, match.start()) + 1
        column = match.start() - block.text.rfind("\n", 0, match.start())
        assert text[block.source(line, column) :].startswith(match[0])


@pytest.mark.parametrize("language", [Language.C, Language.RUST])
def test_tokens_cover_everything_but_comments_and_space(language):
    text = "a /* x */ \"s\" b // y\n( 'c' ) 0x1f"
    assert [t.text for t in tokens(text, language)] == ["a", '"s"', "b", "(", "'c'", ")", "0x1f"]


def place(tmp_path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text)
    (finding,) = check_paths([str(path)]).findings
    return finding.rule, finding.span.line, finding.span.column, finding.span.text


def test_a_finding_is_at_its_place_in_the_host(tmp_path):
    text = 'void f(void)\n{\n    asm("nop\\n\\t"\n        ".section .data\\n" ::: "memory");\n}\n'
    assert place(tmp_path, "a.c", text) == (
        "ASM002", 4, 10, '        ".section .data\\n" ::: "memory");'
    )  # fmt: skip


def test_a_finding_in_an_included_file_is_at_its_place_there(tmp_path):
    (tmp_path / "boot.S").write_text(".text\n.section .rodata\n")
    path = tmp_path / "a.rs"
    path.write_text('global_asm!(include_str!("boot.S"));\n')
    (finding,) = check_paths([str(path)]).findings
    assert (finding.rule, finding.span.path, finding.span.line) == (
        "ASM002", str(tmp_path / "boot.S"), 2
    )  # fmt: skip


def test_a_macro_of_one_block_is_known_in_the_next(tmp_path):
    path = tmp_path / "a.rs"
    path.write_text(
        'global_asm!(".macro data", ".section .data", ".endm");\nglobal_asm!("data", ".byte 1");\n'
    )
    assert [(f.rule, f.line) for f in check_paths([str(path)]).findings] == [("ASM002", 2)]


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("a.rs", 'asm!(\n    // MARK\n    ".section .data");'),
        ("a.rs", 'asm!(\n    ".section .data", // MARK\n);'),
        ("a.rs", 'asm!(r"\n    .section .data # MARK\n");'),
        ("a.rs", 'asm!(r"\n    # MARK\n    .section .data\n");'),
        (
            "a.c",
            'void f(void) { asm("nop\\n" /* MARK */\n"\\n"); asm(".section .data"); /* MARK */ }',
        ),
    ],
)
def test_a_suppression_is_the_hosts_or_the_assemblys(tmp_path, name, mark):
    path = tmp_path / name
    path.write_text(mark.replace("MARK", "orolint: ignore[ASM002] a reason", mark.count("MARK")))
    rules = [f.rule for f in check_paths([str(path)]).findings]
    assert rules == ["SUP001"] * (mark.count("MARK") - 1)
    path.write_text(mark.replace("MARK", ""))
    assert [f.rule for f in check_paths([str(path)]).findings] == ["ASM002"]


LEAK = """
int before(void) { return 1; }
asm(".section .rodata\\n .byte 1");
int after(void) { return 2; }
"""


def symbols(tmp_path, compiler: str, text: str) -> dict[str, str]:
    """The letter that nm gives each symbol of a C file compiled without a warning."""
    (tmp_path / "leak.c").write_text(text)
    command = [compiler, "-O2", "-Wall", "-Werror", "-c", "leak.c", "-o", "leak.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["nm", "leak.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    return {line.split()[-1]: line.split()[-2] for line in listed.stdout.splitlines()}


def test_what_asm002_warns_of_is_what_compilers_do(tmp_path):
    """gcc puts both functions into read-only data; with the section pushed and popped, none."""
    assert symbols(tmp_path, "gcc", LEAK) == {"before": "R", "after": "R"}
    (finding,) = check_paths([str(tmp_path / "leak.c")]).findings
    assert finding.rule == "ASM002"
    mended = LEAK.replace(".section", ".pushsection").replace('1"', '1\\n .popsection"')
    assert symbols(tmp_path, "gcc", mended) == {"before": "T", "after": "T"}
    assert check_paths([str(tmp_path / "leak.c")]).is_clean


def test_in_a_function_clang_loses_the_rest_of_it(tmp_path):
    text = 'int f(void) { asm volatile(".section .data\\n .byte 1"); return 3; }\nint g(void) { return 4; }\n'
    found = symbols(tmp_path, "clang", text)
    assert found["f"] == found["g"] == "T"  # both begin where f's code should have been
    assert place(tmp_path, "leak.c", text)[0] == "ASM002"
