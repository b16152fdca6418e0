/*
 * stop.h - stopping the other cores for good, when the run is over or the kernel has failed. It
 * takes an NMI, since interrupts are off in the kernel.
 */
#pragma once

#include <stdbool.h>

/* Other cores are about to start: from now on there is someone to stop. */
void stop_others_exist(void);

bool stop_others_may_run(void);

/* Asks them; does not wait. */
void stop_others(void);

/* For the NMI handlers: whether this is what the NMI says. */
bool stop_requested(void);
