/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/doors.h"

#include "apr_cstr.h"
#include "apr_portable.h"
#include "mpm/threads/accept.h"
#include "mpm/module.h"

/* Not ap_unixd_accept(), for which a shortage is no different from a broken socket. */
static apr_status_t accept_socket(void **accepted, ap_listen_rec *lr, apr_pool_t *pool)
{
    apr_socket_t *sock = NULL;
    apr_status_t rv = apr_socket_accept(&sock, lr->sd, pool);

    *accepted = rv == APR_SUCCESS ? sock : NULL;
    return rv;
}

static void fill_in(door_t *door, ap_listen_rec *lr)
{
    apr_os_sock_t fd;

    apr_socket_opt_set(lr->sd, APR_SO_NONBLOCK, 1);
    apr_os_sock_get(&fd, lr->sd);
    door->listener = lr;
    door->fd = fd;
    door->is_tls = lr->protocol != NULL && apr_cstr_casecmp(lr->protocol, "https") == 0;
    door->looks = accept_speaks_http(lr);
    if (lr->accept_func == NULL) {
        lr->accept_func = accept_socket;
    }
}

door_t *doors_list(apr_pool_t *p, unsigned *count)
{
    door_t *doors;
    ap_listen_rec *lr;
    unsigned n = 0;
    int b;

    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = accept_buckets[b]; lr != NULL; lr = lr->next) {
            n++;
        }
    }
    doors = apr_pcalloc(p, sizeof(*doors) * (n + 1));
    *count = n;
    n = 0;
    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = accept_buckets[b]; lr != NULL; lr = lr->next) {
            fill_in(&doors[n++], lr);
        }
    }
    return doors;
}
