/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lobby. One thread, no module's code, no privileges. A guest is a
 * connection that waits here; what it has sent stays in its socket.
 */
#include "mpm/lobby.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_portable.h"
#include "http_core.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "core/body.h"
#include "core/head.h"
#include "core/timeouts.h"
#include "mpm/accept.h"
#include "mpm/child.h"
#include "mpm/handoff.h"
#include "mpm/hybrid.h"
#include "mpm/procs.h"
#include "mpm/reqtimeout.h"
#include "mpm/server.h"
#include "mpm/shortage.h"

/* What may be looked at of one request; beyond it a child reads on. */
#define PEEK_SIZE (64 * 1024)

#define BATCH 64
#define ACCEPT_AT_ONCE 16
#define RESERVED_FDS 32
#define SHORTAGE_PAUSE apr_time_from_msec(100)
#define LOG_INTERVAL apr_time_from_sec(1)
#define TLS_HANDSHAKE 22

typedef struct guest_t {
    timeouts_entry_t wait;
    int fd;
    unsigned char is_tls;
    unsigned char in_body;
    unsigned char overdue;
    size_t seen;                        /* bytes looked at */
    head_scan_t scan;
    body_scan_t body;
    reqtimeout_body_t budget;
    struct guest_t *older, *younger;    /* of those that send */
    struct guest_t *next;               /* of those that go to a child */
} guest_t;

typedef struct {
    int fd;
    int is_tls;
    int async_ok;
} door_t;

/* The only thread's. */
static struct {
    int epoll_fd, control_fd, help_fd, queue_fd;
    door_t *doors;
    unsigned door_count;
    int doors_open, doors_watched;
    apr_time_t doors_again;             /* after a shortage */
    head_limits_t limits;
    timeouts_t timeouts;
    guest_t *oldest, *youngest;
    guest_t *first_ready, *last_ready;
    int guests, limit;
    int queue_full;                     /* wait until it can be written to */
    int ending;
    unsigned dropped;
    apr_time_t drop_logged;
} l;

static char peeked[PEEK_SIZE];

/* What an epoll event is for, when it is not for a guest. */
static char for_control, for_queue;

/* ---- guests ------------------------------------------------------------- */

static void unlink_guest(guest_t *g)
{
    *(g->older ? &g->older->younger : &l.oldest) = g->younger;
    *(g->younger ? &g->younger->older : &l.youngest) = g->older;
}

static void link_guest(guest_t *g)
{
    g->younger = NULL;
    g->older = l.youngest;
    *(l.youngest ? &l.youngest->younger : &l.oldest) = g;
    l.youngest = g;
}

static mpm_hybrid_conn_e kind_of(const guest_t *g)
{
    if (g->seen == 0) {
        return MPM_HYBRID_CONN_NEW;
    }
    if (g->is_tls) {
        return MPM_HYBRID_CONN_HANDSHAKE;
    }
    return g->in_body ? MPM_HYBRID_CONN_BODY : MPM_HYBRID_CONN_HEAD;
}

static void count(const guest_t *g, int by)
{
    shared_add(child.stats->connections[kind_of(g)], (apr_uint32_t)by);
}

static void dismiss(guest_t *g)
{
    close(g->fd);
    free(g);
    l.guests--;
}

/* It waits no longer. */
static void take_out(guest_t *g)
{
    timeouts_remove(&g->wait);
    unlink_guest(g);
    count(g, -1);
    epoll_ctl(l.epoll_fd, EPOLL_CTL_DEL, g->fd, NULL);
}

static void ask_for_help(void)
{
    if (l.help_fd >= 0 && write(l.help_fd, "!", 1) < 0) {
        /* It has more of these than it can read. */
    }
}

static void watch_queue(int on)
{
    struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = &for_queue };

    if (on != l.queue_full) {
        epoll_ctl(l.epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l.queue_fd, &ev);
        l.queue_full = on;
    }
}

/* Pass on as many as the queue takes. */
static void pass_on(void)
{
    while (l.first_ready != NULL) {
        guest_t *g = l.first_ready;
        handoff_t what = { .overdue = g->overdue };

        atomic_fetch_add(&hybrid_retained->shared->server->queued, 1);
        if (handoff_send(l.queue_fd, g->fd, &what) != 0) {
            atomic_fetch_sub(&hybrid_retained->shared->server->queued, 1);
            if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS || errno == ENOMEM) {
                watch_queue(1);
                ask_for_help();
                return;
            }
        }
        l.first_ready = g->next;
        if (l.first_ready == NULL) {
            l.last_ready = NULL;
        }
        shared_add(child.stats->dispatched, 1);
        dismiss(g);
    }
    watch_queue(0);
    if (atomic_load(&hybrid_retained->shared->server->queued) > 1) {
        ask_for_help();
    }
}

static void make_ready(guest_t *g, int overdue)
{
    take_out(g);
    g->overdue = (unsigned char)overdue;
    g->next = NULL;
    *(l.last_ready ? &l.last_ready->next : &l.first_ready) = g;
    l.last_ready = g;
}

/* ---- looking ------------------------------------------------------------ */

static int body_complete(guest_t *g, const char *data, size_t len)
{
    size_t used;

    reqtimeout_extend(&g->budget, len);
    return body_scan_feed(&g->body, data, len, &used) != BODY_MORE;
}

/* The head is there: is there a small body to wait for? */
static int head_complete(guest_t *g, const char *rest, size_t len)
{
    apr_off_t limit = server_body_buffer(ap_server_conf);
    head_body_e kind = head_scan_body(&g->scan);

    if (limit > PEEK_SIZE / 2) {
        limit = PEEK_SIZE / 2;
    }
    if (limit == 0 || (kind != HEAD_BODY_LENGTH && kind != HEAD_BODY_CHUNKED)
        || (kind == HEAD_BODY_LENGTH && g->scan.content_length > limit)) {
        return 1;
    }
    g->in_body = 1;
    reqtimeout_begin(&g->budget, ap_server_conf, child_now());
    if (kind == HEAD_BODY_LENGTH) {
        body_scan_init_length(&g->body, (uint64_t)g->scan.content_length, (uint64_t)limit);
    }
    else {
        body_scan_init_chunked(&g->body, (uint64_t)limit, l.limits.strict);
    }
    return body_complete(g, rest, len);
}

static int request_complete(guest_t *g, const char *data, size_t len)
{
    size_t used;
    head_verdict_e verdict;

    if (g->in_body) {
        return body_complete(g, data, len);
    }
    reqtimeout_extend(&g->budget, len);
    verdict = head_scan_feed(&g->scan, data, len, &used);
    if (verdict == HEAD_MORE) {
        return 0;
    }
    return verdict != HEAD_COMPLETE || head_complete(g, data + used, len - used);
}

/* A whole first TLS record, or no TLS at all. */
static int hello_complete(size_t len)
{
    if (len < 5) {
        return peeked[0] != TLS_HANDSHAKE;
    }
    return peeked[0] != TLS_HANDSHAKE
        || len >= 5u + ((unsigned char)peeked[3] << 8) + (unsigned char)peeked[4];
}

static void wait_on(guest_t *g)
{
    apr_time_t now = child_now();

    timeouts_remove(&g->wait);
    if (g->budget.until != 0) {
        timeouts_add_until(&l.timeouts, &g->wait, ap_server_conf->timeout, g->budget.until, now);
    }
    else {
        timeouts_add(&l.timeouts, &g->wait, ap_server_conf->timeout, now);
    }
}

static void look(guest_t *g)
{
    ssize_t n = recv(g->fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);
    size_t seen = g->seen;
    int done;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 && seen == 0) {
        take_out(g);
        dismiss(g);
        return;
    }
    if (n <= 0 || (size_t)n <= seen) {
        if (n <= 0) {
            make_ready(g, 0);           /* httpd knows what to make of the end */
        }
        return;
    }
    count(g, -1);
    g->seen = (size_t)n;
    done = g->is_tls ? hello_complete((size_t)n) : request_complete(g, peeked + seen, (size_t)n - seen);
    count(g, 1);
    if (done || (size_t)n == sizeof(peeked)) {
        make_ready(g, 0);
        return;
    }
    wait_on(g);
}

/* ---- doors -------------------------------------------------------------- */

static void watch_doors(int on)
{
    unsigned i;

    if (on == l.doors_watched || (on && !l.doors_open)) {
        return;
    }
    for (i = 0; i < l.door_count; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l.doors[i] };

        epoll_ctl(l.epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l.doors[i].fd, &ev);
    }
    l.doors_watched = on;
    shared_set(child.stats->not_accepting, !on);
}

/* Said once a second at most. */
static void say_dropped(void)
{
    apr_time_t now = child_now();

    l.dropped++;
    if (now - l.drop_logged < LOG_INTERVAL) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "the lobby is at its limit of %d connections: dropped %u that had not sent a "
                 "whole request, to make room for new ones. Raise MPMMaxConnections or the "
                 "limit on open files", l.limit, l.dropped);
    l.drop_logged = now;
    l.dropped = 0;
}

static void let_in(door_t *door, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
    guest_t *g;

    if (l.guests >= l.limit && l.oldest != NULL) {
        guest_t *first = l.oldest;

        take_out(first);
        dismiss(first);
        shared_add(child.stats->shed, 1);
        say_dropped();
    }
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        close(fd);
        return;
    }
    l.guests++;
    g->fd = fd;
    g->is_tls = (unsigned char)door->is_tls;
    head_scan_init(&g->scan, &l.limits);
    reqtimeout_begin_head(&g->budget, ap_server_conf, child_now());
    link_guest(g);
    count(g, 1);
    ev.data.ptr = g;
    if (!door->async_ok || epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        make_ready(g, 0);
        return;
    }
    wait_on(g);
    look(g);
}

static void open_door(door_t *door)
{
    int i;

    for (i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            shared_add(child.stats->accepted, 1);
            let_in(door, fd);
            continue;
        }
        if (shortage_is(errno)) {
            shortage_of(errno, "accept connections, which wait in the kernel's queue,");
            watch_doors(0);
            l.doors_again = child_now() + SHORTAGE_PAUSE;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void close_doors(void)
{
    if (l.doors_open) {
        watch_doors(0);
        l.doors_open = 0;
        ap_close_listeners();
    }
}

/* ---- setting up --------------------------------------------------------- */

static void add_door(ap_listen_rec *lr)
{
    door_t *door = &l.doors[l.door_count++];
    apr_os_sock_t fd;

    apr_socket_opt_set(lr->sd, APR_SO_NONBLOCK, 1);
    apr_os_sock_get(&fd, lr->sd);
    door->fd = fd;
    door->is_tls = lr->protocol != NULL && ap_cstr_casecmp(lr->protocol, "https") == 0;
    door->async_ok = accept_speaks_http(lr) && server_async_head(ap_server_conf);
}

static void set_up_doors(void)
{
    ap_listen_rec *lr;
    unsigned n = 0;
    int b;

    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = accept_buckets[b]; lr != NULL; lr = lr->next) {
            n++;
        }
    }
    l.doors = apr_pcalloc(child.pool, sizeof(*l.doors) * (n + 1));
    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = accept_buckets[b]; lr != NULL; lr = lr->next) {
            add_door(lr);
        }
    }
    l.doors_open = 1;
    watch_doors(1);
}

static void set_up(const lane_t *lane)
{
    const core_server_config *core = ap_get_core_module_config(ap_server_conf->module_config);
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &for_control };
    struct rlimit lim;

    child.lane = lane;
    child.slot = child.number = lane_attic(lane);
    child.stats = &hybrid_retained->shared->process[lane_attic(lane)];
    shared_begin(hybrid_retained->shared, lane_attic(lane), hybrid_retained->mpm->my_generation);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(AP_SIG_GRACEFUL, SIG_IGN);
    signal(AP_SIG_GRACEFUL_STOP, SIG_IGN);
    apr_pool_create(&child.pool, hybrid_pconf);
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        exit(hybrid_exit_code());
    }
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    l.limit = lane_connections_per_process(lane) - RESERVED_FDS;
    head_limits_httpd(&l.limits, ap_server_conf->limit_req_line, ap_server_conf->limit_req_fieldsize,
                      ap_server_conf->limit_req_fields, PEEK_SIZE,
                      core->http_conformance != AP_HTTP_CONFORMANCE_UNSAFE);
    timeouts_init(&l.timeouts);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l.epoll_fd < 0 || epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, l.control_fd, &ev) != 0) {
        exit(APEXIT_CHILDSICK);
    }
    shared_set(child.stats->pid, (int)getpid());
    set_up_doors();
}

/* ---- running ------------------------------------------------------------ */

static void read_control(void)
{
    procs_message_t message;
    ssize_t n = recv(l.control_fd, &message, sizeof(message), MSG_DONTWAIT);

    if (n < 0) {
        return;
    }
    if (n == sizeof(message) && message.what == PROCS_TELL_NOW) {
        exit(0);
    }
    if (n == 0) {
        epoll_ctl(l.epoll_fd, EPOLL_CTL_DEL, l.control_fd, NULL);
    }
    if (n == sizeof(message) && message.what == PROCS_TELL_LAST) {
        unsigned i;

        /* New ones are refused by now: take those that wait in the kernel's queue. */
        apr_sleep(apr_time_from_msec(100));
        for (i = 0; i < l.door_count; i++) {
            open_door(&l.doors[i]);
        }
    }
    l.ending = 1;
    shared_set(child.stats->quiescing, 1);
    close_doors();
}

/* How long (ms) nothing needs to be done. */
static int patience(apr_time_t now)
{
    int64_t left = timeouts_wait(&l.timeouts, now);

    if (l.doors_again != 0 && l.doors_again - now < left) {
        left = l.doors_again > now ? l.doors_again - now : 0;
    }
    if (atomic_load(&hybrid_retained->shared->server->queued) > 0 && left > 10000) {
        left = 10000;
    }
    return left > 1000000 ? 1000 : (int)((left + 999) / 1000);
}

static void serve_deadlines(void)
{
    apr_time_t now = child_now();
    timeouts_entry_t *e;

    while ((e = timeouts_pop_expired(&l.timeouts, now)) != NULL) {
        make_ready((guest_t *)e, 1);
    }
    if (l.doors_again != 0 && l.doors_again <= now) {
        l.doors_again = 0;
        watch_doors(1);
    }
    if (atomic_load(&hybrid_retained->shared->server->queued) > 0) {
        ask_for_help();
    }
}

static int is_door(const void *p)
{
    return (const door_t *)p >= l.doors && (const door_t *)p < l.doors + l.door_count;
}

void lobby_main(const lane_t *lane, int control_fd, int help_fd, int queue_fd)
{
    l.control_fd = control_fd;
    l.help_fd = help_fd;
    l.queue_fd = queue_fd;
    set_up(lane);
    while (!l.ending || l.guests > 0) {
        struct epoll_event events[BATCH];
        int i, n = epoll_wait(l.epoll_fd, events, BATCH, patience(child_now()));

        /* Guests first: opening a door may make room by dismissing one of them. */
        for (i = 0; i < n; i++) {
            void *who = events[i].data.ptr;

            if (who != &for_control && who != &for_queue && !is_door(who)) {
                look(who);
            }
        }
        for (i = 0; i < n; i++) {
            if (is_door(events[i].data.ptr) && l.doors_open) {
                open_door(events[i].data.ptr);
            }
            else if (events[i].data.ptr == &for_control) {
                read_control();
            }
        }
        serve_deadlines();
        pass_on();
    }
    exit(0);
}
