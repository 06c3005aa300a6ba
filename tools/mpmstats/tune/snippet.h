/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/snippet.h
 * @brief Advice as a piece of configuration, the reasons as comments.
 */
#ifndef MPMSTATS_CLI_TUNE_SNIPPET_H
#define MPMSTATS_CLI_TUNE_SNIPPET_H

#include <stdbool.h>

#include "tune/advisor.h"

typedef struct {
    const char *origin; /**< where the sample comes from */
    const char *name;   /**< the server's own name, or NULL */
    const char *mpm;    /**< the MPM, as in mpm_NAME_module */
    const char *date;
    /** values that take a stop and a start are written; otherwise as comments */
    bool stop_allowed;
} snippet_facts_t;

/**
 * The text. @a old is the text of the snippet it replaces, or NULL: what is set there and is not
 * changed stays set, and its sections stay as they are, before everything else. The caller frees
 * it.
 */
char *snippet_make(const advisor_advice_t *advice, const advisor_input_t *in,
                   const snippet_facts_t *facts, const char *old);

/** Is there anything that the snippet would change? */
bool snippet_changes(const advisor_advice_t *advice, bool stop_allowed);

#endif
