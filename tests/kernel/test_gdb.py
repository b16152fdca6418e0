"""The `oro` commands in GDB, on the running kernel, against QEMU's monitor, GDB and the ELF file."""

from __future__ import annotations

import io
import re

import pytest
from elftools.elf.elffile import ELFFile

from gdb_session import run_gdb

PROCESSES = "'kernel/sched/process_table.c'::table"
LISTS = "'kernel/memory/frames.c'::free_lists"
REGISTERS = [
    "rax",
    "rbx",
    "rcx",
    "rdx",
    "rsi",
    "rdi",
    "rbp",
    "rsp",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rip",
    "eflags",
]
SAVED = "python print([hex(int(gdb.newest_frame().read_register(n))) for n in NAMES])"
NAMES = f"python NAMES = {REGISTERS!r}"

BEFORE = [
    *("oro cr  ", "oro isr  ", "oro cpu  ", "oro tt v kernel_main  ", "oro tss  "),
]
STOPPED = [
    *("monitor info registers -a", "oro cpu", "oro cr", "oro gdt", "oro idt", "oro tss"),
    *("oro isr", "oro isr -a", "oro isr 14", "oro apic", "oro ioapic", "oro frame", "oro bt"),
    *("monitor info lapic", "monitor info pic", "oro qemu info pic"),
    *("oro tt v kernel_main", "oro tt v .rodata", "oro tt v cores", "oro tt v &cores[1].tss"),
    *("oro tt v 0xffff8000001a0000", "oro tt v 0x10", "oro tt v 0x8000000000000000"),
    *("oro tt p 0x101000", "oro threads", "oro ps", "oro runq", "oro locks", "oro buddy"),
    *("oro boot", "oro console 5", "oro show", "oro show ps"),
    *('printf "%lx\\n", (long)kernel_main', "monitor gva2gpa 0xffffffff80101000"),
    "oro tt v 0xffffffff80101000",
    (
        f'python t = gdb.parse_and_eval("{PROCESSES}"); '
        "print([(int(p['pid']), p['name'].string(), int(p['thread_count'])) "
        "for p in (t[i] for i in range(256)) if int(p)])"
    ),
    (
        "python c = gdb.parse_and_eval('cores'); "
        "print([[int(c[i]['tss']['rsp'][0])] + [int(c[i]['tss']['ist'][j]) for j in range(7)] for i in (0, 1)])"
    ),
]
# The registers of the first frame below the entry to the kernel, by GDB's unwinding.
UNWOUND = (
    "python exec('f = gdb.newest_frame()\\nwhile f.type() != gdb.SIGTRAMP_FRAME: f = f.older()\\n"
    'print({n: int(f.older().read_register(n)) & (1 << 64) - 1 for n in [*NAMES, "cs", "ss"]})\')'
)
# The same as the kernel has saved them.
KEPT = (
    "python s = gdb.parse_and_eval('*core->frame'); "
    "print({f.name: int(s[f.name]) for f in s.type.fields()})"
)
REFUSED = {
    "oro": "oro threads",
    "oro nosuch": "no command is called 'nosuch'",
    "oro tt": "usage: oro tt v ADDRESS",
    "oro tt x 1": "usage: oro tt v ADDRESS",
    "oro tt v nosuch": 'No symbol "nosuch"',
    "oro isr 256": "vector 256 is more than 255",
    "oro isr 1 2": "usage: oro isr",
    "oro isr -1": "usage: oro isr",
    "oro gdt 1": "'1' is not understood; usage: oro gdt",
    "oro msr NOSUCH": "'NOSUCH' is no register: a number, or one of APIC_BASE",
    "oro qemu": "usage: oro qemu COMMAND",
    "oro console x": "usage: oro console [LINES]",
    "oro show nosuch": "configure [debug.tables.nosuch]",
    "oro frame 0x10": "a frame at 0x10 cannot be read",
    "oro frame nosuch": 'No symbol "nosuch"',
    "oro track": "usage: oro track alloc|lock start|stop|report",
    "oro track lock go": "usage: oro track",
}
MEASURED = [
    *(SAVED, "info breakpoints", "oro msr", "oro msr LSTAR 0xc0000101"),
    *("info breakpoints ", f"{SAVED} "),
]
DAMAGED = [
    'python l = gdb.parse_and_eval("' + LISTS + '"); '
    "h = next(l[i] for i in range(19) if int(l[i]) and int(l[i]['next'])); "
    "gdb.execute('set var *(long *)%d = %d' % (int(h), int(h)))",
    "oro buddy ",
    (
        "python b = next(int(l[i]) for i in range(18, 0, -1) if int(l[i])) - 0xffff800000000000; "
        "print(hex(b)); gdb.execute(\"set var 'kernel/memory/frames.c'::states[%d] ^= 0x60\" % (b >> 12))"
    ),
    "oro buddy  ",
    "set var cores[1].ready_lock.held = 1",
    "oro locks ",
    "set var cores[0].ready_head = (struct thread *)0x10",
    "oro runq ",
]
WITHOUT_A_FILE = ["file", "oro isr 33", "oro cpu ", "oro threads ", "oro boot ", "oro frame "]
RUNNING = ["continue &", "oro cr ", "oro isr   "]


@pytest.fixture(scope="module")
def said(built):
    """One boot, stopped in a tick of the timer that interrupted a program."""
    commands = [
        *BEFORE,
        "hbreak scheduler_tick if (core->frame->cs & 3) == 3",
        "continue",
        "ignore 1 200",
        "continue ",
        NAMES,
        "bt",
        KEPT,
        UNWOUND,
        *STOPPED,
        *REFUSED,
        *MEASURED,
        *DAMAGED,
        *WITHOUT_A_FILE,
        *RUNNING,
    ]
    return run_gdb(built.kernel, commands, arguments=["--append", "run=forever", "--cores", "2"])


@pytest.fixture(scope="module")
def elf(built):
    """The kernel as pyelftools reads it: addresses of symbols."""
    file = ELFFile(io.BytesIO(built.kernel.read_bytes()))
    return {s.name: s["st_value"] for s in file.get_section_by_name(".symtab").iter_symbols()}


@pytest.fixture(scope="module")
def registers(said):
    """QEMU's own words about each processor."""
    return re.split(r"^CPU#\d+", said["monitor info registers -a"], flags=re.MULTILINE)[1:]


def selected(said) -> int:
    return int(re.search(r"^\*(\d)", said["oro cpu"], re.MULTILINE)[1])


def rows(text: str, pattern: str) -> list[re.Match[str]]:
    found = list(re.finditer(pattern, text, re.MULTILINE))
    assert found, text
    return found


def test_nothing_has_colours_and_nothing_is_a_traceback(said):
    for command, text in said.items():
        assert "\x1b" not in text, command
        assert "Traceback" not in text, text
        assert "Python Exception" not in text, text
        assert "internal error" not in text, text


def test_every_translation_is_the_emulators(said):
    for command in STOPPED:
        if command.startswith("oro tt v") and "disagrees" in said[command]:
            pytest.fail(said[command])
    text = said["oro tt v kernel_main"]
    assert text.startswith(f"0x{said[STOPPED[-5]].strip()}  kernel_main\n"), text
    assert "emulator   agrees" in text
    assert "kernel     r-x" in text
    assert "image      agrees: .text" in text
    mine = re.search(r"physical   (0x\w+)", said["oro tt v 0xffffffff80101000"])[1]
    theirs = re.search(r"gpa: (0x\w+)", said["monitor gva2gpa 0xffffffff80101000"])[1]
    assert mine == theirs
    assert "kernel     r--" in said["oro tt v .rodata"]
    assert "kernel     rw-" in said["oro tt v cores"]
    assert "cores+0x" in said["oro tt v &cores[1].tss"]
    assert "is not present" in said["oro tt v 0x10"]
    assert "not canonical" in said["oro tt v 0x8000000000000000"]
    lines = said["oro tt p 0x101000"].splitlines()
    assert any("0xffffffff80101000" in line and "r-x" in line for line in lines)
    assert not any("wx" in line for line in lines)


def test_every_handler_is_named_as_in_the_file_and_can_be_executed(said, elf):
    found = rows(said["oro isr -a"], r"^(\d+) .*?(0x[0-9a-f]{16})  (\S+) +(\S+) +(\.\S+ \S+)$")
    assert [int(row[1]) for row in found] == list(range(256))
    for row in found:
        assert elf[row[3]] == int(row[2], 16)
        assert row[3].startswith(f"_oro_isr_handler_{row[1]}_")
        assert (row[4], row[5]) == ("x", ".text RE")
    assert "every handler can be executed" in said["oro isr"]
    assert len(said["oro isr"].splitlines()) < 50
    assert len(rows(said["oro isr 14"], r"^14 +#PF ")) == 1


def test_descriptor_tables_are_where_the_processor_says(said, registers):
    mine = registers[selected(said)]
    for name in ("GDT", "IDT"):
        base, limit = re.search(rf"{name}= +(\w+) (\w+)", mine).groups()
        assert f"0x{base}" in said[f"oro {name.lower()}"].splitlines()[0]
        assert f"limit {int(limit, 16):#x}" in said[f"oro {name.lower()}"].splitlines()[0]
    tr = re.search(r"TR =(\w+) (\w+)", mine)
    assert said["oro tss"].startswith(f"TSS {int(tr[1], 16):#x} at 0x{tr[2]} ")
    cs = re.search(r"CS =(\w+)", mine)[1]
    assert re.search(rf"^0x0?{int(cs, 16):x} .*code.* cs$", said["oro gdt"], re.MULTILINE)
    assert re.search(r"TSS, busy .* tr$", said["oro gdt"], re.MULTILINE)


def test_the_stacks_are_those_of_the_kernels_own_tss(said):
    tops = eval(said[STOPPED[-1]])[selected(said)]
    found = dict(re.findall(r"^(RSP0|IST\d) +(0x\w+)", said["oro tss"], re.MULTILINE))
    names = ["RSP0", *(f"IST{i}" for i in range(1, 8))]
    wanted = {name: hex(top) for name, top in zip(names, tops, strict=True) if top}
    assert found == wanted
    assert said["oro tss"].count("rw-") == len(found)


def test_registers_are_those_that_qemu_shows(said, registers):
    mine = registers[selected(said)]
    for name in ("CR0", "CR2", "CR3", "CR4", "EFER"):
        value = int(re.search(rf"{name}=(\w+)", mine)[1], 16)
        assert re.search(rf"^{name} +{value:#x}\b", said["oro cr"], re.MULTILINE), said["oro cr"]
    assert "NXE" in said["oro cr"]
    for index, text in enumerate(registers):
        line = rows(said["oro cpu"], rf"^[ *]{index} +64-bit +(\d) +(0x\w+)")[0]
        assert line[1] == re.search(r"CPL=(\d)", text)[1]
        assert int(line[2], 16) == int(re.search(r"RIP=(\w+)", text)[1], 16)


def test_model_specific_registers_are_read_and_nothing_has_changed(said, elf, registers):
    assert said[SAVED] == said[f"{SAVED} "]
    assert said["info breakpoints"] == said["info breakpoints "]
    assert "already hit 20" in said["info breakpoints"]
    text = said["oro msr"]
    assert f"{elf['_oro_syscall_entry']:#018x}  _oro_syscall_entry" in text
    gs = re.search(r"^GS =\w+ (\w+)", registers[selected(said)], re.MULTILINE)[1]
    assert re.search(rf"^GS_BASE +0xc0000101  0x{gs}  cores", text, re.MULTILINE)
    assert re.search(r"^EFER .*NXE", text, re.MULTILINE)
    assert len(text.splitlines()) == 10
    assert len(said["oro msr LSTAR 0xc0000101"].splitlines()) == 2


def test_the_controllers_are_qemus_with_our_names(said):
    for line in said["monitor info pic"].splitlines():
        if line.startswith("  pin"):
            assert line.rstrip() in said["oro ioapic"]
    assert "_oro_isr_handler_" in said["oro ioapic"]
    timer = rows(said["oro apic"], r"^LVTT\t.*\(vec (\d+)\)  _oro_isr_handler_(\d+)_")[0]
    assert timer[1] == timer[2]
    assert "dumping local APIC" in said["oro apic"]
    assert said["oro qemu info pic"] == said["monitor info pic"]


def test_processes_are_those_of_the_table(said):
    wanted = eval(said[STOPPED[-2]])
    found = rows(said["oro ps"], r"^(\d+) +(\w+) +\d+ +(\d+) ")
    assert [(int(row[1]), row[2], int(row[3])) for row in found] == wanted
    assert said["oro show ps"] == said["oro ps"]
    threads = rows(said["oro threads"], r"^0x\w+ +(\d+) +(\w+) +THREAD_\w+ ")
    assert len(threads) == sum(count for _, _, count in wanted)
    ready = rows(said["oro threads"], r"^(0x\w+) .*THREAD_READY")
    queued = rows(said["oro runq"], r"^\d +(0x\w+) ")
    assert {row[1] for row in queued} <= {row[1] for row in ready}
    assert said["oro show"].split() == ["cpu", "ps", "threads", "runq"]


def test_the_allocator_is_intact_until_it_is_damaged(said):
    assert "intact: lists, overlaps, states and counts agree" in said["oro buddy"]
    assert "the list comes back to" in said["oro buddy "]
    assert "the allocator is damaged" in said["oro buddy "]
    block = said[DAMAGED[2]].strip()
    assert f"{block} is in the list of order" in said["oro buddy  "]


def test_locks_are_found_in_variables_and_in_lists(said):
    assert "kernel/memory/frames.c::lock" in said["oro locks"]
    assert re.search(r"cores\[\*\]\.ready_lock +6[34] of them", said["oro locks"])
    assert "space_lock" in said["oro locks"]
    assert re.search(r"cores\[1\]\.ready_lock +0x\w+ +held", said["oro locks "])


def test_a_list_that_leads_nowhere_is_said_to(said):
    assert "which cannot be read" in said["oro runq "]


def test_memory_holds_the_file(said):
    assert said["oro boot"].count("as in the file") == 2
    assert "differs" not in said["oro boot"]
    assert re.search(r"command_line run=forever", said["oro boot"])
    assert "build-id " in said["oro boot"]


def test_the_saved_frame_is_the_interrupted_code(said):
    text = said["oro frame"]
    vector = re.search(r"frame at 0x\w+: interrupt (\d+)", text)[1]
    rip = re.search(r"^  rip (0x\w+)", text, re.MULTILINE)[1]
    entry = rows(said["oro bt"], r"^ +-- interrupt (\d+), from ring (\d), by (\w+);")[0]
    assert entry[1] == vector
    assert entry[3].startswith(f"_oro_isr_handler_{vector}_")
    assert re.search(rf"^#\d+ +0x0*{rip[2:]}\b", said["oro bt"], re.MULTILINE), said["oro bt"]
    assert re.match(r"#0 +0x\w+ scheduler_tick ", said["oro bt"])
    assert "interrupt_entry" in said["oro bt"]


def test_before_the_first_instruction_every_command_says_what_there_is(said):
    assert "real mode" in said["oro cpu  "]
    assert said["oro isr  "].startswith("oro isr: the processor is in real mode")
    assert "paging is off (CR0.PG is clear)" in said["oro tt v kernel_main  "]
    assert re.search(r"^CR0 +0x60000010 ", said["oro cr  "], re.MULTILINE)
    assert "the processor has no TSS yet" in said["oro tss  "]


@pytest.mark.parametrize("command", [c for c in REFUSED if c != "oro"])
def test_a_wrong_question_is_refused_in_one_line(said, command):
    assert REFUSED[command] in said[command]
    assert len(said[command].splitlines()) == 1


def test_without_a_file_there_are_no_names_but_answers(said):
    assert re.search(r"^33 .* x$", said["oro isr 33"], re.MULTILINE), said["oro isr 33"]
    assert "64-bit" in said["oro cpu "]
    assert "configure [debug.tables.threads]" in said["oro threads "]
    assert "GDB has no kernel's file" in said["oro boot "]
    assert "configure frames in [debug]" in said["oro frame "]


def test_a_running_machine_is_not_looked_at(said):
    for command in ("oro cr ", "oro isr   "):
        assert (
            said[command]
            .splitlines()[0]
            .endswith("the machine is running: stop it first, with ^C or 'interrupt'")
        ), said[command]


def test_gdb_unwinds_from_a_handler_through_the_stub_to_the_interrupted_program(said):
    """By the call frame information of asm/entered.S; every register is the program's."""
    kept, unwound = eval(said[KEPT]), eval(said[UNWOUND])
    assert kept.pop("vector") < 256
    kept.pop("error_code")
    kept["eflags"] = kept.pop("rflags")
    assert unwound.keys() <= kept.keys()
    assert unwound == {name: kept[name] for name in unwound}
    assert kept["cs"] & 3 == 3
    wanted = rf"interrupt_entry .*\n#\d+ +<signal handler called>\n#\d+ +0x0*{kept['rip']:x} in"
    assert re.search(wanted, said["bt"]), said["bt"]


def test_gdb_unwinds_through_an_exception_of_the_kernel(built):
    commands = ["hbreak panic_exception", "continue", "bt", "oro bt", "info symbol $rip"]
    said = run_gdb(built.kernel, commands, arguments=["--append", "crash=page", "--cores", "1"])
    assert re.search(
        r"panic_exception .*\n#1 .* exception_entry_kernel .*\n#2 +<signal handler called>\n"
        r"#3 +0x\w+ in (read_unmapped|crash_if_asked) .*\n(#4 .* crash_if_asked .*\n)?#\d .* kernel_main ",
        said["bt"],
    ), said["bt"]
    assert re.search(
        r"-- #PF, the kernel read from 0x1234, a page that is not mapped, from ring 0, "
        r"by _oro_isr_handler_14_novec; frame at 0x\w+ --\n#2 +0x\w+ (read_unmapped|crash_if_asked)",
        said["oro bt"],
    ), said["oro bt"]


@pytest.mark.full
def test_trackers_record_what_the_kernel_does(built):
    """From the first core's preparation to the release of all: nothing of that is freed again."""
    commands = [
        *("hbreak smp_prepare_core", "continue", "delete"),
        *("oro track alloc start", "oro track lock start", "hbreak smp_release", "continue "),
        *("oro track alloc report", "oro track lock report", "oro track alloc stop"),
    ]
    said = run_gdb(built.kernel, commands, arguments=["--append", "run=forever", "--cores", "2"])
    assert "watching frames_alloc, frames_alloc_page, frames_free" in said["oro track alloc start"]
    report = said["oro track alloc report"]
    assert re.search(r"^\d+ blocks not freed yet, \d{5,} bytes$", report, re.MULTILINE), report
    assert re.search(r"^\d+ +\d+ +kernel_map_stack\+0x\w+ < smp_prepare_core", report, re.MULTILINE)
    assert "twice" not in report
    assert re.search(r"^\d+ calls recorded$", said["oro track lock report"], re.MULTILINE)
    assert "opposite orders" not in said["oro track lock report"]
    assert re.match(r"stopped; [1-9]\d* calls are recorded", said["oro track alloc stop"])
