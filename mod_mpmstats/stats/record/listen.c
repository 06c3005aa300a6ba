/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux reports the length of a listening socket's queue (TCP_INFO). It counts overflows for the
 * network namespace as a whole; a socket's own drop count is useless, because with TCP_DEFER_ACCEPT
 * it grows with every connection.
 */
#include "stats/record/listen.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ap_listen.h"
#include "apr_portable.h"

#include "segment/ring.h"
#include "stats/record/record.h"

/* Minimum time between two events. */
#define EVENT_INTERVAL apr_time_from_sec(5)

/*
 * A draining process has closed its listeners, whose descriptors may be other sockets by now.
 */
static void look(int fd, segment_listener_rec_t *listener)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_LISTEN) {
        segment_set(&listener->queue, info.tcpi_unacked);
        segment_set(&listener->queue_limit, info.tcpi_sacked);
        segment_raise(&listener->queue_peak, info.tcpi_unacked);
    }
}

void record_listen_look(void)
{
    unsigned i = 0;

    for (const ap_listen_rec *lr = ap_listeners; lr != NULL && i < record.segment->shape.listeners;
         lr = lr->next, i++) {
        apr_os_sock_t fd;

        if (lr->sd != NULL && apr_os_sock_get(&fd, lr->sd) == APR_SUCCESS && fd >= 0) {
            look(fd, &record.segment->listener[i]);
        }
    }
}

/* ---- overflows ------------------------------------------------------------------------- */

/* Finds a value by its name: the file has pairs of a line of names and a line of values. */
static bool find_value(FILE *file, const char *name, uint64_t *value)
{
    static char names[8192], values[8192]; /* the parent's only thread */

    while (fgets(names, sizeof(names), file) != NULL
           && fgets(values, sizeof(values), file) != NULL) {
        char *n_rest, *v_rest;
        char *n = strtok_r(names, " \n", &n_rest), *v = strtok_r(values, " \n", &v_rest);

        for (; n != NULL && v != NULL;
             n = strtok_r(NULL, " \n", &n_rest), v = strtok_r(NULL, " \n", &v_rest)) {
            if (strcmp(n, name) == 0) {
                return sscanf(v, "%" SCNu64, value) == 1;
            }
        }
    }
    return false;
}

static bool ask_kernel(uint64_t *overflows)
{
    FILE *file = fopen("/proc/net/netstat", "re");
    bool found = file != NULL && find_value(file, "ListenOverflows", overflows);

    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* The listener with the longest queue: presumably the one that overflowed. */
static const segment_listener_rec_t *fullest(void)
{
    const segment_listener_rec_t *most = &record.segment->listener[0];

    for (unsigned i = 1; i < record.segment->shape.listeners; i++) {
        if (segment_get(&record.segment->listener[i].queue) > segment_get(&most->queue)) {
            most = &record.segment->listener[i];
        }
    }
    return most;
}

static void tell(uint64_t overflows)
{
    const segment_listener_rec_t *listener = fullest();
    uint64_t queue = segment_get(&listener->queue);
    union {
        uint64_t words[8];
        char text[64];
    } address;

    for (size_t k = 0; k < 8; k++) {
        address.words[k] = segment_get(&listener->address[k]);
    }
    address.text[63] = '\0';
    segment_ring_put(record.segment, SEGMENT_EVENT_OVERFLOW, (uint64_t)apr_time_now(), 0, overflows,
                     queue, queue > 0 ? address.text : "");
}

void record_listen_overflows(void)
{
    /* Overflows since the last event, and its time; the parent's only thread. */
    static uint64_t untold;
    static apr_time_t told;
    _Atomic uint64_t *raw = &record.segment->head->overflows_raw;
    uint64_t before = segment_get(raw), now;

    if (!ask_kernel(&now)) {
        segment_set(&record.segment->server->listen_overflows, SEGMENT_UNKNOWN);
        return;
    }
    segment_set(raw, now + 1); /* 0: not read before */
    if (before == 0 || now + 1 <= before) {
        return;
    }
    segment_add(&record.segment->server->listen_overflows, now + 1 - before);
    untold += now + 1 - before;
    if (apr_time_now() - told >= EVENT_INTERVAL) {
        tell(untold);
        untold = 0;
        told = apr_time_now();
    }
}
