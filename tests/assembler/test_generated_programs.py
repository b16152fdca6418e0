"""Programs that nobody wrote, against GNU as: relaxation, alignment, sections, expressions."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assembler.gnu_as import differences

NO_LIMITS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def branches(rng: random.Random) -> str:
    """Branches whose targets lie around the reach of the short form, with alignments between."""
    labels = rng.randint(2, 12)
    lines = [".text"]
    for label in range(labels):
        lines.append(f"l{label}:")
        for _ in range(rng.randint(0, 4)):
            kind = rng.randint(0, 9)
            target = f"l{rng.randrange(labels)}"
            if kind < 4:
                plus = rng.choice(["", "", "", "+1", "-2"])
                lines.append(f" {rng.choice(['jmp', 'jne', 'jc', 'jg'])} {target}{plus}")
            elif kind < 6:
                lines.append(
                    f" .skip {rng.choice([1, 5, 60, 100, 118, 120, 122, 124, 125, 126, 127])}"
                )
            elif kind == 6:
                lines.append(f" .p2align {rng.randint(1, 6)}{rng.choice(['', ',,3', ',,10'])}")
            elif kind == 7:
                lines.append(f" .uleb128 {target}-l0" if label else " nop")
            elif kind == 8:
                lines.append(" nop")
            else:
                lines.append(f" .quad {target}, {target}-l0, .-{target}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(60))
def test_branches_are_relaxed_as_by_gnu_as(seed: int) -> None:
    rng = random.Random(seed)
    bits = rng.choice([32, 64, 64])
    mode = rng.choice([".code16\n", "", ""])
    text = mode + branches(rng)
    assert differences(text, bits) == []  # type: ignore[arg-type]


names = st.sampled_from(["a", "b", "c", ".Ld", "e"])
terms = st.one_of(names, st.integers(-300, 300).map(str), st.just("."))


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(["+", "-", "*", "/", "%", "<<", ">>", "|", "&", "^", "!", "==", "<>",
                                "<", ">", "<=", ">=", "&&", "||"])  # fmt: skip
    return st.one_of(
        st.tuples(inner, operator, inner).map(" ".join),
        inner.map("({})".format),
        st.tuples(st.sampled_from("-~!"), inner).map("".join),
    )


constants = st.recursive(st.integers(-300, 300).map(str), _grow, max_leaves=8)
expressions = st.recursive(terms, _grow, max_leaves=4)


@NO_LIMITS
@given(st.lists(constants, min_size=1, max_size=6))
def test_constant_expressions_have_the_values_of_gnu_as(values: list[str]) -> None:
    for value in values:
        text = f".quad {value}\n"
        found = differences(text)
        # GNU as warns where a number is divided by zero and takes 1; here it is an error.
        assert found == [] or "division by zero" in found[0]


@NO_LIMITS
@given(st.lists(st.tuples(st.sampled_from([".quad", ".long"]), names, st.sampled_from("+-"), names,
                          st.integers(-9, 9)), min_size=1, max_size=6))  # fmt: skip
def test_differences_and_sums_of_labels_are_those_of_gnu_as(
    values: list[tuple[str, str, str, str, int]],
) -> None:
    for directive, left, operator, right, number in values:
        text = (
            ".text\na: nop\n jmp e\nb: .long 1\n.data\nc: .long 2\n"
            f"{directive} {left} {operator} {right} + {number}\n.Ld: .byte 3\n.text\ne:\n"
        )
        assert differences(text) == []


lines = st.sampled_from(
    [
        " nop", " ret", " mov $1, %eax", " lea a(%rip), %rax", " call b", " call ext", " jmp c",
        " jne .Ld", " .long a", " .quad b + 4", " .quad ext", " .byte 1, 2", " .asciz \"text\"",
        " .balign 8", " .p2align 4,,7", " .skip 30", " .text", " .data", " .bss", " .section .x,\"ax\"",
        " .section .rodata.s,\"aMS\",@progbits,1", " .pushsection .data", " .popsection", " .previous",
        " .globl a", " .weak b", " .hidden c", " .type a,@function", " .size a,4", " .set s, 5",
        " .set s, s + 1", " .long s", " .if s == 5", " .else", " .endif", " .comm d, 8", "1:",
        " jmp 1f", " jmp 1b", " .long 1b - 1b", " .subsection 1", " .text 2", " .ident \"x\"",
        " .cfi_startproc", " .cfi_endproc", " .cfi_def_cfa_offset 16",
    ]
)  # fmt: skip


@settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(st.lists(lines, max_size=30))
def test_mixtures_of_statements_are_assembled_as_by_gnu_as(chosen: list[str]) -> None:
    text = "\n".join(
        ["s = 1", "a: .skip 0", "b: .skip 1", "c:", *chosen, ".text", ".Ld: nop", "1:", ""]
    )
    found = differences(text)
    assert found == [] or _refused_on_purpose(found[0])


def _refused_on_purpose(difference: str) -> bool:
    """Mistakes that GNU as lets pass with a warning, and we do not."""
    return "has no bytes in the file" in difference


def test_the_generator_reaches_both_forms() -> None:
    from assembler.gnu_as import ours
    from orobuild.elf.reader import read

    seen = set()
    for seed in range(10):
        elf = read(ours(branches(random.Random(seed))).object, "o")
        text = elf.section(".text")
        assert text is not None
        data = bytes(elf.section_data(text))
        seen |= {0xEB, 0xE9} & set(data)
    assert seen == {0xEB, 0xE9}
