/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/life.h
 * @brief What a child of any model does at its beginning, at its end, and when it loses its slot.
 */
#ifndef MPMSTATS_MPM_PROCESS_LIFE_H
#define MPMSTATS_MPM_PROCESS_LIFE_H

/** Be the child in @a slot: its records, pool and place in httpd. 0, or what to exit with. */
int life_begin(int slot);

/** Nothing of the child runs any more: give back what it has. Returns @a code, to exit with. */
int life_end(int code);

/**
 * The parent needs the slot for a new child: leave it for the overflow slot, and go on counting in
 * @a record. A threaded child calls it in its ticker, and takes 1 ms for it.
 */
void life_give_up_slot(unsigned record);

#endif
