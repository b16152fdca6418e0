"""The inspector's readings without a machine: QEMU's registers, lists with damage, what trackers saw."""

from __future__ import annotations

import base64
import io
import json

import pytest

from orobuild.debug.inspector import backtrace, buddy, descriptors, tracking, vectors
from orobuild.debug.inspector.session import COMMANDS, Session
from orobuild.debug.inspector.target import Target, processors
from orobuild.debug.inspector.view import View
from orobuild.debug.structures import Debug, Table, Track
from orobuild.errors import UsageError

# As QEMU 7.2 prints them: one processor in 64-bit code, one in real mode.
REGISTERS = """\
CPU#0
RAX=0000000000000001 RBX=0000000000000002 RCX=0000000000000003 RDX=0000000000000004
RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=ffffffff80200000
R8 =0000000000000008 R9 =0000000000000009 R10=0000000000000000 R11=0000000000000000
RIP=ffffffff80105830 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
GS =0000 ffffffff801a0810 ffffffff 00000000
TR =0030 ffffffff801a0908 00000067 00008b00 DPL=0 TSS64-busy
GDT=     0000000000001000 0000003f
IDT=     0000000000002000 00000fff
CR0=80010033 CR2=0000000000001234 CR3=0000000000001000 CR4=00000020
EFER=0000000000000d01
CPU#1
EAX=00000000 EBX=00000000 ECX=00000000 EDX=000a0671
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =f000 ffff0000 0000ffff 00009b00
GDT=     00000000 0000ffff
IDT=     00000000 0000ffff
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""


class Fake:
    """Answers like GDB: memory from a dictionary of pages, and whatever else it was given."""

    def __init__(self, memory=None, **answers):
        self.memory = memory or {}
        self.answers = answers

    def __call__(self, question, **details):
        if question == "memory":
            data = bytes(self.memory.get(details["at"], b""))[: details["size"]]
            return base64.b64encode(data).decode()
        if question == "monitor" and details["command"] == "info registers -a":
            return REGISTERS
        if question == "threads":
            return [{"number": 1, "name": "", "selected": True}]
        answer = self.answers.get(question)
        if answer is None:
            raise UsageError(f"nothing is known of {question}")
        return answer(**details) if callable(answer) else answer


def view(fake=None, structures=None) -> View:
    return View(Target(fake or Fake()), None, structures or Debug(), "", lambda text, _: text)


def test_processors_are_read_as_qemu_prints_them():
    first, second = processors(REGISTERS.replace("\n", "\r\n"))
    assert (first.mode, second.mode) == ("64-bit", "real mode")
    assert first.registers["rip"] == 0xFFFFFFFF80105830
    assert first.registers["rflags"] == 0x46
    assert (first.registers["r8"], first.registers["r9"]) == (8, 9)
    assert first.tables == {"gdt": (0x1000, 0x3F), "idt": (0x2000, 0xFFF)}
    assert first.segments["gs"].base == 0xFFFFFFFF801A0810
    assert second.registers["rip"] == 0xFFF0
    assert (first.halted, second.halted) == (False, True)
    assert processors("nothing of the kind") == ()


def test_paging_by_32_bit_tables_is_refused():
    text = REGISTERS.replace("EFER=0000000000000d01", "EFER=0000000000000000")
    target = Target(Fake())
    target.__dict__["processors"] = processors(text)
    with pytest.raises(UsageError, match="32-bit page tables"):
        target.paging()


def gate(handler: int, *, ist=0, kind=0x8E) -> bytes:
    value = (handler & 0xFFFF) | 8 << 16 | ist << 32 | kind << 40 | (handler >> 16 & 0xFFFF) << 48
    return value.to_bytes(8, "little") + (handler >> 32).to_bytes(8, "little")


def test_gates_are_taken_apart():
    table = gate(0xFFFFFFFF80101234, ist=3) + gate(0x1122334455667788, kind=0xEF) + bytes(4064)
    found = vectors.gates(view(Fake({0x2000: table})))
    assert (found[0].handler, found[0].ist, found[0].dpl) == (0xFFFFFFFF80101234, 3, 0)
    assert (found[1].handler, found[1].kind, found[1].dpl) == (0x1122334455667788, "trap", 3)
    assert len(found) == 256
    assert not found[2].present


def test_a_table_that_cannot_be_read_is_an_error():
    for command in (vectors.isr, vectors.idt, descriptors.gdt, descriptors.tss):
        with pytest.raises(UsageError, match="cannot be read"):
            command(view(), [])


def test_descriptors_are_taken_apart():
    table = b"".join(
        value.to_bytes(8, "little")
        for value in (
            0,
            0x00AF9B000000FFFF,
            0x00CFF3000000FFFF,
            0x80008B1A09080067,
            0xFFFFFFFF,
            0,
            0,
            0,
        )
    )
    text = descriptors.gdt(view(Fake({0x1000: table})), [])
    assert "0x08      0x00af9b000000ffff  0x0                 0xffffffff  code, readable  0" in text
    assert "0xffffffff801a0908  0x67        TSS, busy" in text
    assert "0x20" not in text  # the upper half of the TSS's descriptor


def test_free_blocks_that_overlap_and_buddies_that_are_apart_are_found():
    heap = buddy.Heap([[0x1000, 0x3000], [0x2000], [0x10000, 0x14000]])
    buddy.overlaps(heap, 4096)
    assert heap.problems == [
        "0x3000 of order 0 overlaps 0x2000 of order 1",
    ]
    heap = buddy.Heap([[0x2000, 0x3000], []])
    buddy.overlaps(heap, 4096)
    assert heap.problems == ["0x2000 and 0x3000 of order 0 are not joined"]


def event(action, core=0, at=0x100, **values):
    event.serial += 1
    return {"action": action, "core": core, "callers": [at], "serial": event.serial, **values}


event.serial = 0


def test_leaks_double_frees_and_blocks_handed_out_twice_are_reported():
    events = [
        event("allocate", size=4096, result=0x1000, at=0xA),
        event("allocate", size=8192, result=0x2000, at=0xB),
        event("allocate", core=1, size=4096, result=0x1000, at=0xC),
        event("free", address=0x2000),
        event("free", address=0x2000, at=0xD),
        event("free", address=0x9000),
    ]
    text = "\n".join(tracking.allocations(view(), events))
    assert "0x1000 was handed out twice: to 0xa on cpu 0, then to 0xc on cpu 1" in text
    assert "0x2000 was freed twice: by 0x100 on cpu 0, then by 0xd on cpu 0" in text
    assert "1 blocks not freed yet, 4096 bytes" in text
    assert "0x9000" not in text


def test_one_allocator_that_calls_another_is_one_allocation():
    events = [event("allocate", size=4096, result=0x1000, at=at) for at in (0xA, 0xB)]
    text = "\n".join(tracking.allocations(view(), events))
    assert "twice" not in text
    assert "1 blocks not freed yet, 4096 bytes" in text


def test_locks_held_taken_twice_and_taken_in_opposite_orders_are_reported():
    events = [
        event("acquire", lock=1), event("acquire", lock=2), event("release", lock=2), event("release", lock=1),
        event("acquire", core=1, lock=2), event("acquire", core=1, lock=1, at=0xE),
        event("release", core=1, lock=1), event("acquire", core=1, lock=2, at=0xF),
        event("release", lock=1, at=0xD),
    ]  # fmt: skip
    text = "\n".join(tracking.locks(view(), events))
    assert (
        "opposite orders: 0x2, then 0x1 by 0xe on cpu 1; the other way round by 0x100 on cpu 0"
        in text
    )
    assert "0x2: taken again by 0xf on cpu 1, which holds it since 0x100 on cpu 1" in text
    assert "0x1: given back by 0xd on cpu 0, which does not hold it" in text
    assert "0x2: held by 0x100 on cpu 1" in text


def test_a_lock_that_gdb_could_not_tell_is_the_one_that_is_given_back():
    events = [event("acquire", lock=None), event("release", lock=7)]
    text = "\n".join(tracking.locks(view(), events))
    assert "does not hold it" not in text
    assert "held by" not in text
    assert "could not tell which lock 1 calls took" in text


def test_a_frame_is_believed_only_if_it_fits_the_tables():
    table = b"".join(
        v.to_bytes(8, "little") for v in (0, 0x00AF9B000000FFFF, 0, 0, 0, 0x00AFFB000000FFFF)
    )
    looked_at = view(Fake({0x1000: table}))
    good = {"rip": 0x400000, "cs": 0x2B, "rflags": 0x202, "rsp": 0x7000, "ss": 0x23}
    assert backtrace._is_plausible(looked_at, good)
    for name, value in (
        ("rip", 1 << 63), ("cs", 0x2A), ("cs", 0x23), ("cs", 0), ("cs", 0x7B), ("rflags", 0x200),
        ("rflags", 0x20A), ("ss", 1 << 20),
    ):  # fmt: skip
        assert not backtrace._is_plausible(looked_at, good | {name: value}), (name, value)


def converse(*requests, structures=None):
    """What a session says to these lines; questions are not answered, since GDB has gone."""
    answers = io.BytesIO()
    lines = b"".join(json.dumps(request).encode() + b"\n" for request in requests)
    paint = lambda _: lambda text, _: text  # noqa: E731
    Session(io.BytesIO(lines), answers, None, structures or Debug(), "", paint).serve()
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_session_answers_and_ends_with_gdb():
    said = converse({"run": ["show"]}, {"run": ["track", "alloc", "go"]}, {"run": ["cr"]})
    assert "configure [debug.tables.any]" in said[0]["done"]
    assert said[1]["done"].startswith("usage: oro track")
    assert said[2] == {"ask": "threads"}
    assert len(said) == 3


def test_an_answer_of_gdbs_that_is_an_error_is_the_commands():
    request = {"run": ["cr"]}
    said = converse(request, {"error": "the machine is running"})
    assert said[-1] == {"done": "the machine is running"}


def test_tables_are_listed_and_a_near_name_is_offered():
    structures = Debug(tables={"ps": Table(columns=["pid"])}, track=Track())
    assert converse({"run": ["show"]}, structures=structures)[0] == {"print": "ps\n"}
    assert "'ps'" in converse({"run": ["show", "pss"]}, structures=structures)[0]["done"]


def test_every_command_has_its_function():
    from importlib import import_module

    for name, module in COMMANDS.items():
        assert callable(getattr(import_module(f"orobuild.debug.inspector.{module}"), name))
