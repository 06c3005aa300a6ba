/* SPDX-License-Identifier: Apache-2.0 */
/* What the two numbers of an event mean stands in SEGMENT_EVENTS, core/segment.h. */
#include "stats/events.h"

#include "apr_strings.h"
#include "stats/format.h"

static const char *count(apr_pool_t *pool, apr_uint64_t number, const char *one, const char *many)
{
    char text[FORMAT_BYTES];

    format_count(text, (apr_int64_t)number);
    return apr_pstrcat(pool, text, " ", number == 1 ? one : many, NULL);
}

static const char *crash_words(apr_pool_t *pool, const segment_event_t *event)
{
    char text[FORMAT_BYTES];
    const char *signal = event->a > 0 ? apr_psprintf(pool, ": signal %d", (int)event->a) : "";
    const char *age = event->b > 0 && event->b < APR_INT64_MAX
                          ? apr_pstrcat(pool, " after ", format_duration(text, (apr_int64_t)event->b), NULL)
                          : "";

    return apr_psprintf(pool, "Process %d crashed or was killed%s%s", (int)event->pid, signal, age);
}

static const char *relieved_words(apr_pool_t *pool, const segment_event_t *event)
{
    char text[FORMAT_BYTES];
    const char *lasted = format_duration(text, (apr_int64_t)(event->a < APR_INT64_MAX ? event->a : 0));

    if (event->b == 0 || event->b == SEGMENT_UNKNOWN) {
        return apr_pstrcat(pool, "No longer saturated, after ", lasted, NULL);
    }
    return apr_pstrcat(pool, "No longer saturated, after ", lasted, "; at most ",
                       count(pool, event->b, "connection", "connections"), " waited in the kernel", NULL);
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
        /* Where the kernel does not say whose queue, it may be that of another server. */
        return apr_pstrcat(pool, event->text[0] != '\0' ? "A listen queue" : "Some listen queue of this machine",
                           " was full for ", count(pool, event->a, "connection", "connections"), NULL);
    default:
        return segment_event_text(event->kind);
    }
}

const char *events_words(apr_pool_t *pool, const segment_event_t *event)
{
    const char *words = known_words(pool, event);

    return event->text[0] != '\0' ? apr_pstrcat(pool, words, " (", event->text, ")", NULL) : words;
}
