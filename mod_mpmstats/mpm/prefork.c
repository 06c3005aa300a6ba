/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prefork child. There is no other thread in the process, so signals do
 * what the ticker does elsewhere: SIGUSR1 says that the child is to finish (answers
 * say "Connection: close" from then on), SIGTERM cuts the connection; a second
 * SIGTERM ends a request that does not notice.
 */
#include "mpm/prefork.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_vhost.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "mpm/accept.h"
#include "mpm/child.h"
#include "mpm/conn.h"
#include "mpm/crash.h"
#include "mpm/handoff.h"
#include "mpm/hybrid.h"
#include "mpm/inbound.h"
#include "mpm/memory.h"
#include "mpm/procs.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

/* How long it may take until a child that waits notices that its parent is gone. */
#define PARENT_LOOK_MS 1000

enum { RUN, RETIRE, FINISH, NOW };

/* The only thread's. */
static int control_fd, help_fd, queue_fd;
static pid_t parent_pid;
static int ending = RUN;
static ap_sb_handle_t *sbh;
static conn_t conn;                     /* the one connection */

/* Written by signal handlers too. */
static volatile sig_atomic_t terms;
static volatile sig_atomic_t current_fd = -1;

static void end(int code) __attribute__((noreturn));
static void end(int code)
{
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    ap_run_child_stopping(child.pool, ending != NOW);
    apr_pool_destroy(child.pool);
    if (hybrid_one_process) {
        procs_note_one_process_end();
    }
    exit(code);
}

static void on_term(int sig)
{
    (void)sig;
    if (++terms > 1) {
        _exit(0);
    }
    if (current_fd >= 0) {
        shutdown(current_fd, SHUT_RDWR);
    }
}

static void on_finish(int sig)
{
    (void)sig;
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
}

static void set_signals(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_flags = SA_RESTART;
    sa.sa_handler = on_finish;
    sigaction(AP_SIG_GRACEFUL, &sa, NULL);
    sa.sa_flags = 0;
    sa.sa_handler = on_term;
    sigaction(SIGTERM, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    if (hybrid_one_process) {
        sa.sa_handler = on_term;
        sigaction(SIGINT, &sa, NULL);
        sigaction(AP_SIG_GRACEFUL_STOP, &sa, NULL);
    }
}

static void set_up(const lane_t *lane, int slot)
{
    apr_thread_t *self = NULL;

    hybrid_retained->mpm->mpm_state = AP_MPMQ_STARTING;
    child.lane = lane;
    child.number = child.slot = slot;
    child.stats = &hybrid_retained->shared->process[slot];
    child.score = &ap_scoreboard_image->parent[slot];
    parent_pid = getppid();
    ap_fatal_signal_child_setup(ap_server_conf);
    crash_child_setup();
    crash_this_is_worker(0);
    apr_pool_create(&child.pool, hybrid_pconf);
    apr_pool_tag(child.pool, "pchild");
    if (!hybrid_one_process && ap_thread_main_create(&self, child.pool) != APR_SUCCESS) {
        exit(hybrid_exit_code());
    }
    ap_reopen_scoreboard(child.pool, NULL, 0);
    set_signals();
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        exit(hybrid_exit_code());
    }
    ap_run_child_init(child.pool, ap_server_conf);
    conn_child_init(child.pool);
    ap_create_sb_handle(&sbh, child.pool, slot, 0);
    ap_scoreboard_image->servers[slot][0].pid = getpid();
    ap_update_child_status(sbh, SERVER_STARTING, NULL);
    shared_set(child.stats->workers, 1);
    hybrid_retained->mpm->mpm_state = AP_MPMQ_RUNNING;
}

/* ---- one connection ----------------------------------------------------- */

/* The lobby's patience is over: serve what is there, and then the time-out. */
static void take_overdue(conn_t *k)
{
    inbound_prepare(k);
    if (inbound_advance(k) != INBOUND_READY) {
        inbound_give_up(k, APR_TIMEUP);
    }
    inbound_dispatched(k);
}

static void process(conn_rec *c, apr_socket_t *sock, const handoff_t *what)
{
    int rc;

    ap_update_vhost_given_ip(c);
    if (what->overdue) {
        inbound_attach(&conn);
    }
    rc = ap_pre_connection(c, sock);
    if (rc != OK && rc != DONE) {
        c->aborted = 1;
        return;
    }
    if (what->overdue) {
        take_overdue(&conn);
    }
    ap_run_process_connection(c);
}

/* Takes @a pool. */
static void serve(apr_pool_t *pool, apr_socket_t *sock, int fd, const handoff_t *what)
{
    conn_rec *c;
    long id = child.number;

    memset(&conn, 0, sizeof(conn));
    conn.pool = pool;
    conn.sock = sock;
    conn.fd = fd;
    conn.sbh = sbh;
    conn.pub.state = HYBRID_STATE_PROCESSING;
    shared_set(child.stats->workers_busy, 1);
    shared_set(child.stats->workers_peak, 1);
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 1);
    shared_add(child.stats->accepted, 1);
    shared_add(child.stats->dispatched, 1);
    current_fd = fd;
    c = ap_run_create_connection(pool, ap_server_conf, sock, id, sbh,
                                 apr_bucket_alloc_create(pool));
    if (c != NULL) {
        conn.c = c;
        c->cs = &conn.pub;
        c->current_thread = ap_thread_current();
        ap_set_module_config(c->conn_config, &mpm_hybrid_module, &conn);
        process(c, sock, what);
        ap_lingering_close(c);
    }
    current_fd = -1;
    apr_pool_destroy(pool);
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 0);
    shared_set(child.stats->workers_busy, 0);
}

static void serve_handed_over(int fd, const handoff_t *what)
{
    apr_os_sock_info_t info;
    struct sockaddr_storage local, remote;
    socklen_t local_len = sizeof(local), remote_len = sizeof(remote);
    apr_socket_t *sock;
    apr_pool_t *pool;

    if (getsockname(fd, (struct sockaddr *)&local, &local_len) != 0
        || getpeername(fd, (struct sockaddr *)&remote, &remote_len) != 0
        || conn_pool_create(&pool) != APR_SUCCESS) {
        close(fd);                      /* the client is gone already */
        return;
    }
    memset(&info, 0, sizeof(info));
    info.os_sock = &fd;
    info.type = SOCK_STREAM;
    info.protocol = APR_PROTO_TCP;
    info.family = local.ss_family;
    info.local = (struct sockaddr *)&local;
    info.remote = (struct sockaddr *)&remote;
    if (apr_os_sock_make(&sock, &info, pool) != APR_SUCCESS) {
        close(fd);
        apr_pool_destroy(pool);
        return;
    }
    serve(pool, sock, fd, what);
}

/* ---- waiting ------------------------------------------------------------ */

static void read_control(void)
{
    procs_message_t message;
    ssize_t n = recv(control_fd, &message, sizeof(message), MSG_DONTWAIT);

    if (n == 0) {
        ending = FINISH;
        close(control_fd);
        control_fd = -1;
    }
    else if (n == sizeof(message)) {
        switch (message.what) {
        case PROCS_TELL_NOW:
            ending = NOW;
            break;
        case PROCS_TELL_GRACEFUL:
            ending = RETIRE;
            break;
        case PROCS_TELL_FINISH:
        case PROCS_TELL_LAST:
            ending = FINISH;
            break;
        case PROCS_TELL_MOVE:
            child.slot = lane_attic(child.lane);
            ap_update_sb_handle(sbh, child.slot, 0);
            if (write(control_fd, "", 1) < 0) {
                /* The parent is gone; so is its wish. */
            }
            break;
        }
    }
    if (ending != RUN) {
        hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
        child.score->quiescing = 1;
        shared_set(child.stats->quiescing, 1);
    }
}

static int over(void)
{
    apr_uint64_t limit = (apr_uint64_t)ap_max_requests_per_child;

    if (terms > 0) {
        ending = NOW;
    }
    if (limit > 0 && shared_get(child.stats->accepted) >= limit && ending == RUN) {
        ending = RETIRE;
    }
    memory_look(child_now());
    if (atomic_load(&child.stopping) != CHILD_RUNNING && ending == RUN) {
        ending = RETIRE;
    }
    return ending == RETIRE || ending == NOW;
}

/* One connection from the lobby. Zero at the end of its queue. */
static int take_one(void)
{
    handoff_t what;
    int fd = handoff_receive(queue_fd, &what);

    if (fd == -2) {
        return 0;
    }
    if (fd >= 0) {
        atomic_fetch_sub(&hybrid_retained->shared->server->queued, 1);
        serve_handed_over(fd, &what);
    }
    return 1;
}

static void add_to_epoll(int epoll, int fd, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.fd = fd };

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        exit(APEXIT_CHILDSICK);
    }
}

static void serve_lobby(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0) {
        exit(APEXIT_CHILDSICK);
    }
    add_to_epoll(epoll, queue_fd, EPOLLIN | EPOLLEXCLUSIVE);
    add_to_epoll(epoll, control_fd, EPOLLIN);
    while (!over()) {
        struct epoll_event ev;
        int n;

        ap_update_child_status(sbh, ending == RUN ? SERVER_READY : SERVER_GRACEFUL, NULL);
        n = epoll_wait(epoll, &ev, 1, PARENT_LOOK_MS);
        if (getppid() != parent_pid && ending == RUN) {
            ending = FINISH;
        }
        if (n == 1 && ev.data.fd == control_fd) {
            read_control();
        }
        else if (n == 1 && !take_one()) {
            return;
        }
    }
}

/* ---- -X: no lobby ------------------------------------------------------- */

static void accept_one(ap_listen_rec *lr)
{
    static const handoff_t nothing;
    apr_pool_t *pool;
    apr_os_sock_t fd;
    void *sock = NULL;

    if (conn_pool_create(&pool) != APR_SUCCESS) {
        return;
    }
    if (lr->accept_func(&sock, lr, pool) != APR_SUCCESS || sock == NULL) {
        apr_pool_destroy(pool);
        return;
    }
    apr_os_sock_get(&fd, sock);
    serve(pool, sock, fd, &nothing);
}

static void serve_listeners(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    ap_listen_rec *lr;

    for (lr = ap_listeners; lr != NULL; lr = lr->next) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = lr };
        apr_os_sock_t fd;

        lr->accept_func = ap_unixd_accept;
        apr_socket_opt_set(lr->sd, APR_SO_NONBLOCK, 1);
        apr_os_sock_get(&fd, lr->sd);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
    }
    while (!over()) {
        struct epoll_event ev;

        ap_update_child_status(sbh, SERVER_READY, NULL);
        if (epoll_wait(epoll, &ev, 1, PARENT_LOOK_MS) == 1) {
            accept_one(ev.data.ptr);
        }
    }
}

void prefork_child_main(const lane_t *lane, int slot, int control, int help, int queue)
{
    control_fd = control;
    help_fd = help;
    queue_fd = queue;
    set_up(lane, slot);
    if (queue_fd >= 0) {
        /* Only the lobby accepts. */
        ap_close_listeners();
        serve_lobby();
    }
    else {
        serve_listeners();
    }
    child.score->quiescing = 1;
    shared_set(child.stats->quiescing, 1);
    if (help_fd >= 0 && write(help_fd, "!", 1) < 0) {
        /* It will notice. */
    }
    end(0);
}
