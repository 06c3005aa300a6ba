/* SPDX-License-Identifier: Apache-2.0 */
/* The meaning of an event's two numbers: see SEGMENT_EVENTS, segment/segment.h. */
#include "figures/events.h"

#include <signal.h>

#include "apr_strings.h"
#include "base/format.h"

static const char *count(apr_pool_t *pool, apr_uint64_t number, const char *one, const char *many)
{
    char text[FORMAT_BYTES];

    format_count(text, (apr_int64_t)number);
    return apr_pstrcat(pool, text, " ", number == 1 ? one : many, NULL);
}

/* The cause of the end in words: "crashed: SIGSEGV (11)". */
static const char *what_ended_it(apr_pool_t *pool, apr_uint64_t sig)
{
    static const struct {
        apr_uint64_t number;
        const char *name;
    } signals[] = {
        { SIGSEGV, "crashed: SIGSEGV" },    { SIGBUS, "crashed: SIGBUS" },
        { SIGABRT, "crashed: SIGABRT" },    { SIGILL, "crashed: SIGILL" },
        { SIGFPE, "crashed: SIGFPE" },      { SIGSYS, "crashed: SIGSYS" },
        { SIGKILL, "was killed: SIGKILL" }, { SIGTERM, "was killed: SIGTERM" },
        { SIGHUP, "was killed: SIGHUP" },   { SIGXCPU, "was killed: SIGXCPU" },
        { SIGXFSZ, "was killed: SIGXFSZ" },
    };

    for (apr_size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i].number == sig) {
            return apr_psprintf(pool, "%s (%d)", signals[i].name, (int)sig);
        }
    }
    return sig == 0 ? "exited unexpectedly" : apr_psprintf(pool, "was killed: signal %d", (int)sig);
}

static const char *crash_words(apr_pool_t *pool, const segment_event_t *event)
{
    char text[FORMAT_BYTES];
    const char *age = event->b > 0 && event->b < APR_INT64_MAX
        ? apr_pstrcat(pool, " after ", format_duration(text, (apr_int64_t)event->b), NULL)
        : "";

    return apr_psprintf(pool, "Process %d %s%s", (int)event->pid, what_ended_it(pool, event->a),
                        age);
}

static const char *relieved_words(apr_pool_t *pool, const segment_event_t *event)
{
    char text[FORMAT_BYTES];
    const char *lasted = format_duration(text,
                                         (apr_int64_t)(event->a < APR_INT64_MAX ? event->a : 0));

    if (event->b == 0 || event->b == SEGMENT_UNKNOWN) {
        return apr_pstrcat(pool, "No longer saturated, after ", lasted, NULL);
    }
    return apr_pstrcat(pool, "No longer saturated, after ", lasted, "; at most ",
                       count(pool, event->b, "connection", "connections"), " waited in the kernel",
                       NULL);
}

static const char *known_words(apr_pool_t *pool, const segment_event_t *event)
{
    switch (event->kind) {
    case SEGMENT_EVENT_START:
        return "Server started";
    case SEGMENT_EVENT_GRACEFUL:
        return apr_psprintf(pool, "Graceful restart: configuration number %d", (int)event->a);
    case SEGMENT_EVENT_RESTART:
        return apr_psprintf(pool, "Restart: configuration number %d", (int)event->a);
    case SEGMENT_EVENT_STOP:
        return "Server stopped";
    case SEGMENT_EVENT_CRASH:
        return crash_words(pool, event);
    case SEGMENT_EVENT_SATURATED:
        return apr_psprintf(pool, "Saturated: %d of %d workers busy", (int)event->a, (int)event->b);
    case SEGMENT_EVENT_RELIEVED:
        return relieved_words(pool, event);
    case SEGMENT_EVENT_OVERFLOW:
        /* The kernel counts overflows of all sockets: without a name it may be another server's. */
        return apr_pstrcat(pool,
                           event->text[0] != '\0' ? "A listen queue"
                                                  : "Some listen queue of this machine",
                           " was full for ", count(pool, event->a, "connection", "connections"),
                           NULL);
    default:
        return segment_event_text(event->kind);
    }
}

const char *events_words(apr_pool_t *pool, const segment_event_t *event)
{
    const char *words = known_words(pool, event);

    return event->text[0] != '\0' ? apr_pstrcat(pool, words, " (", event->text, ")", NULL) : words;
}
