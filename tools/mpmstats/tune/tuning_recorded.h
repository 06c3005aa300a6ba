/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning_recorded.h
 * @brief What the server itself recorded between two samples, for the advisor.
 *
 * For tuning.c: times requests waited for a worker, gaps between requests, why connections were
 * closed, and the directives nobody else tells.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_RECORDED_H
#define MPMSTATS_CLI_TUNE_TUNING_RECORDED_H

#include "tune/advisor.h"
#include "fields/sample.h"

/** Fills what is known by both samples; the rest stays as it is. */
void recorded_input(sample_t *first, sample_t *last, advisor_input_t *in);

/**
 * The times of the requests between two samples, to the width of a bucket; unchanged where there
 * was none.
 */
void recorded_times(sample_t *first, sample_t *last, const char *name, snapshot_latency_t *latency);

/**
 * The same of a phase of a virtual host, where both samples were taken with settings_t.vhost_times.
 */
void recorded_vhost_times(sample_t *first, sample_t *last, const char *vhost, const char *name,
                          snapshot_latency_t *latency);

/** Is there a history to go by: time spent at each number of busy workers? */
bool recorded_has_history(sample_t *sample);

/** Fills what is known of all the time since the server was started, busy workers included. */
void recorded_history(sample_t *sample, advisor_input_t *in);

/** The port of the server's first listening socket; 0: not known. */
int recorded_port(const snapshot_t *snap);

#endif
