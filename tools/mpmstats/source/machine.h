/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/machine.h
 * @brief Memory and processors available to a server: of the machine or its control group.
 */
#ifndef MPMSTATS_CLI_SOURCE_MACHINE_H
#define MPMSTATS_CLI_SOURCE_MACHINE_H

#include <sys/types.h>

typedef struct {
    double available; /**< bytes available without reclaim of used memory */
    double limit;     /**< bytes in total */
    /** origin of the limit, to print: "machine", "control group /system.slice/…" */
    char what[64];
} machine_memory_t;

/** Of the machine or of a control group (v2) of @a pid, whichever is tighter. NAN: unknown. */
machine_memory_t machine_memory(pid_t pid);

/** Number of usable processors; at least 1. */
int machine_cores(pid_t pid);

#endif
