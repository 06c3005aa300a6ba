/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/slots.h
 * @brief The scoreboard slots, which are reclaimed from draining children.
 */
#ifndef MPMSTATS_MPM_PARENT_SLOTS_H
#define MPMSTATS_MPM_PARENT_SLOTS_H

#include "mpm/parent/procs.h"

/** Clear the free slot @a slot in the scoreboard and in the shared counters. */
void slots_clear(int slot);

/** Number of slots that are free or can be reclaimed from draining children. */
int slots_free(void);

/** A free slot, or the one of the oldest draining child, reclaimed; -1: none. */
int slots_get(void);

/** A free entry in [@a from, @a to) that is reserved for no child (destination); -1: none. */
int slots_free_entry(int from, int to);

/** Handle late answers to CONTROL_MOVE, then tell_again(), whose result it returns. */
int slots_tell_again(void);

#endif
