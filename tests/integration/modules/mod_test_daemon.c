/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that lives as long as the configuration, as mod_wsgi's and Passenger's do. /test-daemon
 * asks it, and is a 503 if it is not there. ?ms=N: it takes so long to answer. Killed at once when
 * the configuration pool goes. TestDaemonExit: children exit with this status before they serve.
 * TestDaemon directory [milliseconds]: where its socket is made, and how long post_config takes.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"

#define ANSWER "from the daemon\n"

static const char *directory;
static int startup_ms, exit_code;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static pid_t daemon_pid;

static void *answer(void *data)
{
    int fd = (int)(intptr_t)data;
    char text[16] = "";

    if (recv(fd, text, sizeof(text) - 1, 0) > 0) {
        usleep((useconds_t)atoi(text) * 1000);
        (void)!write(fd, ANSWER, strlen(ANSWER));
    }
    close(fd);
    return NULL;
}

static void be_daemon(int listener)
{
    signal(SIGTERM, SIG_DFL);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd >= 0 && pthread_create(&thread, NULL, answer, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
}

static apr_status_t end_daemon(void *unused)
{
    (void)unused;
    unlink(address.sun_path);
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    return APR_SUCCESS;
}

static int start_daemon(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    int listener;

    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG || directory == NULL) {
        return OK;
    }
    usleep((useconds_t)startup_ms * 1000);
    /* Each configuration has its own name, so that nobody finds the next one's by chance. */
    apr_snprintf(address.sun_path, sizeof(address.sun_path), "%s/d%" APR_TIME_T_FMT, directory,
                 apr_time_now());
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0
        || listen(listener, 128) != 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s, "test_daemon: %s", address.sun_path);
        return !OK;
    }
    (void)!chmod(address.sun_path, 0777);
    daemon_pid = fork();
    if (daemon_pid == 0) {
        be_daemon(listener);
    }
    close(listener);
    apr_pool_cleanup_register(pconf, NULL, end_daemon, apr_pool_cleanup_null);
    return OK;
}

static int handler(request_rec *r)
{
    char text[64];
    const char *ms = r->args != NULL && strncmp(r->args, "ms=", 3) == 0 ? r->args + 3 : "0";
    int fd;
    ssize_t n = -1;

    if (strcmp(r->handler, "test-daemon") != 0) {
        return DECLINED;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0
        && send(fd, ms, strlen(ms), MSG_NOSIGNAL) > 0) {
        n = recv(fd, text, sizeof(text), 0);
    }
    close(fd);
    if (n <= 0) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ap_set_content_type(r, "text/plain");
    ap_rwrite(text, (int)n, r);
    return OK;
}

static const char *set_directory(cmd_parms *cmd, void *dummy, const char *where, const char *ms)
{
    (void)dummy;
    directory = ap_server_root_relative(cmd->pool, where);
    startup_ms = ms != NULL ? atoi(ms) : 0;
    return NULL;
}

/* A module that cannot work in a child. */
static void give_up(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild;
    (void)s;
    if (exit_code != 0) {
        exit(exit_code);
    }
}

static const char *set_exit(cmd_parms *cmd, void *dummy, const char *code)
{
    (void)cmd;
    (void)dummy;
    exit_code = atoi(code);
    return NULL;
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("TestDaemonExit", set_exit, NULL, RSRC_CONF,
                  "Status with which every new child exits"),
    AP_INIT_TAKE12("TestDaemon", set_directory, NULL, RSRC_CONF,
                   "Directory of the socket, and how long a start takes"),
    { NULL }
};

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_post_config(start_daemon, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(give_up, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_daemon) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, directives, register_hooks, AP_MODULE_FLAG_NONE
};
