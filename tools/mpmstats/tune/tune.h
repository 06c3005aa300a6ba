/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tune.h
 * @brief What the files of the command `tune` share.
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
    const char *origin; /**< where the samples come from */
    sampler_t *sampler;
    tuning_wishes_t wishes;
    sample_t *first;  /**< the server as it was at the beginning */
    tuning_t *tuning; /**< the sample */
    advisor_input_t in;
    advisor_advice_t advice;
    json_t *applied; /**< what --apply did, for --json; NULL without it */
} tune_t;

/** Patience for one answer: the server may be saturated, that is why we are asked. */
double tune_patience(const settings_t *settings);

/** The snippet for this advice; @a old is what it replaces, or NULL. The caller frees it. */
char *tune_snippet(const tune_t *tune, const char *old);

/** The sample and the table for people. */
void tune_show(const tune_t *tune);

/** All of it as JSON; the caller's reference. */
json_t *tune_json(const tune_t *tune);

/**
 * Before anything is measured: can it be applied at all? Looks at the first sample, the place and
 * the configuration.
 */
bool tune_apply_possible(const tune_t *tune, failure_t *failure);

/**
 * Installs, tests, restarts, verifies, and takes back what is not good. Returns the exit code,
 * failures reported.
 */
int tune_apply(tune_t *tune);

#endif
