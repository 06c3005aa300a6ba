/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are the same on every run, so that a failure can be repeated. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>

/* xorshift64*: @a state must not be 0. */
static inline uint64_t unit_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* 0 … below-1 */
static inline uint32_t unit_random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)((unit_random(state) >> 33) % below);
}

#endif
