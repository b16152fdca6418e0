"""The kernel's own tests pass on machines old and new, small and large."""

from __future__ import annotations

import re
import struct

import pytest


def test_interrupts_that_nobody_expects_are_survived(built, boot):
    """Sent to itself by the suite `topology`: an APIC error and two strays."""
    report = boot(built.kernel, "test")
    assert "core 0: local APIC error, status 0x0" in report.lines
    assert report.passed, report.reason


def test_a_machine_without_a_clock_is_told_so(built, boot):
    report = boot(built.kernel, "", machine="q35,pit=off,hpet=off")
    assert report.panic.values["reason"] == (
        "this machine has no clock to wait by: neither an 8254 nor an HPET"
    )


@pytest.mark.parametrize("cores", [1, 4])
def test_the_programs_that_misbehave_are_killed_and_reported(built, boot, cores):
    report = boot(built.kernel, "", cores=cores)
    facts = [fact.values for fact in report.console.of_kind("killed")]
    killed = {
        values["killed"]: values
        for values in facts
        if "vector" in values and values["killed"] not in ("fault_way", "fuzz_child")
    }
    assert {name: values["name"] for name, values in killed.items()} == {
        "fault_write": "#PF",
        "fault_execute": "#PF",
        "fault_stack": "#PF",
        "fault_privilege": "#GP",
        "fault_breakpoint": "#BP",
        "fault_step": "#DB",
        "fault_undefined": "#UD",
    }
    # Present, from ring 3, and a write or a fetch (Intel SDM Vol. 3A 4.7).
    assert killed["fault_write"]["error"] == "0x7"
    assert killed["fault_execute"]["error"] == "0x15"
    assert killed["fault_stack"]["error"] == "0x6"
    assert report.passed, report.reason


def test_each_way_of_misbehaving_is_the_exception_that_it_should_be(root, built, boot):
    ways = re.findall(
        r"^    way\((\w+), \"(#\w+)\"\)", (root / "kernel/user/ways.h").read_text(), re.MULTILINE
    )
    assert len(ways) > 20
    report = boot(built.kernel, "")
    facts = [fact.values for fact in report.console.of_kind("killed")]
    seen = [values["name"] for values in facts if values["killed"] == "fault_way"]
    for (way, exception), name in zip(ways, seen, strict=True):
        # TCG reads iretq's frame as the kernel would, so SMAP forbids it, and knows one exception
        # for addresses that are not canonical.
        also = {"RETURN_TO_RING_0": ["#PF"], "STACK_NOT_CANONICAL": ["#GP"]}.get(way, [])
        assert name in [exception, *also], way


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_programs_that_call_the_kernel_at_random_harm_only_themselves(built, boot, seed):
    report = boot(built.kernel, f"seed={seed}", cores=2)
    assert report.passed, "\n".join([report.reason, *report.lines])


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_thousand_more_of_them(built, boot):
    for seed in range(100, 140):
        report = boot(built.kernel, f"seed={seed} log=error", cores=4)
        assert report.passed, "\n".join([f"seed={seed} {report.reason}", *report.lines])


def test_segments_are_printed_as_linked(built, boot):
    report = boot(built.kernel, "")
    segments = [fact.values for fact in report.console.of_kind("segment")]
    assert [(s["name"], s["flags"]) for s in segments] == [
        (".oro_boot", "R--"),
        (".text", "R-X"),
        (".rodata", "R--"),
        (".data", "RW-"),
    ]
    assert segments[0]["vaddr"] == "0xffffffff80100000"


def test_no_page_frame_is_lost_when_programs_end(built, boot):
    report = boot(built.kernel, "", cores=4)
    (memory,) = report.console.of_kind("memory")
    assert memory.values["lost"] == "0"


@pytest.mark.parametrize(("module", "started"), [("hello.elf", True), ("text", False)])
def test_modules_of_the_loader_are_listed_and_programs_among_them_run(
    built, boot, tmp_path, module, started
):
    file = built.directory / "user" / module
    if not started:
        file = tmp_path / module
        file.write_text("no program")
    report = boot(built.kernel, "", extra=("-initrd", str(file)))
    (listed,) = report.console.of_kind("module")
    assert listed.integer("size") == file.stat().st_size
    said = [line for line in report.lines if line.endswith("hello from ring 3")]
    assert len(said) == 1 + started
    assert report.passed, report.reason


def damaged(program: bytes, how: str) -> bytes:
    data = bytearray(program)
    (table,) = struct.unpack_from("<Q", data, 32)  # e_phoff
    match how:
        case "cut":
            del data[len(data) // 2 :]
        case "writable code":
            struct.pack_into("<I", data, table + 4, 7)
        case "kernel entry":
            struct.pack_into("<Q", data, 24, 0xFFFFFFFF80101000)
        case "kernel segment":
            struct.pack_into("<Q", data, table + 16, 0xFFFFFFFF80101000)
        case "endless segment":
            struct.pack_into("<Q", data, table + 40, 1 << 46)
        case "many headers":
            struct.pack_into("<H", data, 56, 0xFFFF)
    return bytes(data)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "segment outside the file"),
        ("writable code", "segment that is writable and executable"),
        ("kernel entry", "entry point outside the user half"),
        ("kernel segment", "segment outside the user half"),
        ("endless segment", "out of memory"),
        ("many headers", "program headers outside the file"),
    ],
)
def test_a_module_that_is_damaged_is_refused_with_the_reason(built, boot, tmp_path, how, said):
    module = tmp_path / "damaged"
    module.write_bytes(damaged((built.directory / "user/hello.elf").read_bytes(), how))
    report = boot(built.kernel, "impatient", extra=("-initrd", str(module)))
    assert any(line.startswith("cannot start") and said in line for line in report.lines)
    assert report.reason == "programs-not-started" or "programs-not-started" in report.reason


def test_the_mp_table_serves_where_there_is_no_acpi(built, boot):
    extra = ("-machine", "acpi=off", "-smp", "sockets=2")
    report = boot(built.kernel, "", machine="pc", cores=2, extra=extra)
    assert any("topology=mp" in line for line in report.lines)
    assert [core.core for core in report.cores] == [0, 1]


@pytest.mark.parametrize(
    ("memory_mib", "said"),
    [(4, "oro: verdict=fail reason=programs-not-started"), (3, 'reason="no memory for')],
)
def test_too_little_memory_is_said_so(built, boot, memory_mib, said):
    report = boot(built.kernel, "", memory_mib=memory_mib, cores=16)
    assert not report.passed
    assert any(said in line for line in report.lines), "\n".join(report.lines)
