/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: handler `test-handlers` (or any name that begins so) does what the last path segment
 * says, with arguments from the query string:
 *
 *   sleep?ms=N            waits N ms, then answers "slept"
 *   spin?ms=N             burns CPU for N ms, then answers "spun"
 *   clock?ms=N            tells the local time, which takes a lock of the C library, again and again for N ms
 *   stream?chunks=N&bytes=N&ms=N   N chunks of N bytes, flushed, with N ms between them
 *   crash?ms=N            waits, then writes where nothing is mapped
 *   kill?ms=N             waits, then sends its own process SIGKILL
 *   exit?code=N           leaves the process by exit(N), as a module that gives up does
 *   leak?kb=N             keeps N KiB for ever
 *   body                  reads the body, answers its length and the sum of its bytes
 *   hangmain              answers; the process's first thread, the MPM's, then does nothing any more
 *   diskmain?ms=N         answers; that thread then waits for N ms as for a disk (state D)
 *   id?ms=N               answers the connection's id at once, and ends after N ms
 *   trailers              reads the body, answers the trailer X-Up and sends it back as trailer X-Down
 *   info                  answers pid, addresses, protocol, requests on the connection
 *
 * A child that starts while the file exists that the environment's MPM_TEST_HANG names hangs in
 * child_init; one that starts while that of MPM_TEST_LATE exists waits there until it does not.
 *
 * A number that is missing counts as 0. Never load this into a server anybody else can reach.
 */
#include <errno.h>
#include <time.h>

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"
#include "apr_time.h"

static long argument(request_rec *r, const char *name)
{
    const char *at = r->args;
    size_t length = strlen(name);
    while (at && *at) {
        if (!strncmp(at, name, length) && at[length] == '=') {
            return strtol(at + length + 1, NULL, 10);
        }
        at = strchr(at, '&');
        if (at) {
            at++;
        }
    }
    return 0;
}

/* Also through signals: prefork's children get one for a graceful restart. */
static void wait_as_told(request_rec *r)
{
    long ms = argument(r, "ms");
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
        continue;
    }
}

static int answer(request_rec *r, const char *text)
{
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, strlen(text));
    ap_rputs(text, r);
    return OK;
}

static int do_sleep(request_rec *r)
{
    wait_as_told(r);
    return answer(r, "slept");
}

static int do_spin(request_rec *r)
{
    apr_time_t end = apr_time_now() + apr_time_from_msec(argument(r, "ms"));
    while (apr_time_now() < end) {
        ;
    }
    return answer(r, "spun");
}

static int do_clock(request_rec *r)
{
    apr_time_t end = apr_time_now() + apr_time_from_msec(argument(r, "ms"));
    apr_time_exp_t exploded;
    while (apr_time_now() < end) {
        for (int i = 0; i < 1000; i++) {
            apr_time_exp_lt(&exploded, end);
        }
    }
    return answer(r, "told");
}

static int do_stream(request_rec *r)
{
    long chunks = argument(r, "chunks"), bytes = argument(r, "bytes");
    char *chunk = apr_palloc(r->pool, bytes);
    memset(chunk, 's', bytes);
    ap_set_content_type(r, "text/plain");
    for (long i = 0; i < chunks; i++) {
        if (i) {
            wait_as_told(r);
        }
        if (ap_rwrite(chunk, bytes, r) < 0 || ap_rflush(r) < 0) {
            return OK;
        }
    }
    return OK;
}

static int do_crash(request_rec *r)
{
    wait_as_told(r);
    volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
    return OK;
}

static int do_kill(request_rec *r)
{
    wait_as_told(r);
    kill(getpid(), SIGKILL);
    return OK;
}

static int do_exit(request_rec *r)
{
    exit(argument(r, "code"));
}

static int do_leak(request_rec *r)
{
    size_t bytes = argument(r, "kb") * 1024;
    /* volatile: nobody reads it, and it has to be written all the same */
    volatile char *lost = malloc(bytes);
    for (size_t i = 0; lost && i < bytes; i += 1024) {
        lost[i] = 1;
    }
    return answer(r, "leaked");
}

static int do_body(request_rec *r)
{
    char buffer[8192];
    long got, total = 0;
    unsigned long sum = 0;
    int rc = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (rc != OK) {
        return rc;
    }
    if (ap_should_client_block(r)) {
        while ((got = ap_get_client_block(r, buffer, sizeof buffer)) > 0) {
            for (long i = 0; i < got; i++) {
                sum += (unsigned char)buffer[i];
            }
            total += got;
        }
        if (got < 0) {
            return HTTP_BAD_REQUEST;
        }
    }
    return answer(r, apr_psprintf(r->pool, "%ld %lu", total, sum));
}

static void hang(int sig)
{
    (void)sig;
    for (;;) {
        pause();
    }
}

static long disk_ms;

/* Who has called vfork() waits uninterruptibly for the new process to end. */
static void wait_for_disk(int sig)
{
    (void)sig;
    if (vfork() == 0) {
        usleep(disk_ms * 1000);
        _exit(0);
    }
}

static int do_diskmain(request_rec *r)
{
    disk_ms = argument(r, "ms");
    signal(SIGTRAP, wait_for_disk);
    syscall(SYS_tgkill, getpid(), getpid(), SIGTRAP);
    return answer(r, "waits");
}

static int do_hangmain(request_rec *r)
{
    signal(SIGTRAP, hang);
    syscall(SYS_tgkill, getpid(), getpid(), SIGTRAP);
    return answer(r, "hung");
}

static void test_child_init(apr_pool_t *p, server_rec *s)
{
    const char *file = getenv("MPM_TEST_HANG"), *late = getenv("MPM_TEST_LATE");

    (void)p;
    (void)s;
    if (file && access(file, F_OK) == 0) {
        hang(0);
    }
    while (late && access(late, F_OK) == 0) {
        usleep(300000);
    }
}

static int do_id(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "id=%ld;", r->connection->id);
    ap_rflush(r);
    wait_as_told(r);
    return OK;
}

static int do_trailers(request_rec *r)
{
    const char *up;
    int rc = ap_discard_request_body(r);

    if (rc != OK) {
        return rc;
    }
    up = apr_table_get(r->trailers_in, "x-up");
    up = up != NULL ? up : "none";
    apr_table_setn(r->trailers_out, "X-Down", up);
    return answer(r, up);
}

static int do_info(request_rec *r)
{
    return answer(r,
                  apr_psprintf(r->pool, "pid=%ld client=%s useragent=%s protocol=%s keepalives=%d",
                               (long)getpid(), r->connection->client_ip, r->useragent_ip,
                               r->protocol, r->connection->keepalives));
}

static const struct {
    const char *name;
    int (*run)(request_rec *r);
} actions[] = {
    { "sleep", do_sleep },   { "spin", do_spin },         { "clock", do_clock },
    { "stream", do_stream }, { "crash", do_crash },       { "kill", do_kill },
    { "exit", do_exit },     { "leak", do_leak },         { "body", do_body },
    { "info", do_info },     { "hangmain", do_hangmain }, { "diskmain", do_diskmain },
    { "id", do_id },         { "trailers", do_trailers },
};

static int test_handler(request_rec *r)
{
    if (strncmp(r->handler, "test-handlers", strlen("test-handlers"))) {
        return DECLINED;
    }
    const char *slash = strrchr(r->uri, '/');
    for (size_t i = 0; slash && i < sizeof actions / sizeof *actions; i++) {
        if (!strcmp(slash + 1, actions[i].name)) {
            return actions[i].run(r);
        }
    }
    return HTTP_NOT_FOUND;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_child_init(test_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(test_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_handlers) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE
};
