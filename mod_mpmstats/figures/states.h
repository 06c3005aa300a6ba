/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/states.h
 * @brief The states of a worker as every view names them. The letters are mod_status's.
 */
#ifndef MPMSTATS_FIGURES_STATES_H
#define MPMSTATS_FIGURES_STATES_H

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

typedef struct {
    const char *letter; /**< one ASCII character */
    const char *name;   /**< one word, for scripts and people */
    const char *help;
} state_t;

/** Indexed by state_e, in the order of the legend. */
extern const state_t states[STATE_COUNT];

#endif
