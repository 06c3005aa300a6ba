/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tune --apply. Nothing changes before the configuration with the new values has been
 * tested; from then on every exit except success rolls back.
 */
#include "tune/tune.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tune/control.h"
#include "fields/fields.h"
#include "tune/install.h"
#include "common/interrupt.h"
#include "common/memory.h"
#include "tune/snippet.h"
#include "source/source.h"
#include "common/text.h"

#define RESTART_S 30      /* timeout for a graceful restart */
#define IN_FORCE_S 5      /* timeout for the new values after it */
#define SETTLE_SHARE 0.25 /* of the verify time: processes start, queues empty */
#define SETTLE_MOST_S 5

typedef struct {
    tune_t *tune;
    install_t install;
    control_t control;
    failure_t failure; /* reason for the rollback */
} apply_t;

/* Reports progress on stdout, or on stderr with --json. */
static void say(const apply_t *apply, const char *format, ...)
{
    FILE *out = apply->tune->settings->json != NULL ? stderr : stdout;
    char text[1024], *safe;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    safe = text_safe(text);
    fprintf(out, "%s\n", safe);
    fflush(out);
    free(safe);
}

/* ---- is it in force? ---- */

/* The field that reports a directive's value. */
static const field_t *field_of(const char *directive)
{
    for (const field_t *field = fields_server; field->name != NULL; field++) {
        if (strncmp(field->path, "limits.", 7) == 0 && strcmp(field->label, directive) == 0) {
            return field;
        }
    }
    return NULL;
}

static bool in_force(const apply_t *apply, const snapshot_t *snap, failure_t *failure)
{
    static const char *const exact[] = { "MaxRequestWorkers", "ThreadsPerChild" };

    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        const advisor_item_t *item = advisor_item(&apply->tune->advice, exact[i]);
        const field_t *field = field_of(exact[i]);
        double is = field == NULL ? NAN : field_number(field, snap);

        if (item == NULL || item->verdict != ADVISOR_CHANGE || isnan(is)
            || is == strtod(item->recommended, NULL)) {
            continue;
        }
        return failure_set(
            failure, RC_LOCAL,
            "%s is %.0f after the restart, not %s: %s is not read, or overridden by a later setting",
            exact[i], is, item->recommended,
            apply->install.enabled != NULL ? apply->install.enabled : apply->install.file);
    }
    return true;
}

static void rest(double seconds)
{
    double until = sampler_clock() + seconds;

    while (sampler_clock() < until && interrupt_number() == 0) {
        usleep(50000);
    }
}

static bool interrupted(failure_t *failure)
{
    return interrupt_number() != 0
        && !failure_set(failure, RC_LOCAL, "ended by signal %d (%s)", interrupt_number(),
                        strsignal(interrupt_number()));
}

/* The first sample after the restart; NULL and @a failure filled after the timeout. */
static sample_t *restarted_sample(apply_t *apply, apr_int64_t before, failure_t *failure)
{
    double until = sampler_clock() + RESTART_S;

    failure_set(failure, RC_LOCAL,
                "no restart of the server at %s within %d s: is that the one %s controls?",
                apply->tune->origin, RESTART_S, apply->control.command);
    while (sampler_clock() < until) {
        failure_t answer;
        sample_t *sample = sampler_take(apply->tune->sampler, until - sampler_clock(), &answer);

        if (sample != NULL && sample->snap.server.restarted_us != before) {
            return sample;
        }
        if (sample == NULL && answer.rc != RC_TIMEOUT) {
            *failure = answer;
        }
        sample_free(sample);
        if (interrupted(failure)) {
            return NULL;
        }
        rest(0.1);
    }
    return NULL;
}

/* Waits until the server reports the new values, which its first new process does. */
static bool wait_until_in_force(apply_t *apply, const sample_t *restarted)
{
    double until = sampler_clock() + IN_FORCE_S;
    failure_t silent;

    if (in_force(apply, &restarted->snap, &apply->failure)) {
        return true;
    }
    while (sampler_clock() < until) {
        sample_t *now;
        bool good;

        rest(0.1);
        if (interrupted(&apply->failure)) {
            return false;
        }
        now = sampler_take(apply->tune->sampler, until - sampler_clock(), &silent);
        good = now != NULL && in_force(apply, &now->snap, &apply->failure);
        sample_free(now);
        if (good) {
            return true;
        }
    }
    return false;
}

static apr_int64_t restarted_at(const apply_t *apply)
{
    return apply->tune->first->snap.server.restarted_us;
}

/* ---- verifying ---- */

/* Takes the sample to compare with the first, after the settle time. */
static bool verify_sample(apply_t *apply, advisor_input_t *after)
{
    double seconds = apply->tune->given->verify_us / 1e6;
    double settle = fmin(SETTLE_MOST_S, seconds * SETTLE_SHARE);
    tuning_t *tuning;
    sample_t *first;

    rest(settle);
    if (interrupted(&apply->failure)) {
        return false;
    }
    first = sampler_take(apply->tune->sampler, RESTART_S, &apply->failure);
    if (first == NULL) {
        return false;
    }
    tuning = sampler_run(apply->tune->sampler, first, &apply->tune->wishes, seconds - settle,
                         "verifying", &apply->failure);
    sample_free(first);
    if (tuning == NULL) {
        return false;
    }
    tuning_input(tuning, after);
    tuning_end(tuning);
    return true;
}

static bool verify(apply_t *apply)
{
    advisor_input_t after;
    advisor_outcome_e outcome;
    char why[400];

    if (!verify_sample(apply, &after)) {
        return false;
    }
    outcome = advisor_compare(&apply->tune->in, &after, why, sizeof(why));
    if (outcome == ADVISOR_WORSE) {
        return failure_set(&apply->failure, RC_ROLLED_BACK, "it got worse: %s", why);
    }
    say(apply, "Verified for %.0f s: %s.", apply->tune->given->verify_us / 1e6, why);
    json_object_set_new(apply->tune->applied, "effect",
                        json_string(outcome == ADVISOR_BETTER ? "better" : "same"));
    json_object_set_new(apply->tune->applied, "figures", json_string(why));
    return true;
}

/* ---- the steps ---- */

static bool valid_as_it_is(const control_t *control, failure_t *failure)
{
    failure_t why;

    return control_test(control, NULL, &why)
        || failure_set(failure, RC_LOCAL,
                       "nothing was changed, the configuration is not valid as it is: %.800s",
                       why.text);
}

/* Checks that change nothing. */
static bool prepare(apply_t *apply)
{
    failure_t failure;
    char *text;
    bool ready;

    if (!valid_as_it_is(&apply->control, &apply->failure)) {
        return false;
    }
    text = tune_snippet(apply->tune, apply->install.old);
    ready = install_write(&apply->install, text, &apply->failure);
    free(text);
    if (!ready) {
        return false;
    }
    if (!control_test(&apply->control, apply->install.candidate, &apply->failure)) {
        memcpy(&failure, &apply->failure, sizeof(failure));
        return failure_set(&apply->failure, RC_ROLLED_BACK,
                           "nothing was changed, with the new values %.800s", failure.text);
    }
    return true;
}

/* Installs, restarts and verifies. */
static bool change(apply_t *apply, bool *restarted)
{
    sample_t *now;
    bool good;

    say(apply, "Installed %s.", apply->install.file);
    if (!control_test(&apply->control, NULL, &apply->failure) || interrupted(&apply->failure)) {
        return false;
    }
    *restarted = true;
    if (!control_graceful(&apply->control, &apply->failure)) {
        return false;
    }
    now = restarted_sample(apply, restarted_at(apply), &apply->failure);
    if (now == NULL) {
        return false;
    }
    say(apply, "Restarted gracefully.");
    good = wait_until_in_force(apply, now) && verify(apply);
    sample_free(now);
    return good;
}

/* Rolls back; false: that failed, the administrator must act. */
static bool undo(apply_t *apply, bool restarted, failure_t *failure)
{
    sample_t *now;

    interrupt_clear();
    if (!install_undo(&apply->install, failure)) {
        return false;
    }
    if (!restarted) {
        return true;
    }
    if (!control_test(&apply->control, NULL, failure)
        || !control_graceful(&apply->control, failure)) {
        return false;
    }
    now = sampler_take(apply->tune->sampler, RESTART_S, failure);
    sample_free(now);
    return now != NULL;
}

static int roll_back(apply_t *apply, bool restarted)
{
    failure_t why = apply->failure, second;

    json_object_set_new(apply->tune->applied, "outcome", json_string("rolled_back"));
    if (undo(apply, restarted, &second)) {
        failure_set(&apply->failure, RC_ROLLED_BACK, "rolled back, everything is as it was: %.850s",
                    why.text);
    }
    else {
        json_object_set_new(apply->tune->applied, "outcome", json_string("rollback_failed"));
        failure_set(
            &apply->failure, RC_LOCAL,
            "rolling back FAILED, check the server: %.400s; reason for rolling back: %.400s",
            second.text, why.text);
    }
    json_object_set_new(apply->tune->applied, "why", json_string(apply->failure.text));
    return failure_report(&apply->failure);
}

static int keep(apply_t *apply)
{
    say(apply, "Kept. %s%s%s",
        apply->install.old != NULL ? "What was there before is " : "To take it back, remove ",
        apply->install.old != NULL           ? apply->install.previous
            : apply->install.enabled != NULL ? apply->install.enabled
                                             : apply->install.file,
        apply->install.old != NULL ? "." : " and restart gracefully.");
    json_object_set_new(apply->tune->applied, "outcome", json_string("kept"));
    return RC_OK;
}

static int run(apply_t *apply)
{
    bool restarted = false;

    if (!prepare(apply)) {
        json_object_set_new(apply->tune->applied, "outcome", json_string("nothing_changed"));
        json_object_set_new(apply->tune->applied, "why", json_string(apply->failure.text));
        return failure_report(&apply->failure);
    }
    interrupt_watch();
    if (!install_put(&apply->install, &apply->failure)) {
        json_object_set_new(apply->tune->applied, "outcome", json_string("nothing_changed"));
        return failure_report(&apply->failure);
    }
    if (!change(apply, &restarted)) {
        return roll_back(apply, restarted);
    }
    return keep(apply);
}

/* --dry-run: all tests that change nothing. */
static int rehearse(apply_t *apply)
{
    char candidate[] = "/tmp/mpmstats-tune.XXXXXX",
         *text = tune_snippet(apply->tune, apply->install.old);
    int fd = mkstemp(candidate);
    size_t length = strlen(text);
    bool good = fd >= 0 && write(fd, text, length) == (ssize_t)length;

    if (!good) {
        failure_set(&apply->failure, RC_LOCAL, "cannot write %s: %s", candidate, strerror(errno));
    }
    good = good && control_test(&apply->control, NULL, &apply->failure)
        && control_test(&apply->control, candidate, &apply->failure);
    if (fd >= 0) {
        close(fd);
        unlink(candidate);
    }
    if (good) {
        say(apply, "The configuration is valid with it. Without --dry-run this would be %s:",
            apply->install.file);
        if (apply->tune->settings->json == NULL) {
            printf("\n%s", text);
        }
        json_object_set_new(apply->tune->applied, "snippet", json_string(text));
    }
    json_object_set_new(apply->tune->applied, "outcome", json_string("dry_run"));
    free(text);
    return good ? RC_OK : failure_report(&apply->failure);
}

static int apply_with(apply_t *apply, const char *directory, const char *command)
{
    tune_t *tune = apply->tune;
    int rc;

    if (!control_open(&apply->control, command, &apply->failure)) {
        return failure_report(&apply->failure);
    }
    if (tune->given->dry_run ? install_peek(&apply->install, directory, &apply->failure)
                             : install_open(&apply->install, directory, &apply->failure)) {
        json_object_set_new(tune->applied, "file", json_string(apply->install.file));
        rc = tune->given->dry_run ? rehearse(apply) : run(apply);
        install_close(&apply->install);
    }
    else {
        rc = failure_report(&apply->failure);
    }
    control_close(&apply->control);
    return rc;
}

/* Debian's additional instances use /etc/apache2-NAME and apache2ctl-NAME. */
static char *of_instance(const char *given, const char *name, const char *before,
                         const char *behind)
{
    if (given != NULL || name == NULL || strcmp(name, "apache2") == 0) {
        return given != NULL ? memory_copy(given) : NULL;
    }
    return memory_format("%s%s%s", before, strncmp(name, "apache2-", 8) == 0 ? name + 8 : name,
                         behind);
}

/* The caller frees both; NULL: the default. */
static void places(const tune_t *tune, char **directory, char **command)
{
    const char *instance = tune->settings->instance;

    *directory = of_instance(tune->given->conf_dir, instance, "/etc/apache2-", "/conf-available");
    *command = of_instance(tune->given->apachectl, instance, "apache2ctl-", "");
}

static bool place_is_usable(const tune_t *tune, const char *directory, failure_t *failure)
{
    install_t install;
    bool usable = tune->given->dry_run ? install_peek(&install, directory, failure)
                                       : install_open(&install, directory, failure);

    if (usable) {
        install_close(&install);
    }
    return usable;
}

bool tune_apply_possible(const tune_t *tune, failure_t *failure)
{
    control_t control = { NULL };
    char *directory, *command;
    bool possible;

    if (!tuning_is_here(&tune->first->snap)) {
        return failure_set(failure, RC_USAGE,
                           "--apply works on the machine the server runs on; use --write here");
    }
    places(tune, &directory, &command);
    possible = place_is_usable(tune, directory, failure) && control_open(&control, command, failure)
        && valid_as_it_is(&control, failure);
    control_close(&control);
    free(directory);
    free(command);
    return possible;
}

int tune_apply(tune_t *tune)
{
    apply_t apply = { .tune = tune };
    char *directory, *command;
    int rc;

    tune->applied = json_object();
    if (!snippet_changes(&tune->advice, tune->given->with_stop)) {
        say(&apply, "Nothing to change.");
        json_object_set_new(tune->applied, "outcome", json_string("nothing_to_change"));
        return RC_OK;
    }
    places(tune, &directory, &command);
    rc = apply_with(&apply, directory, command);
    free(directory);
    free(command);
    return rc;
}
