/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/states.h
 * @brief The states of a worker, as named in every view. The letters are mod_status's.
 */
#ifndef MPMSTATS_FIGURES_STATES_H
#define MPMSTATS_FIGURES_STATES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    STATE_IDLE,
    STATE_STARTING,
    STATE_READING,
    STATE_WRITING,
    STATE_KEEPALIVE,
    STATE_DNS,
    STATE_CLOSING,
    STATE_LOGGING,
    STATE_FINISHING,
    STATE_CLEANUP,
    STATE_OPEN,
    STATE_COUNT
} state_e;

/** The sum that a worker is counted in, by its state: exactly one. */
typedef enum {
    SUMS_NONE,
    SUMS_STARTING,
    SUMS_IDLE,
    SUMS_BUSY,
    SUMS_DRIVING, /**< busy, but only with an HTTP/2 connection whose requests run as streams */
    SUMS_FINISHING,
    SUMS_ROLES
} sums_role_e;

typedef struct {
    const char *letter; /**< one ASCII character */
    const char *name;   /**< one word, for scripts and people */
    const char *help;
    sums_role_e role;
    bool dated; /**< the scoreboard's last_used is when the worker entered this state */
} state_t;

/** Indexed by state_e, in the order of the legend. */
extern const state_t states[STATE_COUNT];

/** By httpd's number for a worker's status; a number out of range counts as an unused entry. */
const state_t *state_of_status(int64_t status);

#endif
