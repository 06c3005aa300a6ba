/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/policy/handler_history.h
 * @brief Predicts from past runs which handlers' requests block.
 *
 * A kind is the hash of the handler's name in a fixed table. Kinds that collide share a score,
 * which costs an unneeded or a late hand-over only.
 *
 * Any thread may call; scores are relaxed atomics, and a lost update is harmless.
 */
#ifndef MPMSTATS_MPM_POLICY_HANDLER_HISTORY_H
#define MPMSTATS_MPM_POLICY_HANDLER_HISTORY_H

#include <stdatomic.h>

#define HANDLER_HISTORY_KINDS 256

typedef struct {
    _Atomic unsigned char score[HANDLER_HISTORY_KINDS]; /**< initially all zero */
} handler_history_t;

/** Kind of the handler @a name, which may be NULL: 0 … HANDLER_HISTORY_KINDS - 1. */
int handler_history_kind(const char *name);

/** Record whether a run of that kind blocked. */
void handler_history_note(handler_history_t *h, int kind, int blocked);

/** Whether the next run is expected to block: more than about one in nine recent ones did. */
int handler_history_blocks(const handler_history_t *h, int kind);

#endif
