/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning_processes.h
 * @brief Memory and processor time of a local server's processes over the sample time.
 *
 * For tuning.c.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_PROCESSES_H
#define MPMSTATS_CLI_TUNE_TUNING_PROCESSES_H

#include <sys/types.h>

#include "tune/advisor.h"
#include "figures/snapshot.h"

typedef struct processes processes_t;

processes_t *processes_begin(pid_t parent);

/** Records the processes and the work each has served. Cheap. */
void processes_look(processes_t *processes, const snapshot_t *snap);

/** Reads their memory and processor time. Takes milliseconds for large processes. */
void processes_mark(processes_t *processes);

/** Memory of all processes at the last mark, parent included. */
double processes_memory(const processes_t *processes);

/** Fills memory, processors and process lifetimes. */
void processes_input(const processes_t *processes, advisor_input_t *in);

/** May be NULL. */
void processes_end(processes_t *processes);

#endif
