/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/child.h
 * @brief Processes in the segment: they claim a record when they begin and give it back when they
 * end.
 */
#ifndef MPMSTATS_STATS_RECORD_CHILD_H
#define MPMSTATS_STATS_RECORD_CHILD_H

#include "ap_mpm.h"
#include "httpd.h"

#include "segment/file.h"

/** Hook child_init. */
void record_child_init(apr_pool_t *pchild, server_rec *s);

/** What is not known yet of a process that has a new record. */
void record_child_introduce(segment_process_rec_t *process, int generation);

/** Hook child_status, in the parent. */
void record_child_status(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                         mpm_child_status state);

/** Gives SIGCHLD back, if it was taken: before the module goes, and in a child. */
void record_child_unwatch(void);

/** In the parent: records of processes that have gone without a word of the MPM. */
void record_child_sweep(void);

#endif
