/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats workers: state, age, client and request of each worker.
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "common/memory.h"
#include "fields/rows.h"
#include "source/source.h"
#include "figures/states.h"
#include "common/terminal.h"
#include "fields/derive.h"
#include "view/view.h"

typedef struct {
    texts_t states;
    char *vhost, *client, *request, *handler, *sort;
    double least_age_us, most_age_us;
    long pid, first;
    bool reverse, count;
} workers_options_t;

#define AT(member) offsetof(workers_options_t, member)

/* Filled by options_parse() before run(). */
static workers_options_t given = { .most_age_us = -1, .pid = -1, .first = LONG_MAX };

static const option_t options[] = {
    { .name = "state",
      .letter = 's',
      .arg = "STATE,...",
      .type = OPTION_LIST,
      .offset = AT(states),
      .help = "only these: letters or words of the STATE column, or busy" },
    { .name = "min-age",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = AT(least_age_us),
      .help = "only those in their state or request for so long: 500ms, 2s, 1.5m" },
    { .name = "max-age",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = AT(most_age_us),
      .help = "only those in it for at most so long" },
    { .name = "vhost",
      .arg = "PATTERN",
      .type = OPTION_TEXT,
      .offset = AT(vhost),
      .help = "only this virtual host, with or without its port; * and ? as in the shell" },
    { .name = "client",
      .arg = "PATTERN",
      .type = OPTION_TEXT,
      .offset = AT(client),
      .help = "only this client: 192.0.2.*" },
    { .name = "request",
      .arg = "PATTERN",
      .type = OPTION_TEXT,
      .offset = AT(request),
      .help = "only requests that match as a whole: 'POST *'" },
    { .name = "handler",
      .arg = "PATTERN",
      .type = OPTION_TEXT,
      .offset = AT(handler),
      .help = "only those whose request is or was for this content handler: 'proxy:*'" },
    { .name = "pid",
      .arg = "PID",
      .type = OPTION_COUNT,
      .offset = AT(pid),
      .least = 1,
      .most = INT_MAX,
      .help = "only workers of this process" },
    { .name = "sort",
      .arg = "COLUMN",
      .type = OPTION_TEXT,
      .offset = AT(sort),
      .help = "age, pid, client, vhost, request, handler, requests, bytes, last, ..." },
    { .name = "reverse",
      .letter = 'r',
      .type = OPTION_FLAG,
      .offset = AT(reverse),
      .help = "sort the other way round" },
    { .name = "first",
      .arg = "COUNT",
      .type = OPTION_COUNT,
      .offset = AT(first),
      .least = 0,
      .most = 1e9,
      .help = "only so many rows" },
    { .name = "count",
      .letter = 'c',
      .type = OPTION_FLAG,
      .offset = AT(count),
      .help = "print how many there are instead of the rows" },
    { .name = NULL }
};

/* Matches a worker against one word of a comma-separated list. */
static bool is_state(const snapshot_worker_t *worker, const char *word, size_t length)
{
    if (length == 4 && strncasecmp(word, "busy", 4) == 0) {
        return derive_worker_busy(worker);
    }
    if (length == 1) {
        return worker->state != NULL && worker->state[0] == word[0];
    }
    return worker->state_name != NULL && strlen(worker->state_name) == length
        && strncasecmp(worker->state_name, word, length) == 0;
}

static bool is_known(const char *word, size_t length)
{
    for (int i = 0; i < STATE_COUNT; i++) {
        if ((length == 1 && word[0] == states[i].letter[0])
            || (strlen(states[i].name) == length
                && strncasecmp(states[i].name, word, length) == 0)) {
            return true;
        }
    }
    return length == 4 && strncasecmp(word, "busy", 4) == 0;
}

static bool are_known(failure_t *failure)
{
    for (size_t i = 0; i < given.states.count; i++) {
        if (!rows_know(
                "--state", given.states.items[i], is_known,
                "_ idle, S starting, R reading, W writing, K keepalive, D dns, C closing, L logging, G finishing, I cleanup, and busy",
                failure)) {
            return false;
        }
    }
    return true;
}

static bool has_state(const snapshot_worker_t *worker)
{
    for (size_t i = 0; i < given.states.count; i++) {
        for (const char *word = given.states.items[i]; *word != '\0'; word += *word == ',') {
            size_t length = strcspn(word, ",");

            if (is_state(worker, word, length)) {
                return true;
            }
            word += length;
        }
    }
    return given.states.count == 0;
}

static bool matches(const char *pattern, const char *text)
{
    return pattern == NULL || (text != NULL && fnmatch(pattern, text, FNM_CASEFOLD) == 0);
}

/* "example.org" also matches example.org:443. */
static bool matches_vhost(const char *pattern, const char *vhost)
{
    const char *colon = vhost == NULL ? NULL : strrchr(vhost, ':');
    char *host;
    bool same;

    if (matches(pattern, vhost)) {
        return true;
    }
    if (colon == NULL) {
        return false;
    }
    host = memory_format("%.*s", (int)(colon - vhost), vhost);
    same = matches(pattern, host);
    free(host);
    return same;
}

static bool has_age(const snapshot_worker_t *worker)
{
    bool asked = given.least_age_us > 0 || given.most_age_us >= 0;
    double age = (double)worker->since_us;

    if (worker->since_us == SNAPSHOT_UNKNOWN) {
        return !asked;
    }
    return age >= given.least_age_us && (given.most_age_us < 0 || age <= given.most_age_us);
}

static bool wanted(const void *record, const void *context)
{
    const snapshot_worker_t *worker = record;

    (void)context;
    return has_state(worker) && has_age(worker) && (given.pid < 0 || worker->pid == given.pid)
        && matches_vhost(given.vhost, worker->vhost) && matches(given.client, worker->client)
        && matches(given.request, worker->request) && matches(given.handler, worker->handler);
}

static int show(const settings_t *settings, const rows_t *rows, const sample_t *sample)
{
    if (given.count) {
        printf("%zu\n", rows->count);
        return RC_OK;
    }
    if (settings->json != NULL) {
        return view_json_rows(rows, sample, settings->json);
    }
    if (rows->count == 0) {
        puts("No worker matches.");
    }
    else {
        view_workers((const snapshot_worker_t *const *)(const void *)rows->items, rows->count);
    }
    return RC_OK;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    const field_t *sort = NULL;
    sample_t *sample;
    rows_t rows;
    int rc;

    if (!command_no_arguments(argc, argv, &failure) || !are_known(&failure)
        || (given.sort != NULL
            && (sort = rows_sort_field(fields_worker, given.sort, &failure)) == NULL)
        || (sample = source_once(settings, &failure)) == NULL) {
        return failure_report(&failure);
    }
    rows = rows_workers(&sample->snap);
    rows_choose(&rows,
                &(rows_choice_t){ .wanted = wanted,
                                  .sort = sort,
                                  .reverse = given.reverse,
                                  .first = given.first });
    rc = show(settings, &rows, sample);
    rows_free(&rows);
    return sample_end(sample, rc);
}

const command_t cmd_workers = {
    .name = "workers",
    .synopsis = "",
    .summary = "workers with their state, age, client, virtual host and request",
    .details =
        "Workers that meet all conditions, in the order of the scoreboard unless sorted: numbers\n"
        "from the greatest down, words from A to Z. With --json an array of them.\n",
    .examples = "  mpmstats workers --state busy --sort age --first 10\n"
                "  mpmstats workers --state W,R --min-age 30s --vhost '*.example.org'\n"
                "  mpmstats workers --client '192.0.2.*' --count\n"
                "  mpmstats workers --handler '*php*' --min-age 10s\n",
    .options = options,
    .target = &given,
    .run = run,
};
