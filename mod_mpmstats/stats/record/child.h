/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/child.h
 * @brief Processes in the segment: a child claims a record when it starts and releases it when it
 * ends.
 */
#ifndef MPMSTATS_STATS_RECORD_CHILD_H
#define MPMSTATS_STATS_RECORD_CHILD_H

#include "ap_mpm.h"
#include "httpd.h"

#include "segment/file.h"

/** Hook child_init. */
void record_child_init(apr_pool_t *pchild, server_rec *s);

/** Initialises a newly claimed record: fields that are not sampled yet are unknown. */
void record_child_introduce(segment_process_rec_t *process, int generation);

/** Hook child_status, in the parent. */
void record_child_status(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                         mpm_child_status state);

/** Restores the SIGCHLD handler, if replaced: before the module is unloaded, and in a child. */
void record_child_unwatch(void);

/** In the parent: releases records of processes whose end the MPM did not report. */
void record_child_sweep(void);

#endif
