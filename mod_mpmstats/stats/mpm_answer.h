/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/mpm_answer.h
 * @brief What the running MPM answers to AP_MPMQ_... questions. Any thread, once configuration
 * hooks run.
 */
#ifndef MPMSTATS_STATS_MPM_ANSWER_H
#define MPMSTATS_STATS_MPM_ANSWER_H

#include <stdbool.h>

#include "httpd.h"
#include "ap_mpm.h"

/** The answer, or @a otherwise where the MPM does not know the question. */
static inline int mpm_answer(int question, int otherwise)
{
    int answer;

    return ap_mpm_query(question, &answer) == APR_SUCCESS ? answer : otherwise;
}

/**
 * The answer where that is a number of something, or a flag: 0 when it is not known, and never
 * less.
 */
static inline int mpm_answer_count(int question)
{
    int answer = mpm_answer(question, 0);

    return answer > 0 ? answer : 0;
}

/** Whether this process, or in the parent the server, is being ended. */
static inline bool mpm_answer_is_stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

#endif
