#include "interrupt/probe.h"

#include "abi/core.h"
#include "arch/cpu.h"

extern struct probe _oro_probe;
extern uint64_t _oro_probe_call(void (*function)(uint64_t), uint64_t argument);
extern uint64_t _oro_probe_stub(void);
extern _Noreturn void _oro_probe_return(void);

bool probe_running;
static struct frame taken;
static enum probe_entry entry_taken;
static bool aligned;
static uint64_t flags;

bool probe_call(void (*function)(uint64_t), uint64_t argument, struct frame *frame)
{
    entry_taken = PROBE_NONE;
    probe_running = true;
    bool raised = _oro_probe_call(function, argument);
    probe_running = false;
    if (raised)
        *frame = taken;
    return raised;
}

void probe_stub(uint64_t handler, const struct frame *hardware, bool error_code,
                struct frame *seen)
{
    _oro_probe.handler = handler;
    _oro_probe.stack = (uint64_t)(this_core()->idle_frame + 1);
    _oro_probe.push_error_code = error_code;
    _oro_probe.registers = *hardware;
    entry_taken = PROBE_NONE;
    probe_running = true;
    _oro_probe_stub();
    probe_running = false;
    *seen = taken;
}

enum probe_entry probe_entry(void)
{
    return entry_taken;
}

bool probe_aligned(void)
{
    return aligned;
}

uint64_t probe_flags(void)
{
    return flags;
}

_Noreturn void probe_take(enum probe_entry entry, const struct frame *frame,
                          const void *frame_address)
{
    /* The C entry pushed rbp below the 8-mod-16 rsp it began with. */
    aligned = (uint64_t)frame_address % 16 == 0;
    flags = read_flags();
    entry_taken = entry;
    taken = *frame;
    _oro_probe_return();
}
