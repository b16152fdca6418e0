/*
 * demo.h - what the default boot shows: programs on every core, and the verdict.
 */
#pragma once

struct core;

#include <stdbool.h>

/* Starts the programs; on the first core, when all cores are online. `tests_passed` is part of
 * the verdict. */
void demo_start(bool tests_passed);

/* After each timer tick: the first core decides whether all has been seen that the boot must
 * show, prints the verdict and ends the run. With `run=forever` it never does. */
void demo_tick(struct core *core);
