/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket that replaces the core's socket bucket. A short read has emptied the socket: the next
 * non-blocking reader gets EAGAIN without a system call.
 */
#include "mpm/conn/network.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/conn/passing.h"
#include "mpm/conn/inbound.h"

static const apr_bucket_type_t network_bucket_type;

static apr_bucket *network_bucket(network_t *net, apr_bucket_alloc_t *list)
{
    apr_bucket *b = apr_bucket_alloc(sizeof(*b), list);

    APR_BUCKET_INIT(b);
    b->free = apr_bucket_free;
    b->list = list;
    b->type = &network_bucket_type;
    b->length = (apr_size_t)-1;
    b->start = -1;
    b->data = net;
    return b;
}

/*
 * Whether a worker that keeps its connection has answered a request, and has received no byte of
 * the next one.
 */
static bool is_between(const network_t *net)
{
    const conn_rec *c = net->k->c;

    return !net->got && inbound_leaves_it(net->k) && c->keepalives > 0 && !c->data_in_input_filters
        && inbound_has_heads(net->k);
}

static apr_status_t wait_between(network_t *net)
{
    apr_interval_time_t timeout = -1;

    apr_socket_timeout_get(net->sock, &timeout);
    return passing_wait(net->k, timeout);
}

static apr_status_t receive(network_t *net, char *buf, apr_size_t *len, apr_read_type_e block)
{
    ssize_t n;

    if (net->late) {
        *len = 0;
        return block == APR_BLOCK_READ ? APR_TIMEUP : APR_EAGAIN;
    }
    if (block == APR_BLOCK_READ) {
        apr_size_t wanted = *len;
        apr_status_t rv = is_between(net) ? wait_between(net) : APR_SUCCESS;

        if (rv != APR_SUCCESS) {
            *len = 0;
            return rv;
        }
        rv = apr_socket_recv(net->sock, buf, len);

        net->dry = *len < wanted && !net->stops_early;
        net->told_dry = 0;
        return rv;
    }
    if (net->dry && (net->advancing || !net->told_dry)) {
        net->told_dry = 1;
        *len = 0;
        return APR_EAGAIN;
    }
    do {
        n = recv(net->fd, buf, *len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        *len = 0;
        net->dry = net->told_dry = 1;
        return errno == EWOULDBLOCK ? APR_EAGAIN : errno;
    }
    net->dry = (apr_size_t)n < *len && !net->stops_early;
    net->told_dry = !net->advancing;
    *len = (apr_size_t)n;
    return n == 0 ? APR_EOF : APR_SUCCESS;
}

/*
 * Turn @a b into a heap bucket of @a n bytes. A connection that may park gets exactly these from
 * malloc(); a worker that keeps its connection reuses bucket memory of the last request.
 */
static apr_bucket *copied(apr_bucket *b, const char *buf, apr_size_t n)
{
    const network_t *net = b->data;
    bool waits = child.lane->is_async || net->advancing;
    char *copy = waits ? malloc(n) : apr_bucket_alloc(n, b->list);

    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, buf, n);
    return apr_bucket_heap_make(b, copy, n, waits ? free : apr_bucket_free);
}

/* Read into a heap bucket, and append a new socket bucket. */
static apr_status_t network_read(apr_bucket *b, const char **str, apr_size_t *len,
                                 apr_read_type_e block)
{
    network_t *net = b->data;
    char buf[NETWORK_READ_SIZE];
    apr_size_t n = sizeof(buf);
    apr_status_t rv = receive(net, buf, &n, block);

    *str = NULL;
    *len = 0;
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return rv;
    }
    if (n == 0) {
        net->eof = 1;
        apr_bucket_immortal_make(b, "", 0);
        *str = "";
        return APR_SUCCESS;
    }
    net->seen = net->got = 1;
    net->received += n;
    b = copied(b, buf, n);
    if (b == NULL) {
        return APR_ENOMEM;
    }
    APR_BUCKET_INSERT_AFTER(b, network_bucket(net, b->list));
    return apr_bucket_read(b, str, len, block);
}

static const apr_bucket_type_t network_bucket_type = { "HYBRID_NETWORK",
                                                       5,
                                                       APR_BUCKET_DATA,
                                                       apr_bucket_destroy_noop,
                                                       network_read,
                                                       apr_bucket_setaside_noop,
                                                       apr_bucket_split_notimpl,
                                                       apr_bucket_copy_notimpl };

apr_status_t network_insert_bucket(conn_rec *c, apr_bucket_brigade *bb, apr_socket_t *sock)
{
    conn_t *k = conn_of(c);
    network_t *net;

    if (k == NULL || sock != k->sock) {
        return AP_DECLINED;
    }
    net = apr_pcalloc(c->pool, sizeof(*net));
    net->k = k;
    net->sock = sock;
    net->fd = k->fd;
    net->late = k->inbound != NULL && inbound_is_late(k);
    net->advancing = k->inbound != NULL && inbound_reads_ahead(k);
    net->stops_early = k->urgent;
    k->network = net;
    APR_BRIGADE_INSERT_TAIL(bb, network_bucket(net, bb->bucket_alloc));
    return APR_SUCCESS;
}

apr_uint64_t network_bytes_taken(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0
        || len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked)) {
        return (apr_uint64_t)clock_now();
    }
    return info.tcpi_bytes_acked;
}
