/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/policy/habits.h
 * @brief Which kinds of request are known to block, learnt from those that ran.
 *
 * A kind is named by a string (the handler's name). Kinds share a fixed table by
 * their hash: two that fall on the same place are taken for one, which costs a
 * needless hand-over or a late one and nothing else.
 *
 * Any thread may call; scores are relaxed atomics and a lost update does no harm.
 */
#ifndef MPMSTATS_MPM_POLICY_HABITS_H
#define MPMSTATS_MPM_POLICY_HABITS_H

#include <stdatomic.h>

#define HABITS_KINDS 256

typedef struct {
    _Atomic unsigned char score[HABITS_KINDS]; /**< all zero: nothing is known */
} habits_t;

/** The place of @a name (NULL is one, too): 0 … HABITS_KINDS - 1. */
int habits_kind(const char *name);

/** One of that kind has run: it blocked, or it did not. */
void habits_note(habits_t *h, int kind, int blocked);

/**
 * Whether the next one is expected to: of those that ran lately more than about one in nine did.
 */
int habits_blocks(const habits_t *h, int kind);

#endif
