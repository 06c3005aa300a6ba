/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/auto.h
 * @brief The report that programs made for mod_status's ?auto read.
 *
 * One "Key: value" a line after a first line with the server's name. The keys of
 * mod_status come first, spelled and ordered as it does; then whatever other modules
 * add to its report, which is the caller's to fetch; then keys of our own. No key is
 * ever called BusyServers or IdleServers (that would make it another server's report
 * to some readers), and no number contains a colon.
 */
#ifndef MPMSTATS_RENDER_AUTO_H
#define MPMSTATS_RENDER_AUTO_H

#include "render/modstatus_figures.h"
#include "render/out.h"
#include "figures/snapshot.h"

/** The part mod_status has as well. */
void render_auto(out_t *out, const snapshot_t *snapshot, const modstatus_t *status);

/** The part only we have: keys that begin with MPMStats, made from figures.def. */
void render_auto_more(out_t *out, const snapshot_t *snapshot);

#endif
