/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/json.h
 * @brief A snapshot as JSON; the schema is docs/status.schema.json.
 */
#ifndef MPMSTATS_RENDER_JSON_H
#define MPMSTATS_RENDER_JSON_H

#include "render/out.h"
#include "figures/snapshot.h"

/** The version of the schema; raised when a key changes its meaning or is removed. */
#define RENDER_JSON_SCHEMA 1

/** @a parts: see figures/parts.h. */
void render_json(out_t *out, const snapshot_t *snapshot, unsigned parts);

#endif
