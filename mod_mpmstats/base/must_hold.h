/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/must_hold.h
 * @brief Assertions of the debug build: owner, lock held, state.
 *
 * `make -f Makefile.apxs DEBUG=1` defines MPM_DEBUG: a condition that fails is then printed to
 * stderr (the server's error log), and the process aborts. Otherwise the condition is compiled, so
 * that it stays valid code, but not evaluated; it must have no side effects. Any thread.
 */
#ifndef MPMSTATS_BASE_MUST_HOLD_H
#define MPMSTATS_BASE_MUST_HOLD_H

#ifdef MPM_DEBUG

#include <stdio.h>
#include <stdlib.h>

#define MUST_HOLD(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "%s:%d: %s: must hold: %s\n", __FILE__, __LINE__, __func__, #cond); \
            abort(); \
        } \
    } while (0)

#else

#define MUST_HOLD(cond) ((void)sizeof(!(cond)))

#endif

#endif
