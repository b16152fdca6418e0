"""Why each function is on a path of docs/kernel-paths.md."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "_oro_isr_common_exc_novec": (
        "the direction flag is the program's and must go; the fifteen registers are what the program "
        "gets back; `cs` says which `gs` is loaded; the kernel's stack begins at its top."
    ),
    "_oro_isr_common_novec": (
        "as for an exception: registers saved, `gs` and the stack the kernel's, the end of a backtrace "
        "marked, a jump and no call, since nobody comes back."
    ),
    "_oro_isr_handler_14_novec": (
        "the vector completes the frame; the processor pushed the error code."
    ),
    "_oro_isr_handler_224_novec": (
        "a zero in place of an error code, so that all frames are alike, and the vector."
    ),
    "_oro_resume_syscall": (
        "what `sysretq` needs, the result and the six registers that a call preserves; the check that "
        "the return address cannot fault in ring 0; zeros in the others, which would show what the "
        "kernel had in them."
    ),
    "_oro_resume_user": "all registers of the program, `gs`, and `iretq` for the rest.",
    "_oro_syscall_entry": (
        "the program's `gs` and stack away; a quick call is a call through a table, its result leaves "
        "at once with zeros in the registers it does not preserve; any other fills a frame with what "
        "the program must get back (the arguments too: a call that blocks is made anew from them)."
    ),
    "_oro_user_copy": (
        "`stac` and `clac` open and shut the program's memory (SMAP); whole words and the bytes "
        "that are left; no check in between, since a fault has an entry in the fix-up table."
    ),
    "address_space_load": (
        "the root is published with a full barrier before CR3 is loaded, so that whoever takes pages "
        "away sees that this core has them; PCID, and whether the space is stale here, where the "
        "processor has PCIDs."
    ),
    "crash_tick": "panics on request: the tests' way to a fault in an interrupt.",
    "demo_tick": "the first core decides whether the run is over.",
    "exception_entry": (
        "`clac`, since a gate leaves AC as the program had it; whether a test wants the frame; a page "
        "that is missing goes its own way before anything else is asked; then back to the program, "
        "by `iretq`, as nothing was switched."
    ),
    "find_work": (
        "the slow half of `run_context`: another thread, and whether the core is known to be idle."
    ),
    "frames_alloc_page": (
        "the first of the core's spare frames, which is zero but for its link; no lock, since only "
        "this core touches the list; the count of free frames is everyone's, hence atomic."
    ),
    "getpid": "the answer, two loads from the current thread.",
    "input_tick": "looks for input where there is no I/O APIC; here two flags that are clear.",
    "interrupt_entry": ("`clac`; whether a test wants the frame; which vector; what a tick does."),
    "lapic_end_of_interrupt": "one write to the APIC, in whichever way it is reached.",
    "lapic_timer_next": "the next deadline, if the timer works with deadlines.",
    "object_free": "an object goes to the front of its cache, under the cache's lock.",
    "object_take": "an object from the front of its cache, under the cache's lock.",
    "paging_entry": (
        "the walk: a load, a check and a mask for each of four or five levels, through the direct map."
    ),
    "process_block": (
        "the thread notes what it waits for, and is found there by whoever changes it; it leaves the "
        "core."
    ),
    "process_lock": "the one lock of the processes: an exchange.",
    "process_provide": (
        "the space's lock, since another thread may fault on the same page; the entry; a promised page "
        "gets a frame and becomes present, without a flush, as what is not present is in no TLB."
    ),
    "process_receive": (
        "the oldest letter, or block; then the sender's number, size and bytes in one copy to the "
        "program, and the letter back to its cache."
    ),
    "process_send": (
        "a letter, filled straight from the program's memory before the lock is taken; the receiver "
        "looked up and alive, its inbox not full; the letter at its end; who waits there is woken."
    ),
    "process_table_find": "a slot by the number's remainder, and whether the number is that one.",
    "process_tick": "whether the thread was killed meanwhile, and whether somebody sleeps here.",
    "process_unlock": "a store.",
    "process_wake_waiters": "all who wait for the process: a list, empty in most calls.",
    "reschedule": (
        "the next thread from this core's queue and the last one into it, under the queue's lock; "
        "whether vector registers have to be saved; then the switch itself: frame, rsp0, page tables, "
        "vector state, and what the report counts; last, the old thread may be taken by others."
    ),
    "run_context": (
        "the only way out: whether to switch, whether a call has to be made anew, and by which "
        "instruction to leave."
    ),
    "scheduler_leave": "a flag: whoever resumes a thread looks for another first.",
    "scheduler_tick": "the turn's length against the thread's weight.",
    "scheduler_wake": (
        "the thread to the front of its core's queue, under the queue's lock, unless too many went "
        "before others since the last tick; whether an idle core should be told."
    ),
    "syscall_dispatch": (
        "the call's number to its function by a table of jumps, and the result into the frame unless "
        "the call blocked."
    ),
    "syscall_entry": "jumped to with the frame; calls the dispatcher and leaves by `run_context`.",
    "terminal_input": "whether somebody has typed, since keys that came by interrupt wait in a queue.",
    "user_read": "the range is the lower half's; with or without SMAP; nothing else may read there.",
    "user_write": "the range is the lower half's; with or without SMAP; nothing else may write there.",
    "vector_state_choose": (
        "CR0.TS and the IDT are written only if one of the two threads uses vector registers."
    ),
}
