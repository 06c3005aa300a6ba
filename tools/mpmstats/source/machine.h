/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/machine.h
 * @brief What this machine, or the control group a server lives in, can give it.
 */
#ifndef MPMSTATS_CLI_SOURCE_MACHINE_H
#define MPMSTATS_CLI_SOURCE_MACHINE_H

#include <sys/types.h>

typedef struct {
    double available; /**< bytes a process can still get before something has to go */
    double limit;     /**< bytes there are in all */
    /** who sets the limit, for people: "machine", "control group /system.slice/…" */
    char what[64];
} machine_memory_t;

/** Of the tighter one: the machine, or a control group (v2) @a pid is in. NAN when not known. */
machine_memory_t machine_memory(pid_t pid);

/** Processors that may be used; at least 1. */
int machine_cores(pid_t pid);

#endif
