/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/crash.h
 * @brief Reports what the workers of a child did when a signal killed it.
 */
#ifndef MPMSTATS_MPM_PROCESS_CRASH_H
#define MPMSTATS_MPM_PROCESS_CRASH_H

#include <sys/types.h>

/** Child: record which worker a fatal signal hits. After ap_fatal_signal_child_setup(). */
void crash_child_setup(void);

/** This thread is worker @a index. */
void crash_this_is_worker(int index);

/**
 * Parent: the child @a pid in scoreboard slot @a slot was killed by @a sig; logs its busy workers.
 * Call before the slot is cleared.
 */
void crash_report(pid_t pid, int slot, int sig);

/** Description of a worker's scoreboard status; NULL: not busy. */
const char *crash_state_name(unsigned char status);

#endif
