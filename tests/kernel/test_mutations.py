"""Each check of the kernel can fail: broken on purpose, the kernel says so itself."""

from __future__ import annotations

import re

import pytest

# Each of these costs a build and a boot: a few of every kind by default, all with --full.
FULL = pytest.mark.full

PUSH_ORDER = (
    "asm/include/frame.inc",
    "    pushq %rsi\n    pushq %rdi\n",
    "    pushq %rdi\n    pushq %rsi\n",
)
POP_ORDER = (
    "asm/include/frame.inc",
    "    popq %r12\n    popq %rbp\n",
    "    popq %rbp\n    popq %r12\n",
)


ALWAYS_CAUGHT = [
    (PUSH_ORDER, "entries"),
    (("asm/isr_common.S", "    swapgs\n", ""), "entries"),
    (("kernel/interrupt/entry.c", "if (features.smap)", "if (0)"), "entries"),
    (
        ("kernel/memory/kernel_map.c", "next_stack += PAGE_SIZE; /* the guard */", ""),
        "exceptions",
    ),
    (("kernel/memory/kernel_map.c", "if (segment->p_flags & PF_W)", "if (1)"), "paging"),
    (("kernel/sched/scheduler.c", "!thread->pinned &&", ""), "scheduler"),
    (("kernel/memory/frames.c", "    *link = 0;\n", ""), "frames"),
    (("kernel/console/serial.c", "    outb(INTERRUPT_ENABLE, ENABLE_INPUT);\n", ""), "input"),
    (("kernel/firmware/routing.c", "== TRIGGER_LEVEL", "!= TRIGGER_LEVEL"), "firmware"),
    (
        ("kernel/boot/memory_map.c", "start = (start + PAGE_SIZE - 1)", "start = start"),
        "memory_map",
    ),
    (
        ("kernel/sched/elf_loader.c", "segment->p_flags & PF_W && segment->p_flags & PF_X", "0"),
        "elf_loader",
    ),
]
CAUGHT_TOO = [
    (("asm/isr_common_exc.S", "    cld\n", ""), "entries"),
    (("asm/isr_common_exc.S", "    keep_vectors \\kind\n", ""), "entries"),
    (("kernel/abi/vectors.h", "| 1 << 17 |", "|"), "entries"),
    (("kernel/smp/smp.c", "(uint64_t)start;", "(uint64_t)&start->frame;"), "entries"),
    (("kernel/boot/main.c", "    kernel_map_forget_boot();\n", ""), "paging"),
    (
        (
            "kernel/memory/kernel_map.c",
            "    paging_unmap(space.root, (uint64_t)_oro_boot_stack_guard);\n",
            "",
        ),
        "exceptions",
    ),
    (("asm/user_copy.S", "    clac\n", ""), "exceptions"),
    (("kernel/memory/kernel_map.c", "if (!(segment->p_flags & PF_X))", "if (0)"), "paging"),
    (("kernel/sched/scheduler.c", "owner->ready_tail = before;", ";"), "scheduler"),
    (("kernel/sched/scheduler.c", "core->boosts++;", ""), "scheduler"),
    (
        ("kernel/memory/frames.c", "free_count -= UINT64_C(1)", "free_count -= UINT64_C(2)"),
        "frames",
    ),
    (
        (
            "kernel/arch/ioapic.c",
            "ioapic_write(i, ENTRIES + 2 * input, ENTRY_MASKED)",
            "(void)input",
        ),
        "input",
    ),
    (("kernel/arch/ioapic.c", "vector | (", "ENTRY_MASKED | vector | ("), "input"),
]


@pytest.mark.parametrize(
    ("change", "suite"),
    [*ALWAYS_CAUGHT, *(pytest.param(*case, marks=FULL) for case in CAUGHT_TOO)],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_kernels_tests_catch(build_changed, boot, read_ktap, change, suite):
    results = read_ktap(boot(build_changed(*change).kernel, "test"))
    failed = {test.name for test in results.tests if test.status.value != "passed"}
    assert suite in failed


@pytest.mark.parametrize(
    "change",
    [
        ("asm/include/frame.inc", "    xorl %r9d, %r9d\n", ""),
        POP_ORDER,
        ("asm/isr_common.S", "    keep_vectors \\kind\n", ""),
        ("kernel/sched/scheduler.c", "_oro_vector_save(last->vector_area);", ";"),
        pytest.param(
            ("kernel/sched/scheduler.c", "_oro_vector_load(core->vector_area);", ";"), marks=FULL
        ),
        ("kernel/arch/vector_state.c", "area ? CR0_KERNEL & ~CR0_TS : CR0_KERNEL", "CR0_KERNEL"),
        pytest.param(("kernel/arch/vector_state.c", "    idt_load(area != 0);\n", ""), marks=FULL),
        (
            "kernel/sched/user_map.c",
            "        shootdown(&process->space);\n",
            "        (void)process;\n",
        ),
        pytest.param(
            ("kernel/interrupt/entry.c", "process_provide(read_cr2()) == PROVISION_DONE", "0"),
            marks=FULL,
        ),
        pytest.param(
            ("kernel/sched/user_map.c", "frames[count++] = entry", "frames[count] = entry"),
            marks=FULL,
        ),
        ("kernel/sched/inbox.c", "process_wake_waiters(self);", ";"),
        pytest.param(
            ("kernel/sched/process.c", "    process_wake_waiters(process);\n", ""), marks=FULL
        ),
        pytest.param(
            ("kernel/sched/process.c", "        child->parent = PARENT_GONE;\n", ""), marks=FULL
        ),
        pytest.param(
            ("kernel/sched/process_table.c", "        thread->wake_at = 0;\n", "        ;\n"),
            marks=FULL,
        ),
        ("kernel/sched/scheduler.c", "while (next && next->process->killed)", "while (0)"),
    ],
    ids=lambda change: change[0],
)
def test_the_programs_catch(build_changed, boot, change):
    """A program whose registers are mixed up reports it, or runs astray until its time is up."""
    report = boot(build_changed(*change).kernel, "impatient")
    assert any(line.startswith("oro: verdict=fail reason=") for line in report.lines)


@FULL
def test_a_core_that_only_says_it_has_flushed_its_tlb_is_found_out(build_changed, boot):
    """It takes two threads that look at the same moment, which no single boot promises."""
    change = ("kernel/smp/shootdown.c", "    write_cr3(read_cr3());\n", "")
    kernel = build_changed(*change).kernel
    reports = (boot(kernel, "impatient", cores=cores) for cores in (2, 4, 2, 4, 2, 4))
    assert any("exited with status 100" in line for report in reports for line in report.lines)


@FULL
def test_a_stray_interrupt_that_is_not_ended_keeps_the_timer_out(build_changed, boot):
    change = ("kernel/interrupt/entry.c", "if (lapic_in_service(", "if (0 && lapic_in_service(")
    assert not boot(build_changed(*change).kernel, "test impatient", timeout=15).passed


def test_a_lock_that_lets_everybody_in_is_caught(build_changed, boot):
    """Whatever goes wrong after that."""
    old = "return !atomic_exchange_explicit(&lock->held, true, memory_order_acquire);"
    change = ("kernel/lib/spinlock.h", old, "return lock->held = true;")
    report = boot(build_changed(*change).kernel, "test impatient", cores=4, timeout=30)
    assert "  not ok 1 a_lock_lets_one_in" in report.lines


@FULL
def test_cores_that_talk_at_the_same_time_are_caught(build_changed, boot):
    change = ("kernel/console/printk.c", "while (!try_hold(self))", "while (0)")
    report = boot(build_changed(*change).kernel, "test impatient", cores=4, timeout=30)
    spoken = [line for line in report.lines if "core=" in line and "line=" in line]
    assert spoken
    assert not all(re.fullmatch(r"  # core=\d line=\d the .* dog", line) for line in spoken)


def test_a_timer_that_never_fires_is_no_pass(build_changed, boot):
    change = (
        "kernel/arch/lapic_timer.c",
        "LVT_PERIODIC | VECTOR_TIMER",
        "LVT_MASKED | VECTOR_TIMER",
    )
    assert not boot(build_changed(*change).kernel, "", timeout=5).passed


def test_a_core_that_does_not_answer_is_left_off(build_changed, boot):
    change = (
        "kernel/firmware/topology.c",
        'topology.source = "acpi";',
        'topology.source = "acpi", topology_add_core(77);',
    )
    report = boot(build_changed(*change).kernel, "", cores=2)
    assert "core with APIC id 77 does not answer: left off" in report.lines
    assert [core.apic for core in report.cores] == [0, 1]
    assert report.passed, report.reason
