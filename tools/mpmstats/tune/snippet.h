/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/snippet.h
 * @brief Writes advice as a configuration snippet, with the reasons as comments.
 */
#ifndef MPMSTATS_CLI_TUNE_SNIPPET_H
#define MPMSTATS_CLI_TUNE_SNIPPET_H

#include <stdbool.h>

#include "tune/advisor.h"

typedef struct {
    const char *origin; /**< origin of the sample */
    const char *name;   /**< server name, or NULL */
    const char *mpm;    /**< the MPM, as in mpm_NAME_module */
    const char *date;
    /** write values that need a stop and start; false: as comments */
    bool stop_allowed;
} snippet_facts_t;

/**
 * Returns the text; the caller frees it. @a old is the text of the replaced snippet, or NULL: its
 * unchanged directives stay set, its sections are copied first.
 */
char *snippet_make(const advisor_advice_t *advice, const advisor_input_t *in,
                   const snippet_facts_t *facts, const char *old);

/** True when the snippet would change a directive. */
bool snippet_changes(const advisor_advice_t *advice, bool stop_allowed);

#endif
