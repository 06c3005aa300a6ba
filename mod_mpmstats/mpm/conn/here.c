/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/here.h"

#include <poll.h>

#include "mpm/conn/inbound.h"
#include "mpm/process/handover.h"

static _Thread_local __attribute__((tls_model("initial-exec"))) conn_t *runs_here;

void here_runs(conn_t *k)
{
    runs_here = k;
}

const conn_t *here_conn(void)
{
    return runs_here;
}

int here_promised_keepalive(void)
{
    const conn_t *k = runs_here;

    return k != NULL && k->c->keepalive == AP_CONN_KEEPALIVE && inbound_has_heads(k);
}

int here_is_conn(void)
{
    return runs_here != NULL;
}

int here_is_passed_on(void)
{
    const conn_t *k = runs_here;

    return handover_state() != HANDOVER_OFF && !handover_keeps() && k != NULL && !k->stays
        && inbound_has_heads(k) && inbound_is_plain(k->c);
}

int here_is_to_end(void)
{
    return runs_here != NULL && runs_here->is_last_request;
}

int here_was_spoken_to(void)
{
    conn_t *k = runs_here;
    struct pollfd pfd = { .events = POLLIN };

    if (k == NULL || k->heard_out || inbound_has_heads(k)) {
        return 0;
    }
    k->heard_out = 1;
    pfd.fd = k->fd;
    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN);
}

void here_is_told_to_stop(void)
{
    if (runs_here != NULL) {
        inbound_refuse_streams(runs_here);
    }
}
