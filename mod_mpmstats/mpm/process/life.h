/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/life.h
 * @brief What children of all models do at their start, at their end, and when they give up a slot.
 */
#ifndef MPMSTATS_MPM_PROCESS_LIFE_H
#define MPMSTATS_MPM_PROCESS_LIFE_H

/** Set up this child for @a slot: records, pool, httpd's main thread. 0, or the exit status. */
int life_begin(int slot);

/** Destroy the child's pool when nothing of it runs any more. Returns @a code, the exit status. */
int life_end(int code);

/**
 * The parent reclaims the slot: move to the overflow slot and count in @a record from now on.
 * Threaded models: ticker only; takes 1 ms.
 */
void life_give_up_slot(unsigned record);

#endif
