/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/parts.h
 * @brief The parts of a snapshot, as bits: what a reader fills and a renderer shows.
 */
#ifndef MPMSTATS_FIGURES_PARTS_H
#define MPMSTATS_FIGURES_PARTS_H

/** Every snapshot also has the figures of the server as a whole. */
enum {
    VIEW_TOTALS = 1,
    VIEW_LIMITS = 2,
    VIEW_PROCESSES = 4,
    VIEW_WORKERS = 8,
    VIEW_LATENCY = 16,
    VIEW_VHOSTS = 32,
    VIEW_HANDLERS = 64,
    VIEW_LISTENERS = 128,
    VIEW_EVENTS = 256,
    VIEW_ALL = 511,
    /** histogram buckets of each virtual host: for the reader, not a part of a view */
    PARTS_VHOST_BUCKETS = 512
};

#endif
