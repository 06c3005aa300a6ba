/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/mpm_answer.h
 * @brief Answers of the running MPM to AP_MPMQ_... queries. Any thread, once configuration hooks
 * run.
 */
#ifndef MPMSTATS_STATS_MPM_ANSWER_H
#define MPMSTATS_STATS_MPM_ANSWER_H

#include <stdbool.h>

#include "httpd.h"
#include "ap_mpm.h"

/** The answer; @a otherwise if the MPM does not support the query. */
static inline int mpm_answer(int question, int otherwise)
{
    int answer;

    return ap_mpm_query(question, &answer) == APR_SUCCESS ? answer : otherwise;
}

/**
 * The answer as a count or a flag: unknown and negative answers are 0.
 */
static inline int mpm_answer_count(int question)
{
    int answer = mpm_answer(question, 0);

    return answer > 0 ? answer : 0;
}

/** Whether this process, in the parent the server, is stopping. */
static inline bool mpm_answer_is_stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

#endif
