/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/policy/handler_history.h
 * @brief Which kinds of request are known to block, learnt from those that ran.
 *
 * A kind is named by a string (the handler's name). Kinds share a fixed table by
 * their hash: two that fall on the same place are taken for one, which costs a
 * needless hand-over or a late one and nothing else.
 *
 * Any thread may call; scores are relaxed atomics and a lost update does no harm.
 */
#ifndef MPMSTATS_MPM_POLICY_HANDLER_HISTORY_H
#define MPMSTATS_MPM_POLICY_HANDLER_HISTORY_H

#include <stdatomic.h>

#define HANDLER_HISTORY_KINDS 256

typedef struct {
    _Atomic unsigned char score[HANDLER_HISTORY_KINDS]; /**< all zero: nothing is known */
} handler_history_t;

/** The place of @a name (NULL is one, too): 0 … HANDLER_HISTORY_KINDS - 1. */
int handler_history_kind(const char *name);

/** One of that kind has run: it blocked, or it did not. */
void handler_history_note(handler_history_t *h, int kind, int blocked);

/**
 * Whether the next one is expected to: of those that ran lately more than about one in nine did.
 */
int handler_history_blocks(const handler_history_t *h, int kind);

#endif
