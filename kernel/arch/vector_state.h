/*
 * vector_state.h - the vector registers (x87, SSE, AVX, AVX-512), which the kernel itself never
 * uses.
 *
 * A thread starts without: CR0.TS is set, and the IDT leads to the `novec` entries, which leave the
 * vector registers alone. Its first vector instruction raises #NM, which gives it an area to be
 * saved in; from then on it runs with CR0.TS clear and the IDT of the `vec` entries, which save the
 * registers there. They are loaded again when a core switches to the thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct core;

/* Sets CR4 and XCR0 on the calling core; the first core also learns the size of an area. */
void vector_state_enable(void);

/* A fresh area, as after processor initialisation, or null if memory is out. */
void *vector_state_new(void);
void vector_state_free(void *area);

/* "xsave", or "fxsave" where that is missing. Valid after the first vector_state_enable(). */
const char *vector_state_kind(void);

/* Bytes in use of an area (Intel SDM Vol. 1 13.4). */
uint32_t vector_state_size(void);

/* From now on the core runs a thread with this area; null: one without. Loads neither. */
void vector_state_choose(struct core *core, void *area);

/* Between the registers and an area. CR0.TS must be clear: after vector_state_choose() with an
 * area. */
void _oro_vector_save(void *area);
void _oro_vector_load(const void *area);
