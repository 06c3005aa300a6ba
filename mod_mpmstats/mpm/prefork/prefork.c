/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prefork child. There is no other thread in the process, so signals do
 * what the ticker does elsewhere: SIGUSR1 says that there is mail from the
 * parent, also in the middle of a request; SIGTERM cuts the connection; a second
 * SIGTERM ends a request that does not notice.
 *
 * Every child has the listening sockets and the lobby's queue in its epoll, and takes one thing
 * at a time. It looks whether the first request is whole before it begins to run the
 * connection; otherwise the lobby gets it, or, where TLS makes that impossible, it is held in
 * our own epoll (held.h). A told child leaves the doors at once, serves what
 * the lobby still passes on, and goes at the end of that queue.
 */
#include "mpm/prefork/prefork.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_vhost.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/child.h"
#include "mpm/conn/conn.h"
#include "mpm/process/crash.h"
#include "mpm/process/doors.h"
#include "mpm/process/handover.h"
#include "mpm/prefork/held.h"
#include "mpm/module.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/linger.h"
#include "mpm/process/memory.h"
#include "mpm/prefork/peek.h"
#include "mpm/conn/pools.h"
#include "mpm/parent/procs.h"
#include "mpm/server.h"
#include "mpm/process/shortage.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

/*
 * How long it may take until a child that waits notices that its parent is gone, or that a
 * connection waits at a door.
 */
#define PARENT_LOOK_MS 1000

/* What epoll has refused to watch it is asked to watch again after so long. */
#define WATCH_PAUSE_MS 50

/* Who holds a connection takes others when nobody was idle so many times. */
#define LOOKS_FOR_IDLE 4

/* So long a child waits itself for the client to close, as long as there is nothing else to do. */
#define LINGER_HERE_MS 50

/* Without descriptors or memory there is no use in trying again at once. */
#define SHORTAGE_PAUSE apr_time_from_msec(100)

enum { RUN, RETIRE, FINISH, NOW };

/* The only thread's. */
static int epoll_fd = -1, help_fd;
static pid_t parent_pid;
/* from the parent; NULL: nobody is there who could say anything */
static shared_mail_t *mail;
static unsigned served;
static ap_sb_handle_t *sbh;
static conn_t conn;     /* the one connection, but for those that may be held */
static int queue_ended; /* nothing more comes from the lobby */
static int unwatched;   /* epoll has refused a door or the queue */
static unsigned door_count;
static handoff_pairs_t pairs;

/*
 * Signal handlers write these too. While a connection runs on_told() does at once what the parent
 * says.
 */
static volatile sig_atomic_t wake_fd = -1;
static volatile apr_uint32_t mails_read;
static volatile sig_atomic_t ending = RUN;
static volatile sig_atomic_t terms;
static volatile sig_atomic_t current_fd = -1;
static volatile sig_atomic_t running, told;
static volatile sig_atomic_t orphaned; /* the parent is gone, and that is to be logged */
static volatile sig_atomic_t idle;     /* counted among those that wait */
static door_t *doors;

/* What an epoll event is for, when it is not for a door or for a connection that is held. */
static char for_control, for_queue, for_passed_on;

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

/* So that epoll_wait() ends, or does not begin to wait. */
static void wake(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0) {
        /* It is awake already. */
    }
}

static void on_term(int sig)
{
    int err = errno;

    (void)sig;
    if (++terms > 1) {
        _exit(0);
    }
    atomic_store(&child.stopping, CHILD_NOW);
    wake();
    if (current_fd >= 0) {
        shutdown(current_fd, SHUT_RDWR);
    }
    errno = err;
}

int prefork_is_cut(void)
{
    return terms > 0;
}

/* ---- busy or not -------------------------------------------------------- */

/*
 * Whoever holds a connection is not counted as idle: as long as there may be more processes, each
 * such connection has one.
 */
static void be_idle(void)
{
    shared_note_since(child.slot, 0, 0);
    if (held_count() > 0 || handover_state() != HANDOVER_OFF) {
        shared_set(child.stats->workers_busy, held_count() > 0);
        return;
    }
    shared_set(child.stats->workers_busy, 0);
    if (!idle && ending == RUN) {
        idle = 1;
        atomic_fetch_add(&hybrid_retained->shared->server->idle, 1);
    }
}

/* Nonzero if nobody waits any longer. */
static int leave_idle(void)
{
    if (!idle) {
        return 0;
    }
    idle = 0;
    return atomic_fetch_sub(&hybrid_retained->shared->server->idle, 1) <= 1;
}

static void be_busy(void)
{
    shared_set(child.stats->workers_busy, 1);
    if (leave_idle() && help_fd >= 0 && write(help_fd, "!", 1) < 0) {
        /* It has more of these than it can read. */
    }
}

/* ---- what the parent says (signal handlers come here too) ---------------- */

/*
 * The sockets are the other processes' too: they stay in our epoll unless they are taken out. Their
 * numbers belong to APR, which closes them by its cleanups, also in the process of a program that
 * is about to run: they must not become free, and a signal handler cannot run a cleanup. So each
 * number refers to something harmless from now on.
 */
static void leave_doors(void)
{
    unsigned i;

    for (i = 0; i < door_count; i++) {
        if (doors[i].fd >= 0) {
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, doors[i].fd, NULL);
            dup3(epoll_fd, doors[i].fd, O_CLOEXEC);
            doors[i].fd = -1;
        }
    }
    if (pairs.waiting[1] >= 0) {
        int fd = pairs.waiting[1];

        pairs.waiting[1] = -1; /* before: a signal may come in between */
        close(fd);
    }
}

/*
 * The kernel may have woken us, and nobody else, for a connection at the door: it must not stay
 * there.
 */
static void clear_doors(void)
{
    unsigned i;

    for (i = 0; i < door_count && pairs.waiting[1] >= 0; i++) {
        handoff_t what = { .is_tls = doors[i].is_tls, .at_once = !doors[i].looks };
        int fd = doors[i].fd < 0 ? -1
                                 : accept4(doors[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            (void)handoff_send(pairs.waiting[1], fd, &what);
            close(fd);
        }
    }
}

static void stand_aside(void);

/* A restart begins: leave what comes to the next generation. What is being run goes on. */
static void hold_back(void)
{
    if (ending == RUN && handover_state() == HANDOVER_OFF) {
        handover_hold();
        (void)leave_idle();
        stand_aside();
        atomic_store(&child.stats->holding, 1); /* after the state: shared_note_since() */
    }
}

/* There is no next generation yet; the loop watches the doors again. */
static void go_on(void)
{
    if (handover_state() == HANDOVER_HOLD) {
        handover_go_on();
        shared_set(child.stats->holding, 0);
    }
}

static void begin_end(int how)
{
    if (how > ending) {
        ending = how;
    }
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    (void)leave_idle();
    if (!running && handover_state() != HANDOVER_GIVE) {
        clear_doors();
    }
    leave_doors();
    child.score->quiescing = 1;
    shared_set(child.stats->quiescing, 1);
}

static void move_stats(shared_process_t *to)
{
    const shared_process_t *from = child.stats;
    int i;

    shared_set(to->generation, shared_get(from->generation));
    shared_set(to->quiescing, 1);
    shared_set(to->started, shared_get(from->started));
    shared_set(to->workers, 1);
    shared_set(to->workers_busy, shared_get(from->workers_busy));
    shared_set(to->workers_peak, shared_get(from->workers_peak));
    shared_set(to->accepted, shared_get(from->accepted));
    shared_set(to->dispatched, shared_get(from->dispatched));
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        shared_set(to->connections[i], shared_get(from->connections[i]));
    }
    child.stats = to;
    shared_set(to->pid, (int)getpid());
}

static void give_up_slot(unsigned extra)
{
    static process_score nowhere; /* httpd's scoreboard shows us no longer */

    if (extra < (unsigned)hybrid_retained->shared->slots
        && child.stats != &hybrid_retained->shared->process[extra]) {
        move_stats(&hybrid_retained->shared->process[extra]);
    }
    child.score = &nowhere;
    child.slot = lane_attic(child.lane);
    ap_update_sb_handle(sbh, child.slot, 0);
    shared_set(mail->moved, 1);
}

static void obey(unsigned what, unsigned extra)
{
    if (what == PROCS_TELL_MOVE) {
        give_up_slot(extra);
    }
    else if (what == PROCS_TELL_HOLD) {
        hold_back();
    }
    else if (what == PROCS_TELL_GO_ON) {
        go_on();
    }
    else {
        if (what == PROCS_TELL_FINISH) {
            handover_give();
        }
        else {
            go_on();
        }
        if (what == PROCS_TELL_LAST) {
            handover_keep();
        }
        begin_end(what == PROCS_TELL_NOW ? NOW : what == PROCS_TELL_GRACEFUL ? RETIRE : FINISH);
    }
}

/* The kernel sends us the signal that says there is mail when the parent has gone, too. */
static void look_for_parent(void)
{
    if (mail == NULL || getppid() == parent_pid) {
        return;
    }
    handover_keep();
    if (ending == RUN) {
        orphaned = 1;
        go_on();
        begin_end(FINISH);
    }
    if (orphaned && !running) { /* a signal handler cannot write to the log */
        orphaned = 0;
        child_orphaned(parent_pid);
    }
}

static void read_mail(void)
{
    apr_uint32_t written;
    int n;

    /* No more than there can be: another child may write there without end. */
    for (n = 0; mail != NULL && n < SHARED_MAIL_ROOM
         && (written = atomic_load(&mail->written)) != mails_read;
         n++) {
        apr_uint32_t message;

        if (written - mails_read > SHARED_MAIL_ROOM) {
            mails_read = written - SHARED_MAIL_ROOM;
        }
        message = shared_get(mail->message[mails_read++ % SHARED_MAIL_ROOM]);
        obey(message % 256, message / 256);
    }
    look_for_parent();
}

/* A signal handler that interrupts it leaves the mail to it. */
static void read_control(void)
{
    static volatile sig_atomic_t reading;

    if (reading) {
        told = 1;
        return;
    }
    do {
        told = 0;
        reading = 1;
        read_mail();
        reading = 0;
    } while (told);
}

static void on_told(int sig)
{
    int err = errno;

    (void)sig;
    told = 1;
    if (running) {
        read_control();
    }
    else {
        wake();
    }
    errno = err;
}

/* In -X there is nobody who could say more than the signal. */
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
    sa.sa_handler = hybrid_one_process ? on_finish : on_told;
    sigaction(AP_SIG_GRACEFUL, &sa, NULL);
    sa.sa_flags = 0;
    sa.sa_handler = on_term;
    sigaction(SIGTERM, &sa, NULL);
    if (hybrid_one_process) {
        sigaction(SIGINT, &sa, NULL);
        sigaction(AP_SIG_GRACEFUL_STOP, &sa, NULL);
    }
    else {
        /* of a terminal, for the whole group: the parent tells what follows from it */
        signal(SIGINT, SIG_IGN);
    }
}

static void set_up(const lane_t *lane, int slot)
{
    apr_thread_t *self = NULL;
    apr_time_t begun = child_now();

    hybrid_retained->mpm->mpm_state = AP_MPMQ_STARTING;
    child.lane = lane;
    child.slot = slot;
    child.stats = &hybrid_retained->shared->process[slot];
    child.score = &ap_scoreboard_image->parent[slot];
    parent_pid = procs_parent();
    ap_fatal_signal_child_setup(ap_server_conf);
    crash_child_setup();
    crash_this_is_worker(0);
    apr_pool_create(&child.pool, hybrid_pconf);
    apr_pool_tag(child.pool, "pchild");
    if (!hybrid_one_process && ap_thread_main_create(&self, child.pool) != APR_SUCCESS) {
        exit(hybrid_exit_code());
    }
    ap_reopen_scoreboard(child.pool, NULL, 0);
    ap_create_sb_handle(&sbh, child.pool, slot, 0);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_fd < 0 || wake_fd < 0) {
        exit(APEXIT_CHILDSICK);
    }
    doors = doors_list(child.pool, &door_count);
    set_signals();
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        exit(hybrid_exit_code());
    }
    /*
     * After the change of user, which would undo it: who is in a request has to hear of that too.
     */
    if (!hybrid_one_process) {
        prctl(PR_SET_PDEATHSIG, AP_SIG_GRACEFUL);
    }
    ap_run_child_init(child.pool, ap_server_conf);
    pools_child_init(child.pool, 1);
    conn_child_init();
    handover_child_init();
    peek_set_up();
    ap_scoreboard_image->servers[slot][0].pid = getpid();
    ap_update_child_status(sbh, SERVER_STARTING, NULL);
    shared_set(child.stats->start_us, (apr_uint32_t)(child_now() - begun));
    shared_set(child.stats->workers, 1);
    if (ending == RUN) {
        hybrid_retained->mpm->mpm_state = AP_MPMQ_RUNNING;
    }
}

/* ---- one connection ----------------------------------------------------- */

/* The lobby's patience is over: serve what is there, and then the time-out. */
static void take_overdue(conn_t *k, int over_budget)
{
    if (inbound_advance(k) == INBOUND_READY) {
        return;
    }
    k->end = inbound_kind(k) == MPM_HYBRID_CONN_BODY ? MPM_HYBRID_END_BODY_TIMEOUT
                                                     : MPM_HYBRID_END_HEAD_TIMEOUT;
    if (over_budget) {
        inbound_over_budget(k);
    }
    else {
        inbound_give_up(k, APR_TIMEUP);
    }
}

static int may_be_held(const conn_t *k, const handoff_t *what)
{
    return what->is_tls && !what->at_once && server_async_head(k->c->base_server);
}

/* Zero if a module does not want it. */
static int prepare(conn_t *k, const handoff_t *what)
{
    int rc;

    ap_update_vhost_given_ip(k->c);
    k->timeout = k->c->base_server->timeout;
    if (what->overdue || may_be_held(k, what)) {
        inbound_attach(k);
    }
    rc = ap_pre_connection(k->c, k->sock);
    if (rc != OK && rc != DONE) {
        k->c->aborted = 1;
        return 0;
    }
    if (k->inbound != NULL) {
        inbound_prepare(k);
    }
    return 1;
}

static void process(conn_t *k)
{
    if (k->inbound != NULL) {
        inbound_dispatched(k);
    }
    conn_runs_here(k);
    ap_run_process_connection(k->c);
    conn_runs_here(NULL);
}

/* ---- its end ------------------------------------------------------------- */

/* Nonzero once the client has closed, or the connection is broken. */
static int drained(int fd)
{
    char buf[4096];
    ssize_t n;

    do {
        n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    } while (n > 0 || (n < 0 && errno == EINTR && terms == 0));
    return n == 0 || errno != EAGAIN;
}

/* Where the lobby cannot: as httpd does it. */
static void linger_to_the_end(int fd, apr_interval_time_t time)
{
    apr_time_t until = child_now() + time;

    while (!drained(fd) && terms == 0) {
        struct pollfd one = { .fd = fd, .events = POLLIN };
        apr_interval_time_t left = until - child_now();

        if (left <= 0 || poll(&one, 1, (int)(left / 1000) + 1) == 0) {
            return;
        }
    }
}

/*
 * Our side is shut: the client has to see the whole answer before the socket goes. Most close at
 * once.
 */
static void linger(int fd, int is_short)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = epoll_fd, .events = POLLIN } };
    handoff_t what;

    if (drained(fd)) {
        return;
    }
    while (poll(fds, 2, LINGER_HERE_MS) > 0 && fds[1].revents == 0) {
        if (drained(fd)) {
            return;
        }
    }
    is_short = is_short || ending != RUN;
    what = (handoff_t){ .is_short = is_short != 0 };
    if (terms == 0 && handoff_send(pairs.lingering[1], fd, &what) != 0) {
        linger_to_the_end(fd, is_short ? LINGER_SHORT_TIME : LINGER_NORMAL_TIME);
    }
}

static void close_connection(conn_t *k)
{
    conn_rec *c = k->c;

    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, c, "to be closed%s",
                  k->passed_on ? ", another process has it" : "");
    if (k->passed_on) {
        c->aborted = 1; /* another process has it: no word to the client */
        current_fd = -1;
        apr_socket_close(k->sock);
        return;
    }
    if (ap_get_conn_socket(c) == NULL) {
        c->aborted = 1; /* a module has taken it away */
        return;
    }
    if (!ap_start_lingering_close(c)) {
        shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 0);
        shared_set(child.stats->connections[MPM_HYBRID_CONN_LINGER], 1);
        be_idle();
        linger(k->fd, ending != RUN || apr_table_get(c->notes, "short-lingering-close") != NULL);
        shared_set(child.stats->connections[MPM_HYBRID_CONN_LINGER], 0);
    }
    current_fd = -1;
    apr_socket_close(k->sock);
}

static void begin_run(int fd)
{
    be_busy();
    shared_note_since(child.slot, 0, child_now()); /* before what the parent says is read */
    shared_set(child.stats->workers_peak, 1);
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 1);
    current_fd = fd;
    running = 1;
    if (told) { /* since epoll_wait() */
        told = 0;
        read_control();
    }
}

static void end_run(void)
{
    current_fd = -1;
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 0);
    running = 0;
    if (orphaned) {
        look_for_parent();
    }
    be_idle();
}

/*
 * From its first request to its end; the connection is prepared. Between begin_run() and end_run().
 */
static void run(conn_t *k)
{
    shared_add(child.stats->dispatched, 1);
    k->times.dispatched_us = child_now();
    k->is_last_request = held_count() > 0;
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "this process runs it%s",
                  k->end == MPM_HYBRID_END_HEAD_TIMEOUT ? ", its time is up" : "");
    process(k);
    close_connection(k);
}

/* Back into a queue of those who are told, at its end. What is there we are told at once. */
static void watch_anew(int fd, void *who)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = who };

    if (fd < 0) {
        return;
    }
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        unwatched = 1;
        shortage_of(errno, "watch a listening socket");
    }
}

/*
 * Who holds a connection cannot go on with it while it runs another one: the others are to be told
 * of new work first.
 */
static void go_last(void)
{
    unsigned i;

    unwatched = 0;
    for (i = 0; i < door_count; i++) {
        watch_anew(doors[i].fd, &doors[i]);
    }
    if (!queue_ended) {
        watch_anew(pairs.ready[0], &for_queue);
    }
    watch_anew(ending == RUN ? handover_fd() : -1, &for_passed_on);
}

/* While others are idle they take what comes; look_at_doors() comes back when nobody is. */
static void stand_aside(void)
{
    unsigned i;

    for (i = 0; i < door_count; i++) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, doors[i].fd, NULL);
    }
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, pairs.ready[0], NULL);
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, handover_fd(), NULL);
    unwatched = 1;
}

static void close_dropped(conn_t *k)
{
    if (k != NULL) {
        apr_socket_close(k->sock);
        pools_put(k->pool);
    }
}

/* Nonzero if its client has to be waited for, and the connection is held until then. */
static int hold(conn_t *k)
{
    if (k->inbound == NULL || held_is_ready(k)) {
        return 0;
    }
    close_dropped(held_to_drop());
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "waits in the TLS handshake or a head");
    return held_keep(k);
}

/* Of TLS no more was seen than that it began. The requests after the first are httpd's to read. */
static void take_times(mpm_hybrid_times_t *times, const handoff_t *what)
{
    if (what->is_tls) {
        times->handshake_begin_us = what->first_us;
        return;
    }
    times->first_byte_us = what->first_us;
    times->head_us = what->whole_us;
}

/* Unique among the connections of this server at one time: this child may hold others. */
static long conn_id(void)
{
    static long held;

    held = held_count() > 0 ? held + 1 : 0;
    return held * CHILD_NUMBERS(child.lane) + child.number;
}

/* The lobby does not note when the request line was whole; that is soon after its first byte. */
static void take_date(conn_t *k, const handoff_t *what)
{
    k->line_us = what->is_tls ? 0 : what->first_us;
}

/* Takes @a pool. */
static void serve(apr_pool_t *pool, apr_socket_t *sock, int fd, const handoff_t *what)
{
    conn_t *k = what->is_tls ? apr_palloc(pool, sizeof(*k)) : &conn;
    int is_held = 0;

    memset(k, 0, sizeof(*k));
    k->pool = pool;
    k->sock = sock;
    k->fd = fd;
    k->sbh = sbh;
    k->pub.state = HYBRID_STATE_PROCESSING;
    k->timeout = ap_server_conf->timeout;
    k->keepalive_timeout = ap_server_conf->keep_alive_timeout;
    k->times.slot = &child.slot;
    take_times(&k->times, what);
    take_date(k, what);
    served++;
    begin_run(fd);
    k->c = ap_run_create_connection(pool, ap_server_conf, sock, conn_id(), sbh,
                                    apr_bucket_alloc_create(pool));
    if (k->c != NULL) {
        k->c->cs = &k->pub;
        k->c->keepalives = what->keepalives;
        k->c->current_thread = ap_thread_current();
        ap_set_module_config(k->c->conn_config, &mpm_hybrid_module, k);
        if (!prepare(k, what)) {
            close_connection(k);
        }
        else if (what->overdue) {
            take_overdue(k, what->over_budget);
            if (k->line_us != 0) {
                take_date(k, what);
            }
            run(k);
        }
        else if (!(is_held = hold(k))) {
            run(k);
        }
    }
    if (!is_held) {
        pools_put(pool);
    }
    end_run();
    if (is_held) {
        stand_aside();
    }
}

/* It was held, and is to be run. */
static void serve_held(conn_t *k)
{
    begin_run(k->fd);
    run(k);
    pools_put(k->pool);
    end_run();
}

/* Takes @a pool. */
static void serve_handed_over(apr_pool_t *pool, int fd, const handoff_t *what)
{
    apr_socket_t *sock = handover_socket(fd, pool);

    if (sock == NULL) {
        pools_put(pool); /* the client is gone already */
        return;
    }
    serve(pool, sock, fd, what);
}

/* ---- the doors ----------------------------------------------------------- */

static void pause_for_shortage(apr_status_t rv)
{
    shortage_of(rv, "accept connections, which wait in the kernel's queue,");
    apr_sleep(SHORTAGE_PAUSE);
}

/* The connection, or NULL: nothing, or it was dealt with. */
static apr_socket_t *accept_from(const door_t *door, apr_pool_t *pool)
{
    void *sock = NULL;
    apr_status_t rv = door->listener->accept_func(&sock, door->listener, pool);

    if (rv == APR_SUCCESS) {
        return sock;
    }
    if (shortage_is(rv)) {
        pause_for_shortage(rv);
    }
    else if (accept_is_broken(rv)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     "listening socket %pI is broken, child %d stops gracefully",
                     door->listener->bind_addr, (int)getpid());
        begin_end(RETIRE);
    }
    return NULL;
}

/* Nonzero if the connection, of which @a what is known, need not, or cannot, wait in the lobby. */
static int to_be_served(int fd, handoff_t *what)
{
    static peek_t peek;
    peek_e verdict;

    const server_rec *s;

    if (what->at_once || pairs.waiting[1] < 0) {
        return 1;
    }
    s = server_of_socket(fd);
    if (!server_async_head(s)) {
        return 1;
    }
    peek_begin(&peek, s, what->is_tls);
    verdict = peek_look(&peek, fd);
    if (verdict == PEEK_GONE) {
        return 0;
    }
    what->is_tls = peek.is_tls;
    what->first_us = peek.first_us;
    what->whole_us = peek.whole_us;
    return verdict == PEEK_READY || handoff_send(pairs.waiting[1], fd, what) != 0;
}

static apr_socket_t *accept_one(const door_t *door, apr_pool_t *pool, apr_os_sock_t *fd,
                                handoff_t *what)
{
    apr_socket_t *sock;

    if (door->fd < 0) {
        return NULL;
    }
    sock = accept_from(door, pool);
    if (sock == NULL) {
        return NULL;
    }
    shared_add(child.stats->accepted, 1);
    apr_os_sock_get(fd, sock);
    if (to_be_served(*fd, what)) {
        return sock;
    }
    apr_socket_close(sock);
    return NULL;
}

/* A connection of the generation before, between requests or before its first. */
static void take_passed_on(void)
{
    static char bytes[HANDOVER_BYTES_MAX]; /* no prefork child sends any: a page is used */
    handover_t passed;
    handoff_t what;
    apr_pool_t *pool;
    int fd;

    if (pools_get(&pool) != APR_SUCCESS) {
        pause_for_shortage(APR_ENOMEM);
        return;
    }
    fd = handover_receive(&passed, bytes);
    if (fd < 0 && shortage_is(errno)) {
        pause_for_shortage(errno);
    }
    else if (fd < 0 && errno == EPIPE) {
        /* somebody has shut it down, which would be told for ever */
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, handover_fd(), NULL);
    }
    what = (handoff_t){ .is_tls = fd >= 0 && passed.is_tls, .at_once = fd >= 0 && passed.at_once };
    what.keepalives = fd >= 0 ? passed.keepalives : 0;
    if (fd >= 0 && to_be_served(fd, &what)) {
        serve_handed_over(pool, fd, &what);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    pools_put(pool);
}

static void open_door(const door_t *door)
{
    handoff_t what = { .is_tls = door->is_tls, .at_once = !door->looks };
    apr_pool_t *pool;
    apr_socket_t *sock;
    apr_os_sock_t fd;

    if (pools_get(&pool) != APR_SUCCESS) {
        pause_for_shortage(APR_ENOMEM);
        return;
    }
    sock = accept_one(door, pool, &fd, &what);
    if (sock == NULL) {
        pools_put(pool);
        return;
    }
    serve(pool, sock, fd, &what);
}

/* ---- waiting ------------------------------------------------------------ */

/* Nonzero when it is time to go. */
static int over(void)
{
    if (ap_max_requests_per_child > 0 && served >= (unsigned)ap_max_requests_per_child
        && ending == RUN) {
        begin_end(RETIRE);
    }
    memory_look(child_now());
    if (atomic_load(&child.stopping) != CHILD_RUNNING && ending == RUN) {
        begin_end(RETIRE);
    }
    if (terms > 0) {
        begin_end(NOW);
    }
    if (ending == NOW) {
        return 1;
    }
    return held_count() == 0
        && (ending == RETIRE || (ending == FINISH && (queue_ended || pairs.ready[0] < 0)));
}

/* What the lobby has queued is the next generation's. Nonzero if it went there. */
static int goes_over(int fd, const handoff_t *from)
{
    handover_t what = { .is_tls = from->is_tls,
                        .at_once = from->at_once,
                        .first_us = from->first_us };

    return !from->overdue && handover_send(fd, &what, NULL) == 0;
}

/* One connection from the lobby. Zero at the end of its queue. */
static int take_one(void)
{
    handoff_t what;
    apr_pool_t *pool;
    int fd;

    /* Before it is taken out of the queue: where there is no memory for it, it stays there. */
    if (pools_get(&pool) != APR_SUCCESS) {
        pause_for_shortage(APR_ENOMEM);
        return 1;
    }
    fd = handoff_receive(pairs.ready[0], &what);
    if (fd >= 0 && handover_state() == HANDOVER_GIVE && goes_over(fd, &what)) {
        close(fd);
        pools_put(pool);
        return 1;
    }
    if (fd < 0) {
        if (fd == -1 && shortage_is(errno)) {
            pause_for_shortage(errno);
        }
        pools_put(pool);
        return fd != -2;
    }
    serve_handed_over(pool, fd, &what);
    return 1;
}

static void add_to_epoll(int fd, uint32_t events, void *who)
{
    struct epoll_event ev = { .events = events, .data.ptr = who };

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        exit(APEXIT_CHILDSICK);
    }
}

static void watch_everything(void)
{
    unsigned i;

    for (i = 0; i < door_count; i++) {
        add_to_epoll(doors[i].fd, EPOLLIN | EPOLLEXCLUSIVE, &doors[i]);
    }
    if (pairs.ready[0] >= 0) {
        add_to_epoll(pairs.ready[0], EPOLLIN | EPOLLEXCLUSIVE, &for_queue);
    }
    if (handover_fd() >= 0) {
        add_to_epoll(handover_fd(), EPOLLIN | EPOLLEXCLUSIVE, &for_passed_on);
    }
    add_to_epoll(wake_fd, EPOLLIN, &for_control);
}

/* The lobby passes on nothing more. */
static void end_queue(void)
{
    queue_ended = 1;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, pairs.ready[0], NULL);
    begin_end(ending == RUN ? FINISH : ending);
}

/* In ms; not for ever. */
static int patience(void)
{
    int most = unwatched ? WATCH_PAUSE_MS : PARENT_LOOK_MS;

    return held_count() == 0
        ? most
        : (int)((held_patience(child_now(), apr_time_from_msec(most)) + 999) / 1000);
}

/*
 * Whoever was told of a new connection may not have been able to take it, and nobody else is told.
 */
static void look_at_doors(void)
{
    static int none_idle;
    unsigned i;

    if (handover_state() == HANDOVER_HOLD) {
        return;
    }
    if (unwatched && held_count() > 0) {
        /* More than once: the parent may be starting somebody. */
        none_idle = atomic_load(&hybrid_retained->shared->server->idle) > 0 ? 0 : none_idle + 1;
        if (none_idle < LOOKS_FOR_IDLE) {
            return;
        }
    }
    if (unwatched) {
        go_last();
    }
    for (i = 0; i < door_count; i++) {
        struct pollfd one = { .fd = doors[i].fd, .events = POLLIN };

        if (poll(&one, 1, 0) == 1) {
            open_door(&doors[i]);
            return;
        }
    }
}

static int is_door(const void *who)
{
    return (const door_t *)who >= doors && (const door_t *)who < doors + door_count;
}

/*
 * Of a child that holds, or gives to the next generation, these are not taken: the queue's are, to
 * be passed on.
 */
static int is_new_work(const void *who)
{
    return is_door(who) || who == &for_passed_on
        || (who == &for_queue && handover_state() == HANDOVER_HOLD);
}

static void serve_event(void *who)
{
    if (who == &for_control) {
        uint64_t times;

        if (read(wake_fd, &times, sizeof(times)) > 0) {
            read_control();
        }
    }
    else if (who == &for_queue) {
        if (!take_one()) {
            end_queue();
        }
    }
    else if (who == &for_passed_on) {
        take_passed_on();
    }
    else if (is_door(who)) {
        open_door(who);
    }
    else if (held_event(who)) {
        serve_held(who);
    }
    else {
        close_dropped(held_over_budget());
    }
}

static void serve_overdue(void)
{
    conn_t *k;

    while (terms == 0 && (k = held_overdue(child_now())) != NULL) {
        serve_held(k);
    }
}

static void serve_all(void)
{
    be_idle();
    while (!over()) {
        struct epoll_event ev;
        int n;

        if (handover_is_overdue()) {
            go_on();
        }
        if (handover_state() == HANDOVER_OFF) {
            be_idle();
        }
        if (unwatched && held_count() == 0 && handover_state() != HANDOVER_HOLD) {
            go_last();
        }
        ap_update_child_status(sbh, ending == RUN ? SERVER_READY : SERVER_GRACEFUL, NULL);
        n = epoll_wait(epoll_fd, &ev, 1, patience());
        if (told) {
            told = 0;
            read_control();
        }
        if (n == 1 && (handover_state() == HANDOVER_OFF || !is_new_work(ev.data.ptr))) {
            serve_event(ev.data.ptr);
        }
        else {
            look_for_parent();
            look_at_doors();
        }
        serve_overdue();
    }
}

/* Of the pairs only what a child needs. */
static void take_pairs(handoff_pairs_t *from)
{
    handoff_take(&pairs, from);
    if (pairs.ready[0] >= 0) {
        close(pairs.ready[1]);
        close(pairs.waiting[0]);
        close(pairs.lingering[0]);
        pairs.ready[1] = pairs.waiting[0] = pairs.lingering[0] = -1;
    }
}

void prefork_child_main(const lane_t *lane, int slot, shared_mail_t *from_parent, int help,
                        handoff_pairs_t *from)
{
    mail = from_parent;
    help_fd = help;
    take_pairs(from);
    set_up(lane, slot);
    /* What came before we could hear a signal is read before anything is begun. */
    told = 1;
    wake();
    held_init(epoll_fd, lane_connections_per_process(lane));
    watch_everything();
    serve_all();
    begin_end(ending == RUN ? FINISH : ending);
    if (ending == RETIRE && pairs.ready[0] >= 0) {
        (void)take_one(); /* we may have been woken for it */
    }
    if (help_fd >= 0 && write(help_fd, "!", 1) < 0) {
        /* It will notice. */
    }
    end(0);
}
