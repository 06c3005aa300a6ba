/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  view/view.h
 * @brief Prints the parts of a snapshot; commands combine them.
 *
 * Output goes to stdout, fitted to terminal_width().
 */
#ifndef MPMSTATS_CLI_VIEW_VIEW_H
#define MPMSTATS_CLI_VIEW_VIEW_H

#include <stddef.h>

#include "fields/rows.h"
#include "fields/sample.h"
#include "common/terminal.h"

/** Server, MPM, generation, uptime, load; @a origin: the file it was read from, or NULL. */
void view_server(const snapshot_t *snap, const char *origin);

/** Bars of workers, processes and connections, request latencies, the saturation warning. */
void view_gauges(const snapshot_t *snap);

/** Connections by state; prints nothing when the MPM does not report them. */
void view_connections(const snapshot_t *snap);

/** All limits by directive. */
void view_limits(const snapshot_t *snap);

/** A row per process. */
void view_processes(const snapshot_process_t *const *rows, size_t count);

/** Style of a process's state. */
style_e view_process_style(const snapshot_process_t *process);

/** A row per worker. */
void view_workers(const snapshot_worker_t *const *rows, size_t count);

/** Prints the sample's JSON in the style of --json; returns the exit code. */
int view_json(json_t *document, const char *style);

/** The same for a whole sample, without parsing its text first. */
int view_json_sample(const sample_t *sample, const char *style);

/** The same for rows of the sample, as an array. */
int view_json_rows(const rows_t *rows, const sample_t *sample, const char *style);

#endif
