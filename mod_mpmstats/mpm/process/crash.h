/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/crash.h
 * @brief Who was doing what when a child was killed by a signal.
 */
#ifndef MPMSTATS_MPM_PROCESS_CRASH_H
#define MPMSTATS_MPM_PROCESS_CRASH_H

#include <sys/types.h>

/** Child: remember which worker a fatal signal hits. After ap_fatal_signal_child_setup(). */
void crash_child_setup(void);

/** This thread is worker @a index. */
void crash_this_is_worker(int index);

/**
 * Parent: the child @a pid, of scoreboard slot @a slot, was killed by @a sig. Names its busy
 * workers in the error log. Before the slot is cleared.
 */
void crash_report(pid_t pid, int slot, int sig);

/** What a worker in that state of the scoreboard does, in words; NULL: nothing. */
const char *crash_state_name(unsigned char status);

#endif
