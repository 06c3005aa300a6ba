/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/tell.h
 * @brief Sending control messages (process/control.h) and signals to children.
 */
#ifndef MPMSTATS_MPM_PARENT_TELL_H
#define MPMSTATS_MPM_PARENT_TELL_H

#include "mpm/parent/procs.h"

/**
 * Send CONTROL_* with @a extra to @a p, if it runs. If send(2) fails, tell_again() repeats it,
 * except LOOK and MOVE.
 */
void tell_one(proc_t *p, char what, int extra);

/** Send the child of @a entry, or all, the CONTROL_* that ends it. */
void tell_entry(int entry, char what);
void tell_all(char what);

/** The child in @a slot is draining by its own decision. */
void tell_leaving(int slot);

/** Send SIGKILL to the child or lobby of @a entry, which hangs. */
void tell_kill(int entry);

/** CONTROL_FINISH to all children of older generations that were not told to end. */
void tell_older(void);

/** CONTROL_LOOK to all procs_is_active() children that have read their earlier messages. */
void tell_to_look(void);

/** CONTROL_HOLD to all children that were not told to end. */
void tell_to_hold(void);

/** CONTROL_GO_ON to those that hold and were not told to end. */
void tell_to_go_on(void);

/** Send a signal to all children. */
void tell_signal(int sig);

/** Repeat messages that could not be sent. Nonzero while some are left: call it again. */
int tell_again(void);

#endif
