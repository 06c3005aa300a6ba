/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  view/view.h
 * @brief The parts of a snapshot as people see them; commands put them together.
 *
 * All print to stdout, fitted to terminal_width().
 */
#ifndef MPMSTATS_CLI_VIEW_VIEW_H
#define MPMSTATS_CLI_VIEW_VIEW_H

#include <stddef.h>

#include "fields/rows.h"
#include "fields/sample.h"
#include "common/terminal.h"

/**
 * Server, MPM, generation, uptime, load; @a origin is the file it was read from, or NULL when a
 * server answered.
 */
void view_server(const snapshot_t *snap, const char *origin);

/**
 * Bars of workers, processes and connections, each beside its limit, times of requests, and the
 * saturation warning.
 */
void view_gauges(const snapshot_t *snap);

/** Connections by what they wait for; nothing when the MPM does not know. */
void view_connections(const snapshot_t *snap);

/** All limits by the name of their directive. */
void view_limits(const snapshot_t *snap);

/** A row per process. */
void view_processes(const snapshot_process_t *const *rows, size_t count);

/** How a process's state is coloured. */
style_e view_process_style(const snapshot_process_t *process);

/** A row per worker. */
void view_workers(const snapshot_worker_t *const *rows, size_t count);

/** Prints the sample's JSON in the style of --json; returns the exit code. */
int view_json(json_t *document, const char *style);

/** The same for all of a sample, which costs less than parsing and printing it. */
int view_json_sample(const sample_t *sample, const char *style);

/** The same for rows of the sample: an array. */
int view_json_rows(const rows_t *rows, const sample_t *sample, const char *style);

#endif
