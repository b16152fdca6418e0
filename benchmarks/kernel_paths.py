"""The paths through the kernel that are counted: which runs of a trace are which path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from kernel_trace import Image, Run, Trace

ISR = "_oro_isr_handler_{}_novec"
TIMER, RESCHEDULE, PAGE_FAULT = 224, 240, 14


@dataclass(frozen=True)
class Path:
    """A path, and Linux's instructions for the same (6.1, minimal, mitigations off, as here)."""

    name: str
    title: str
    linux: int | None = None


PATHS = (
    Path("null_call", "null system call and back", 192),
    Path("funnel_call", "system call through the funnel and back"),
    Path("yield", "yield that switches processes", 1145),
    Path("tick", "timer preempts program A for program B"),
    Path("touch", "minor page fault resolved, a zeroed frame at hand", 2258),
    Path("touch_zeroing", "the same when the frame must be zeroed first"),
    Path("fault", "page fault of a program, until it is decided that it ends"),
    Path("send", "message to a process that waits for one"),
    Path("receive", "wait for the answer: switch, and there take the message"),
    Path("message_and_back", "message to a process and its answer"),
    Path("wake", "wake-up by IPI, on the waking core: the whole send"),
    Path("woken", "wake-up by IPI, on the idle core: interrupt to ring 3"),
)


def find(image: Image, one_core: Trace, two_cores: Trace) -> dict[str, list[int]]:
    """The program counters of each path."""
    send_to_another = _both(_in(image, "path_send"), _calls(image, "lapic_send_vector"))
    return find_on_one_core(image, one_core) | {
        "wake": _usual(two_cores.runs, send_to_another),
        "woken": _woken(image, two_cores.runs),
    }


def find_on_one_core(image: Image, trace: Trace) -> dict[str, list[int]]:
    """The program counters of the paths that need no other core: of the run seen most often."""
    runs = trace.runs
    touches = _kinds(image, runs, _in(image, "path_touch"))
    fault = _both(_starts(image, PAGE_FAULT), _calls(image, "process_fault"))
    paths = {
        "null_call": _usual(runs, _in(image, "path_null_call")),
        "funnel_call": _usual(runs, _in(image, "path_funnel_call")),
        "yield": usual_yield(image, trace),
        "tick": _usual(runs, _both(_starts(image, TIMER), _between(image, "path_tick"))),
        "touch": touches[0],
        "touch_zeroing": touches[-1],
        "fault": _until(image, _usual(runs, fault), "process_fault"),
        "send": _usual(runs, _in(image, "path_send")),
        "receive": _usual(runs, _in(image, "path_receive")),
    }
    return paths | {"message_and_back": 2 * (paths["send"] + paths["receive"])}


def usual_yield(image: Image, trace: Trace) -> list[int]:
    """The program counters of a yield that switches."""
    return _usual(trace.runs, _between(image, "path_yield"))


_Test = Callable[[Run], bool]


def _in(image: Image, function: str) -> _Test:
    start, size = image.measure[function]
    return lambda run: start <= run.before < start + size


def _between(image: Image, function: str) -> _Test:
    """From the function to the function, in whichever process."""
    start, size = image.measure[function]
    return lambda run: all(start <= at < start + size for at in (run.before, run.after))


def _starts(image: Image, vector: int) -> _Test:
    start = image.symbols[ISR.format(vector)][0]
    return lambda run: run.addresses[0] == start


def _calls(image: Image, function: str) -> _Test:
    start = image.symbols[function][0]
    return lambda run: start in run.addresses


def _both(*tests: _Test) -> _Test:
    return lambda run: all(test(run) for test in tests)


def _usual(runs: list[Run], wanted: _Test) -> list[int]:
    counts = Counter(tuple(run.addresses) for run in runs if wanted(run))
    if not counts:
        raise SystemExit("a path was not taken: adapt benchmarks/kernel_paths.py")
    most = max(counts.values())
    return list(min((path for path, count in counts.items() if count == most), key=len))


def _kinds(image: Image, runs: list[Run], wanted: _Test) -> list[list[int]]:
    """All different runs, the shortest first, that did not have to make page tables."""
    tables = image.symbols["frames_alloc"][0]
    different = {tuple(run.addresses) for run in runs if wanted(run)}
    once = [path for path in different if path.count(tables) <= 1]
    return [list(path) for path in sorted(once, key=len)]


def _until(image: Image, path: list[int], function: str) -> list[int]:
    return path[: path.index(image.symbols[function][0])]


def _woken(image: Image, runs: list[Run]) -> list[int]:
    """From the interrupt in the idle loop on."""
    start = image.symbols[ISR.format(RESCHEDULE)][0]
    paths: Counter[tuple[int, ...]] = Counter()
    for run in runs:
        if run.core == 1 and start in run.addresses:
            last = len(run.addresses) - 1 - run.addresses[::-1].index(start)
            paths[tuple(run.addresses[last:])] += 1
    if not paths:
        raise SystemExit("no wake-up was seen: adapt benchmarks/kernel_paths.py")
    return list(paths.most_common(1)[0][0])
