/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/slots.h
 * @brief The slots of the scoreboard, which finishing children are made to give up.
 */
#ifndef MPMSTATS_MPM_PARENT_SLOTS_H
#define MPMSTATS_MPM_PARENT_SLOTS_H

#include "mpm/parent/procs.h"

/** Nobody is in @a slot: clear what its last child has left in the scoreboard and the shared counters. */
void slots_clear(int slot);

/**
 * Slots in which a child may be started, those that finishing children can be made to give up
 * included.
 */
int slots_free(void);

/** A slot nobody uses, or the one of the child that has been finishing longest; -1: there is none. */
int slots_get(void);

/** A free entry of the table from @a from to before @a to that nobody may still move to; -1. */
int slots_free_entry(int from, int to);

/**
 * Tell what did not fit into a child's socket, and hear who was slow to answer. Nonzero while there
 * is anything left: to be called every now and then.
 */
int slots_tell_again(void);

#endif
