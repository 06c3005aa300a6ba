/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/auto.h
 * @brief The report of mod_status's ?auto, for programs that parse it.
 *
 * One "Key: value" a line after a first line with the server's name. The keys of
 * mod_status come first, with its spelling and order; then the lines of other modules,
 * which the caller fetches; then keys of mod_mpmstats. No key is called BusyServers or
 * IdleServers (some readers would take the report for another server's), and no number
 * contains a colon.
 */
#ifndef MPMSTATS_RENDER_AUTO_H
#define MPMSTATS_RENDER_AUTO_H

#include "render/modstatus_figures.h"
#include "render/out.h"
#include "figures/snapshot.h"

/** Writes mod_status's keys. */
void render_auto(out_t *out, const snapshot_t *snapshot, const modstatus_t *status);

/** Writes the keys of mod_mpmstats, which begin with MPMStats, from figures.def. */
void render_auto_more(out_t *out, const snapshot_t *snapshot);

#endif
