/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/tell.h
 * @brief What the parent tells its children (process/control.h).
 */
#ifndef MPMSTATS_MPM_PARENT_TELL_H
#define MPMSTATS_MPM_PARENT_TELL_H

#include "mpm/parent/procs.h"

/** Tell @a p CONTROL_* with @a extra, if it is there to hear it. What does not fit is told again. */
void tell_one(proc_t *p, char what, int extra);

/** Tell the child of @a entry, or all, to go (CONTROL_*). */
void tell_entry(int entry, char what);
void tell_all(char what);

/** The child in @a slot has decided to go by itself. */
void tell_leaving(int slot);

/** Kill the child in slot, or the lobby of, @a entry, which does not hear any more. */
void tell_kill(int entry);

/** Tell all children that are not of the current generation, and not told yet, to finish. */
void tell_older(void);

/** CONTROL_LOOK to all children of the current generation that accept. */
void tell_to_look(void);

/** CONTROL_HOLD to all children that have not been told to go. */
void tell_to_hold(void);

/** CONTROL_GO_ON to those that were told to hold, and not to finish. */
void tell_to_go_on(void);

/** Send a signal to all children. */
void tell_signal(int sig);

/** Tell again what did not fit into a child's socket. Nonzero while there is anything left. */
int tell_again(void);

#endif
