/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that replaces an old time of the last refusal in shared memory has seen the begin of
 * a shortage, and logs it.
 */
#include "mpm/process/shortage.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "apr_portable.h"
#include "apr_strings.h"
#include "httpd.h"
#include "base/clock.h"
#include "mpm/module.h"
#include "mpm/process/shared.h"

/* The wall clock was set when its offset to the monotonic one changed by more than this. */
#define CLOCK_JUMP apr_time_from_sec(2)

static const char *const endings[MPM_HYBRID_SHORTAGES] = {
    [MPM_HYBRID_SHORT_FILES] = "there are file descriptors again",
    [MPM_HYBRID_SHORT_MEMORY] = "there is memory again",
    [MPM_HYBRID_SHORT_PROCESSES] = "processes can be started again",
    [MPM_HYBRID_SHORT_THREADS] = "threads can be created again",
    [MPM_HYBRID_SHORT_LOG_SPACE] = "the disk under the error log has room again",
    [MPM_HYBRID_SHORT_ACCEPT_QUEUE] = "the queue of connections to accept has room again"
};

/* Parent's only thread: shortages that lasted at the last check. */
static int active[MPM_HYBRID_SHORTAGES];

static shared_shortage_t *record(mpm_hybrid_shortage_e kind)
{
    return &hybrid_retained->shared->server->shortages[kind];
}

/* @a last may be later than @a now: another process read the clock later and wrote earlier. */
static bool goes_on(apr_time_t last, apr_time_t now)
{
    return last != 0 && last > now - SHORTAGE_QUIET && last < now + SHORTAGE_QUIET;
}

/* Record a refusal; true if a shortage begins with it. */
static bool felt(mpm_hybrid_shortage_e kind)
{
    shared_shortage_t *s = record(kind);
    apr_time_t now = clock_now();
    apr_time_t last = atomic_exchange_explicit(&s->last, now, memory_order_relaxed);

    if (goes_on(last, now)) {
        return false;
    }
    shared_set(s->since, now);
    shared_add(s->count, 1);
    return true;
}

/* ---- which limit -------------------------------------------------------- */

bool shortage_is(apr_status_t rv)
{
    return rv == EMFILE || rv == ENFILE || rv == ENOBUFS || rv == ENOMEM || rv == ENOSPC;
}

static mpm_hybrid_shortage_e kind_of(apr_status_t rv)
{
    return rv == EMFILE || rv == ENFILE ? MPM_HYBRID_SHORT_FILES : MPM_HYBRID_SHORT_MEMORY;
}

static const char *to_raise(apr_status_t rv)
{
    switch (rv) {
    case EMFILE:
        return "the limit on open files of a process (LimitNOFILE= of the service, ulimit -n)";
    case ENFILE:
        return "the limit on open files of the system (sysctl fs.file-max)";
    case ENOBUFS:
        return "the kernel's memory for sockets (sysctl net.ipv4.tcp_mem)";
    case ENOSPC:
        return "the limit on watched files (sysctl fs.epoll.max_user_watches)";
    default:
        return "the memory of the service (MemoryMax=, ulimit -v) or the machine, or lower "
               "MaxRequestWorkers";
    }
}

void shortage_of(apr_status_t rv, const char *what)
{
    struct rlimit lim;
    char now[64] = "";

    if (!felt(kind_of(rv))) {
        return;
    }
    if (rv == EMFILE && getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        apr_snprintf(now, sizeof(now), ", now %lu", (unsigned long)lim.rlim_cur);
    }
    ap_log_error(
        APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
        "out of %s: process %d cannot %s for now, it goes on with what it has. If this comes "
        "again, raise %s%s",
        kind_of(rv) == MPM_HYBRID_SHORT_FILES ? "file descriptors" : "memory", (int)getpid(), what,
        to_raise(rv), now);
}

void shortage_of_accepting(apr_status_t rv)
{
    shortage_of(rv, "accept connections, which wait in the kernel's queue,");
}

void shortage_pause_accepting(apr_status_t rv)
{
    shortage_of_accepting(rv);
    apr_sleep(SHORTAGE_PAUSE);
}

void shortage_of_threads(apr_status_t rv, int have)
{
    if (felt(MPM_HYBRID_SHORT_THREADS)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
            "out of threads: child %d cannot create a worker, it goes on with the %d it has. "
            "If this comes again, raise the limit on processes and threads (TasksMax= of the "
            "service, ulimit -u, sysctl kernel.threads-max) or memory, or lower ThreadsPerChild",
            (int)getpid(), have);
    }
}

void shortage_of_processes(apr_status_t rv)
{
    if (felt(MPM_HYBRID_SHORT_PROCESSES)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
            "out of processes: no child can be started for now, the others go on. If this "
            "comes again, raise the limit on processes (TasksMax= of the service, ulimit -u, "
            "sysctl kernel.pid_max) or memory, or lower ServerLimit");
    }
}

void shortage_of_queue(int most)
{
    if (felt(MPM_HYBRID_SHORT_ACCEPT_QUEUE)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
            "%d connections wait to be accepted, and no more can: clients get no connection. "
            "If this comes again, raise ListenBackLog and the sysctl net.core.somaxconn, or "
            "MaxRequestWorkers if all workers are busy",
            most);
    }
}

/* ---- the parent's checks ------------------------------------------------ */

/* httpd silently drops log writes that fail, so the parent checks the disk. */
static void look_at_log_space(void)
{
    apr_os_file_t fd;
    struct stat st;
    struct statvfs fs;

    if (ap_server_conf->error_log == NULL
        || apr_os_file_get(&fd, ap_server_conf->error_log) != APR_SUCCESS || fstat(fd, &st) != 0
        || !S_ISREG(st.st_mode) || fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0 || fs.f_bavail > 0) {
        return;
    }
    /* This line may be lost, too; tell_end() logs the shortage when it is over. */
    if (felt(MPM_HYBRID_SHORT_LOG_SPACE)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, ENOSPC, ap_server_conf,
            "the disk under the error log is full; log entries are lost, requests are not");
    }
}

static void look_at_clock(void)
{
    static apr_time_t differed;
    apr_time_t before = clock_now();
    apr_time_t differs = apr_time_now() - before;
    apr_time_t by = differs - differed;

    if (clock_now() - before > CLOCK_JUMP / 2) {
        return; /* this process had no CPU between the two readings */
    }
    if (differed != 0 && (by > CLOCK_JUMP || by < -CLOCK_JUMP)) {
        shared_add(record(MPM_HYBRID_CLOCK_SET)->count, 1);
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     "the system's clock has been set %s by %" APR_TIME_T_FMT
                     " seconds; no deadline of the "
                     "MPM depends on it, ages in log and status do",
                     by > 0 ? "forward" : "back", apr_time_sec(by > 0 ? by : -by));
    }
    differed = differs;
}

static void tell_end(mpm_hybrid_shortage_e kind)
{
    apr_time_t lasted = shared_get(record(kind)->last) - shared_get(record(kind)->since);
    const char *remark = kind == MPM_HYBRID_SHORT_LOG_SPACE
        ? "; what was to be logged meanwhile is lost: free space, or rotate the logs earlier"
        : "";

    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf, "%s, after %" APR_TIME_T_FMT " ms%s",
                 endings[kind], lasted > 0 ? lasted / 1000 : 0, remark);
}

void shortage_look(apr_time_t now)
{
    int kind;

    look_at_log_space();
    look_at_clock();
    for (kind = 0; kind < MPM_HYBRID_CLOCK_SET; kind++) {
        bool still = goes_on(shared_get(record(kind)->last), now);

        if (active[kind] && !still) {
            tell_end(kind);
        }
        active[kind] = still;
    }
}
