/*
 * smp.h - the other cores: started one by one, each with stacks, tables and a timer of its own.
 */
#pragma once

#include <stdint.h>

#include "abi/core.h"

/* Timer interrupts a second on each core, unless `hz=N` on the command line says otherwise. */
enum { TICK_HZ = 200 };
uint32_t tick_hz(void);

/* Gives a core its stacks and its idle frame page; panics if memory is out. */
void smp_prepare_core(struct core *core, uint32_t index, uint32_t apic_id);

/* Loads the descriptor tables of the core that calls it. */
void smp_load_core(struct core *core);

/* Starts the cores that `topology` lists and waits until each has answered or been given up on.
 * They stay in a loop until smp_release(). */
void smp_start_others(void);

/* Has every core do this at the same time, and returns when all have: for tests, before
 * smp_release(). Their interrupts are off. */
void smp_run_everywhere(void (*work)(struct core *));

/* Lets the started cores run threads. */
void smp_release(void);
