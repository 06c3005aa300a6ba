/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/config_check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "stats/config.h"

APLOG_USE_MODULE(mpmstats);

/* One search through the directives. */
typedef struct {
    apr_pool_t *pool;
    const server_rec *s;
    int found; /* the handler is set somewhere */
} look_t;

static bool is_section(const ap_directive_t *directive)
{
    return directive->directive[0] == '<';
}

static const char *handler_of(const look_t *look, const ap_directive_t *directive)
{
    const char *args = directive->args;

    return strcasecmp(directive->directive, "SetHandler") == 0 ? ap_getword_conf(look->pool, &args)
                                                               : NULL;
}

/* A probable misspelling of the handler's name: mpmstats, mpm_status, MPM-Stats … */
static bool is_misspelt(const char *handler)
{
    char bare[16];
    apr_size_t len = 0;

    if (strcmp(handler, HANDLER_NAME) == 0) {
        return false;
    }
    for (; *handler != '\0'; handler++) {
        if (apr_isalnum(*handler)) {
            if (len == sizeof(bare) - 1) {
                return false;
            }
            bare[len++] = (char)apr_tolower(*handler);
        }
    }
    bare[len] = '\0';
    return strncmp(bare, "mod", 3) == 0 ? strcmp(bare + 3, "mpmstats") == 0
                                        : strcmp(bare, "mpmstats") == 0
            || strcmp(bare, "mpmstatus") == 0 || strcmp(bare, "mpmstat") == 0;
}

static void tell_misspelt(const look_t *look, const ap_directive_t *at, const char *handler)
{
    ap_log_error(
        APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, look->s,
        "%s, line %d: there is no handler '%s', nothing answers there; mod_mpmstats's is SetHandler " HANDLER_NAME,
        at->filename, at->line_num, handler);
}

static void tell_two(const look_t *look, const ap_directive_t *section, const ap_directive_t *first,
                     const ap_directive_t *last)
{
    ap_log_error(
        APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, look->s,
        "two handlers for %s %s: SetHandler %s (%s, line %d) and SetHandler %s (%s, line %d); "
        "the last one answers, remove the other",
        section->directive, section->args, handler_of(look, first), first->filename,
        first->line_num, handler_of(look, last), last->filename, last->line_num);
}

/* The first SetHandler from `at` on, outside of sections. */
static const ap_directive_t *first_handler(const look_t *look, const ap_directive_t *at)
{
    while (at != NULL && handler_of(look, at) == NULL) {
        at = at->next;
    }
    return at;
}

/*
 * The next SetHandler that applies to the same URLs: in `section` after `after`, or in a later
 * section of the same name and arguments.
 */
static const ap_directive_t *next_handler(const look_t *look, const ap_directive_t *section,
                                          const ap_directive_t *after)
{
    const ap_directive_t *next = first_handler(look, after->next);

    for (const ap_directive_t *other = section->next; next == NULL && other != NULL;
         other = other->next) {
        if (strcasecmp(other->directive, section->directive) == 0
            && strcmp(other->args, section->args) == 0) {
            next = first_handler(look, other->first_child);
        }
    }
    return next;
}

static bool is_ours(const char *handler)
{
    return handler != NULL && strcmp(handler, HANDLER_NAME) == 0;
}

static void look_at_handler(look_t *look, const ap_directive_t *section, const ap_directive_t *at,
                            const char *handler)
{
    const ap_directive_t *next = section != NULL ? next_handler(look, section, at) : NULL;
    bool ours = is_ours(handler);

    look->found |= ours;
    if (is_misspelt(handler)) {
        tell_misspelt(look, at, handler);
    }
    if (next != NULL && ours != is_ours(handler_of(look, next))) {
        tell_two(look, section, at, next);
    }
}

static void look_through(look_t *look, const ap_directive_t *section, const ap_directive_t *first)
{
    for (const ap_directive_t *at = first; at != NULL; at = at->next) {
        const char *handler = handler_of(look, at);

        if (handler != NULL) {
            look_at_handler(look, section, at, handler);
        }
        else if (is_section(at)) {
            look_through(look, at, at->first_child);
        }
    }
}

static void look_at_configuration(apr_pool_t *pool, const server_rec *s)
{
    look_t look = { .pool = pool, .s = s };

    look_through(&look, NULL, ap_conftree);
    if (!look.found) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                     "no SetHandler " HANDLER_NAME " in the configuration: what is recorded can be "
                     "read with the mpmstats command, but there is no status page");
    }
}

int config_listen_backlog(void)
{
    int backlog = DEFAULT_LISTENBACKLOG;

    for (const ap_directive_t *at = ap_conftree; at != NULL; at = at->next) {
        if (strcasecmp(at->directive, "ListenBacklog") == 0) {
            backlog = atoi(at->args);
        }
    }
    return backlog;
}

int config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *segment = config_global.segment;
    const char *board = ap_scoreboard_fname != NULL
        ? ap_server_root_relative(ptemp, ap_scoreboard_fname)
        : NULL;

    (void)pconf;
    (void)plog;
    if (segment == NULL) {
        segment = ap_runtime_dir_relative(ptemp, CONFIG_SEGMENT_NAME);
    }
    if (board != NULL && segment != NULL && strcmp(board, segment) == 0) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
            "ScoreBoardFile and MPMStatsSegment are both %s; choose another file for one of them",
            segment);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST) {
        look_at_configuration(ptemp, s);
    }
    return OK;
}

int config_check_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_CONFIG) {
        look_at_configuration(ptemp, s);
    }
    return OK;
}
