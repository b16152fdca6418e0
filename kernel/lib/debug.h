/*
 * debug.h - checks that only the profile debug makes: if (DEBUG_CHECKS) in C, .if ORO_DEBUG in
 * assembly.
 */
#pragma once

#ifdef ORO_DEBUG
enum { DEBUG_CHECKS = 1 };
#else
enum { DEBUG_CHECKS = 0 };
#endif
