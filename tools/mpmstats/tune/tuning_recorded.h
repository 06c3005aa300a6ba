/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning_recorded.h
 * @brief The server's own records between two samples, for the advisor.
 *
 * For tuning.c: wait times for a worker, gaps between requests, reasons for closing connections,
 * and directives that have no other source.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_RECORDED_H
#define MPMSTATS_CLI_TUNE_TUNING_RECORDED_H

#include "tune/advisor.h"
#include "fields/sample.h"

/** Fills the values that both samples have; leaves the others unchanged. */
void recorded_input(sample_t *first, sample_t *last, advisor_input_t *in);

/**
 * Latencies of the requests between two samples, to bucket precision; unchanged without requests.
 */
void recorded_times(sample_t *first, sample_t *last, const char *name, snapshot_latency_t *latency);

/**
 * The same for a phase of a virtual host, if both samples were taken with settings_t.vhost_times.
 */
void recorded_vhost_times(sample_t *first, sample_t *last, const char *vhost, const char *name,
                          snapshot_latency_t *latency);

/** True when the sample has a history: the time spent at each number of busy workers. */
bool recorded_has_history(sample_t *sample);

/** Fills the figures since the server started, busy workers included. */
void recorded_history(sample_t *sample, advisor_input_t *in);

/** Port of the server's first listener; 0: unknown. */
int recorded_port(const snapshot_t *snap);

#endif
