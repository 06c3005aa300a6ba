/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms in the documents are pairs of a bucket's largest value and its count. The growth of
 * the buckets gives the distribution between two samples.
 */
#include "tune/tuning_recorded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

typedef struct {
    double highest, count;
} bucket_t;

typedef struct {
    bucket_t *buckets; /* those that grew, sorted by value */
    size_t used;
    double count;
} grown_t;

static json_t *buckets_of(sample_t *sample, const char *name)
{
    json_t *buckets = json_object_get(
        json_object_get(json_object_get(sample_document(sample), "latency"), name), "buckets");

    return json_is_array(buckets) ? buckets : NULL;
}

static bool bucket_at(json_t *buckets, size_t index, bucket_t *bucket)
{
    json_t *pair = json_array_get(buckets, index), *highest = json_array_get(pair, 0),
           *count = json_array_get(pair, 1);

    *bucket = (bucket_t){ json_number_value(highest), json_number_value(count) };
    return json_is_number(highest) && json_is_number(count) && bucket->highest >= 0
        && bucket->count >= 0;
}

/* Both lists are sorted by value; a bucket missing in the earlier one was empty. */
static grown_t grown_between(json_t *before, json_t *after)
{
    size_t count = json_array_size(after), at = 0;
    grown_t grown = { memory_get(count, sizeof(bucket_t)), 0, after == NULL ? NAN : 0 };

    for (size_t i = 0; i < count; i++) {
        bucket_t now, then = { -1, 0 };

        if (!bucket_at(after, i, &now)) {
            continue;
        }
        while (at < json_array_size(before) && bucket_at(before, at, &then)
               && then.highest < now.highest) {
            at++;
        }
        if (at < json_array_size(before) && then.highest == now.highest) {
            now.count -= then.count;
        }
        if (now.count > 0) {
            grown.buckets[grown.used++] = now;
            grown.count += now.count;
        }
    }
    return grown;
}

static grown_t grown(sample_t *first, sample_t *last, const char *name)
{
    return grown_between(buckets_of(first, name), buckets_of(last, name));
}

static double quantile(const grown_t *grown, double share)
{
    double passed = 0, wanted = ceil(share * grown->count);

    for (size_t i = 0; i < grown->used; i++) {
        passed += grown->buckets[i].count;
        if (passed >= wanted) {
            return grown->buckets[i].highest;
        }
    }
    return NAN;
}

/* ---- */

static double number(apr_int64_t value)
{
    return value == SNAPSHOT_UNKNOWN ? NAN : (double)value;
}

static double growth(apr_int64_t before, apr_int64_t after)
{
    double by = number(after) - number(before);

    return by < 0 ? NAN : by;
}

static void fill_queue(sample_t *first, sample_t *last, advisor_input_t *in)
{
    grown_t queue = grown(first, last, "queue");

    if (!isnan(queue.count)) {
        in->queue_count = queue.count;
        in->queue_p50_us = quantile(&queue, 0.5);
        in->queue_p99_us = quantile(&queue, 0.99);
    }
    free(queue.buckets);
}

static void fill_gaps(sample_t *first, sample_t *last, advisor_input_t *in)
{
    grown_t gaps = grown(first, last, "keepalive_gap");

    if (!isnan(gaps.count)) {
        in->gap_count = gaps.count;
        in->gap_p50_s = quantile(&gaps, 0.5) / 1e6;
        in->gap_p90_s = quantile(&gaps, 0.9) / 1e6;
        in->gap_p99_s = quantile(&gaps, 0.99) / 1e6;
    }
    free(gaps.buckets);
    in->closed_by_timeout = growth(first->snap.totals.closed_keepalive_timeout,
                                   last->snap.totals.closed_keepalive_timeout);
    in->closed_by_count = growth(first->snap.totals.closed_keepalive_limit,
                                 last->snap.totals.closed_keepalive_limit);
}

void recorded_input(sample_t *first, sample_t *last, advisor_input_t *in)
{
    const snapshot_limits_t *limits = &last->snap.limits;

    fill_queue(first, last, in);
    fill_gaps(first, last, in);
    if (limits->keepalive_timeout_us >= 0) {
        in->keep_alive_timeout_s = (double)limits->keepalive_timeout_us / 1e6;
    }
    if (limits->max_keepalive_requests >= 0 && limits->max_keepalive_requests < INT32_MAX) {
        in->max_keep_alive_requests = (int)limits->max_keepalive_requests;
    }
}

/* Documents are untrusted: values out of range become the largest integer. */
static apr_int64_t whole(double us)
{
    return us < (double)APR_INT64_MAX ? (apr_int64_t)us : APR_INT64_MAX;
}

/* Frees @a times. */
static void fill_times(grown_t times, snapshot_latency_t *latency)
{
    if (times.count > 0) {
        latency->p50_us = whole(quantile(&times, 0.5));
        latency->p90_us = whole(quantile(&times, 0.9));
        latency->p99_us = whole(quantile(&times, 0.99));
        latency->p999_us = whole(quantile(&times, 0.999));
        latency->max_us = whole(times.buckets[times.used - 1].highest);
    }
    free(times.buckets);
}

void recorded_times(sample_t *first, sample_t *last, const char *name, snapshot_latency_t *latency)
{
    fill_times(grown(first, last, name), latency);
}

static json_t *vhost_buckets(sample_t *sample, const char *vhost, const char *name)
{
    json_t *vhosts = json_object_get(json_object_get(sample_document(sample), "source"), "vhosts");

    return json_object_get(json_object_get(vhosts, vhost), name);
}

/*
 * A virtual host missing in the first sample is new; a first sample without any leaves all
 * unchanged.
 */
void recorded_vhost_times(sample_t *first, sample_t *last, const char *vhost, const char *name,
                          snapshot_latency_t *latency)
{
    json_t *vhosts = json_object_get(json_object_get(sample_document(first), "source"), "vhosts");

    if (json_is_object(vhosts)) {
        fill_times(grown_between(vhost_buckets(first, vhost, name),
                                 vhost_buckets(last, vhost, name)),
                   latency);
    }
}

/* ---- history ---- */

static json_t *busy_time(sample_t *sample)
{
    json_t *list = json_object_get(json_object_get(sample_document(sample), "source"), "busy_time");

    return json_array_size(list) > 0 ? list : NULL;
}

bool recorded_has_history(sample_t *sample)
{
    return busy_time(sample) != NULL;
}

static void fill_busy(sample_t *sample, advisor_input_t *in)
{
    json_t *list = busy_time(sample);
    grown_t time = { memory_get(json_array_size(list), sizeof(bucket_t)), 0, 0 };
    double sum = 0, limit = (double)sample->snap.limits.max_request_workers;
    bucket_t at;

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!bucket_at(list, i, &at)) {
            continue;
        }
        at.highest = fmin(at.highest, limit); /* wide buckets may exceed the limit */
        time.buckets[time.used++] = at;
        time.count += at.count;
        sum += at.highest * at.count;
    }
    if (time.count > 0) {
        in->busy = (advisor_spread_t){ sum / time.count, quantile(&time, 0.5),
                                       quantile(&time, 0.99), time.buckets[time.used - 1].highest };
        in->seconds = time.count / 1e6;
        in->looks = in->seconds > 1e9 ? 1000000000 : (int)in->seconds;
    }
    free(time.buckets);
}

static double answered(const snapshot_totals_t *totals)
{
    const apr_int64_t classes[] = { totals->responses_1xx, totals->responses_2xx,
                                    totals->responses_3xx, totals->responses_4xx,
                                    totals->responses_5xx, totals->responses_other };
    double sum = NAN;

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i] >= 0) {
            sum = (isnan(sum) ? 0 : sum) + (double)classes[i];
        }
    }
    return sum;
}

static void fill_listeners(const snapshot_t *snap, advisor_input_t *in)
{
    for (int i = 0; i < snap->listener_count; i++) {
        const snapshot_listener_t *listener = &snap->listeners[i];

        if (listener->queue_peak < 0 || listener->queue_limit < 0
            || listener->queue_limit > INT32_MAX) {
            continue;
        }
        if (isnan(in->backlog_max) || (double)listener->queue_peak > in->backlog_max) {
            in->backlog_max = (double)listener->queue_peak;
            in->listen_backlog = (int)listener->queue_limit;
        }
    }
}

/* Plus the current saturation, which the server adds to its total only at the end. */
static double saturated_us(const snapshot_t *snap)
{
    double since = number(snap->totals.saturated_since_us), now = number(snap->server.now_us);

    return number(snap->totals.saturated_time_us) + (since > 0 && now > since ? now - since : 0);
}

void recorded_history(sample_t *sample, advisor_input_t *in)
{
    const snapshot_totals_t *totals = &sample->snap.totals;
    double saturated = saturated_us(&sample->snap);
    sample_t *nothing = sample_new();

    nothing->snap.totals.closed_keepalive_timeout = nothing->snap.totals.closed_keepalive_limit = 0;
    recorded_input(nothing, sample, in);
    sample_free(nothing);
    fill_busy(sample, in);
    fill_listeners(&sample->snap, in);
    in->requests = answered(totals);
    if (!isnan(saturated) && in->seconds > 0) {
        in->saturated_share = fmin(1, saturated / 1e6 / in->seconds);
    }
}

int recorded_port(const snapshot_t *snap)
{
    const char *address = snap->listener_count > 0 ? snap->listeners[0].address : NULL;
    const char *colon = address == NULL ? NULL : strrchr(address, ':');
    long port = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);

    return port > 0 && port < 65536 ? (int)port : 0;
}
