/* interrupts.h - every vector leads to a panic until you give it something better to do. */
#pragma once

void interrupts_init(void);
