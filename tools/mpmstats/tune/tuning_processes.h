/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning_processes.h
 * @brief Memory and processor time of a server's processes, followed over a sample.
 *
 * For tuning.c. The processes are those of this machine.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_PROCESSES_H
#define MPMSTATS_CLI_TUNE_TUNING_PROCESSES_H

#include <sys/types.h>

#include "tune/advisor.h"
#include "figures/snapshot.h"

typedef struct processes processes_t;

processes_t *processes_begin(pid_t parent);

/** Notes who is there, and how much each has served. Cheap. */
void processes_look(processes_t *processes, const snapshot_t *snap);

/** Reads memory and processor time of all of them. Costs some milliseconds for large ones. */
void processes_mark(processes_t *processes);

/** Memory of all at the last mark, the parent included. */
double processes_memory(const processes_t *processes);

/** Fills what is about memory, processors and lives of processes. */
void processes_input(const processes_t *processes, advisor_input_t *in);

/** May be NULL. */
void processes_end(processes_t *processes);

#endif
