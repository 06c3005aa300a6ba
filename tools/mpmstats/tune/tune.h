/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tune.h
 * @brief Shared by the files of the command `tune`.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNE_H
#define MPMSTATS_CLI_TUNE_TUNE_H

#include <stdbool.h>

#include <jansson.h>

#include "tune/advisor.h"
#include "common/failure.h"
#include "tune/sampler.h"
#include "common/settings.h"
#include "tune/tuning.h"

typedef struct {
    double for_us, verify_us;
    char *memory, *write, *conf_dir, *apachectl;
    texts_t targets;
    bool apply, dry_run, with_stop, history;
} tune_options_t;

/** One run of the command. */
typedef struct {
    const settings_t *settings;
    const tune_options_t *given;
    const char *origin; /**< origin of the samples */
    sampler_t *sampler;
    tuning_wishes_t wishes;
    sample_t *first;  /**< the server at the start */
    tuning_t *tuning; /**< the observations */
    advisor_input_t in;
    advisor_advice_t advice;
    json_t *applied; /**< what --apply did, for --json; NULL without it */
} tune_t;

/** Timeout of one answer; generous, since the server may be saturated. */
double tune_patience(const settings_t *settings);

/** The snippet for this advice; @a old: the replaced one, or NULL. The caller frees it. */
char *tune_snippet(const tune_t *tune, const char *old);

/** Prints the sample and the table of advice. */
void tune_show(const tune_t *tune);

/** Everything as JSON; a new reference. */
json_t *tune_json(const tune_t *tune);

/** Before measuring: checks the first sample, directory and configuration for --apply. */
bool tune_apply_possible(const tune_t *tune, failure_t *failure);

/** Installs, tests, restarts and verifies; rolls back on failure. Returns the exit code. */
int tune_apply(tune_t *tune);

#endif
