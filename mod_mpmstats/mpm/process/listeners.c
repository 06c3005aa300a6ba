/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/listeners.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_cstr.h"
#include "apr_portable.h"
#include "http_core.h"
#include "mpm_common.h"
#include "mpm/module.h"

ap_listen_rec **listeners_buckets;

/* `AcceptFilter PROTOCOL none`: by httpd's documentation, a protocol whose server speaks first. */
static bool accept_filter_is_none(const char *protocol)
{
    const core_server_config *core = ap_get_core_module_config(ap_server_conf->module_config);
    const char *name = core->accf_map ? apr_table_get(core->accf_map, protocol) : NULL;

    return name != NULL && ap_cstr_casecmp(name, "none") == 0;
}

static bool speaks_http(const ap_listen_rec *lr)
{
    const char *protocol = lr->protocol;

    if (protocol == NULL) {
        protocol = "http";
    }
    if (ap_cstr_casecmp(protocol, "http") != 0 && ap_cstr_casecmp(protocol, "https") != 0) {
        return false;
    }
    return !accept_filter_is_none(protocol);
}

/* Replaces ap_unixd_accept(), which reports a shortage like a broken socket. */
static apr_status_t accept_socket(void **accepted, ap_listen_rec *lr, apr_pool_t *pool)
{
    apr_socket_t *sock = NULL;
    apr_status_t rv = apr_socket_accept(&sock, lr->sd, pool);

    *accepted = rv == APR_SUCCESS ? sock : NULL;
    return rv;
}

static void fill_in(listener_t *l, ap_listen_rec *lr)
{
    apr_os_sock_t fd;

    apr_socket_opt_set(lr->sd, APR_SO_NONBLOCK, 1);
    apr_os_sock_get(&fd, lr->sd);
    l->listener = lr;
    l->fd = fd;
    l->is_tls = lr->protocol != NULL && apr_cstr_casecmp(lr->protocol, "https") == 0;
    l->looks = speaks_http(lr);
    if (lr->accept_func == NULL) {
        lr->accept_func = accept_socket;
    }
}

listener_t *listeners_list(apr_pool_t *p, unsigned *count)
{
    listener_t *listeners;
    ap_listen_rec *lr;
    unsigned n = 0;
    int b;

    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = listeners_buckets[b]; lr != NULL; lr = lr->next) {
            n++;
        }
    }
    listeners = apr_pcalloc(p, sizeof(*listeners) * (n + 1));
    *count = n;
    n = 0;
    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = listeners_buckets[b]; lr != NULL; lr = lr->next) {
            fill_in(&listeners[n++], lr);
        }
    }
    return listeners;
}

/* Other errors concern one connection or the network. */
bool listeners_is_broken(const listener_t *l, apr_status_t rv)
{
    if (rv != EBADF && rv != ENOTSOCK && rv != EINVAL && rv != APR_EGENERAL) {
        return false;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                 "listening socket %pI is broken, child %d stops gracefully",
                 l->listener->bind_addr, (int)getpid());
    return true;
}

void listeners_refuse_new(void)
{
    /* Drop segments with SYN and without ACK: byte 13 of the TCP header. */
    static struct sock_filter drop_syn[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
                                             BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
                                             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
                                             BPF_STMT(BPF_RET | BPF_K, 0),
                                             BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };
    static const struct sock_fprog program = { sizeof(drop_syn) / sizeof(drop_syn[0]), drop_syn };
    ap_listen_rec *lr;
    int b;

    /*
     * systemd keeps the sockets: the filter would stay on them, and new connections can wait for
     * the next start.
     */
    if (hybrid_retained->sockets_outlive) {
        return;
    }
    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = listeners_buckets[b]; lr != NULL; lr = lr->next) {
            apr_os_sock_t fd;

            /* Without the filter, connections may be reset when the socket is closed. */
            if (apr_os_sock_get(&fd, lr->sd) == APR_SUCCESS
                && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
                ap_log_error(APLOG_MARK, APLOG_DEBUG, errno, ap_server_conf,
                             "cannot refuse new connections at %pI", lr->bind_addr);
            }
        }
    }
}

int listeners_queue(int fd, int *most)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    *most = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state != TCP_LISTEN) {
        return 0;
    }
    /* On a listening socket tcpi_unacked is the accept queue's length, tcpi_sacked its limit. */
    *most = (int)info.tcpi_sacked;
    return (int)info.tcpi_unacked;
}
