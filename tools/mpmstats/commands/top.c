/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats top: live view. This file takes the samples and waits; top_*.c draws and
 * handles keys.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "source/fetcher.h"
#include "term/screen.h"
#include "source/source.h"
#include "top/top.h"

typedef struct {
    double interval_us;
} top_options_t;

/* Filled by options_parse() before run(). */
static top_options_t given = { .interval_us = 1e6 };

static const option_t options[] = { { .name = "interval",
                                      .letter = 'n',
                                      .arg = "TIME",
                                      .type = OPTION_SPAN,
                                      .offset = offsetof(top_options_t, interval_us),
                                      .help = "time between two looks (1s)" },
                                    { .name = NULL } };

static double clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Collects the fetcher's result; after a failure the last sample stays in view. */
static void collect(top_t *top, fetcher_t *fetcher)
{
    failure_t failure;
    sample_t *sample;

    if (!fetcher_result(fetcher, &sample, &failure)) {
        return;
    }
    if (sample == NULL) {
        if (top->trouble.rc == RC_OK) {
            top->trouble_since = clock_now();
        }
        top->trouble = failure;
        return;
    }
    top->trouble.rc = RC_OK;
    sample_free(top->before);
    top->before = top->now;
    top->now = sample;
}

/* Milliseconds until the next request is due or the "no answer for" seconds change; -1: neither. */
static int wait_ms(const top_t *top, fetcher_t *fetcher, double due)
{
    double rest = (due - clock_now()) * 1e3;

    if (top->paused || fetcher_busy(fetcher)) {
        return top->trouble.rc != RC_OK ? 1000 : -1;
    }
    return rest <= 0 ? 0 : rest > 1000 ? 1000 : (int)rest + 1;
}

static void ask_when_due(top_t *top, fetcher_t *fetcher, double *due)
{
    double now = clock_now();

    if (fetcher_busy(fetcher) || (!top->refresh && (top->paused || now < *due))) {
        return;
    }
    top->refresh = false;
    fetcher_ask(fetcher);
    *due = now + given.interval_us / 1e6;
}

static void take_keys(top_t *top)
{
    int key;

    while (!top->quit && (key = screen_key()) != SCREEN_NONE) {
        top_key(top, key);
    }
}

static void loop(top_t *top, fetcher_t *fetcher)
{
    struct pollfd waits[] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = screen_signal_fd(), .events = POLLIN },
        { .fd = fetcher_fd(fetcher), .events = POLLIN },
    };
    double due = 0;

    while (!top->quit) {
        ask_when_due(top, fetcher, &due);
        top_draw(top, clock_now());
        if (poll(waits, 3, wait_ms(top, fetcher, due)) <= 0) {
            continue;
        }
        if (waits[1].revents != 0) {
            screen_signal();
        }
        collect(top, fetcher);
        take_keys(top);
    }
}

static int run_top(const settings_t *settings, failure_t *failure)
{
    source_t *source = source_open(settings, failure);
    fetcher_t *fetcher;
    top_t top;

    if (source == NULL) {
        return failure_report(failure);
    }
    if (!screen_open(failure)) {
        source_close(source);
        return failure_report(failure);
    }
    top_init(&top);
    top.origin = source_name(source);
    fetcher = fetcher_start(source, source_take, failure);
    if (fetcher == NULL) {
        screen_close();
        return failure_report(failure);
    }
    loop(&top, fetcher);
    screen_close();
    if (!fetcher_stop(fetcher)) {
        _exit(RC_OK); /* do not wait for a server that does not answer */
    }
    sample_free(top.before);
    sample_free(top.now);
    return RC_OK;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;

    if (!command_no_arguments(argc, argv, &failure)) {
        return failure_report(&failure);
    }
    if (settings->json != NULL) {
        failure_set(&failure, RC_USAGE, "top draws on a terminal; for JSON use watch --json");
    }
    else if (settings->from != NULL) {
        failure_set(&failure, RC_USAGE,
                    "a saved answer does not change; look at it with status or workers");
    }
    else if (given.interval_us < 1e5) {
        failure_set(&failure, RC_USAGE, "--interval wants 100ms or more");
    }
    else {
        return run_top(settings, &failure);
    }
    return failure_report(&failure);
}

const command_t cmd_top = {
    .name = "top",
    .synopsis = "",
    .summary = "busy workers, processes or virtual hosts, live on the whole terminal",
    .details =
        "Keys are those of htop where it has one: F4 filters, F6 sorts, I turns the order round, Tab\n"
        "goes to the next list: workers, processes, virtual hosts; Z pauses, F1 explains them all,\n"
        "q leaves.\n"
        "A server that does not answer is said so, and asked again.\n",
    .examples = "  mpmstats top\n"
                "  mpmstats top -n 5s --url https://www.example.org/mpm-status --user admin\n",
    .options = options,
    .target = &given,
    .run = run,
};
