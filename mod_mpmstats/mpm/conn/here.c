/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/here.h"

#include <stdbool.h>
#include <sys/ioctl.h>

#include "mpm/conn/inbound.h"
#include "mpm/process/handover.h"

/* Most answers of here_was_spoken_to() with 1 for a connection. */
#define HEARINGS 32

static _Thread_local __attribute__((tls_model("initial-exec"))) conn_t *runs_here;

void here_runs(conn_t *k)
{
    runs_here = k;
}

const conn_t *here_conn(void)
{
    return runs_here;
}

bool here_promised_keepalive(void)
{
    const conn_t *k = runs_here;

    return k != NULL && k->c->keepalive == AP_CONN_KEEPALIVE && inbound_has_heads(k);
}

bool here_is_conn(void)
{
    return runs_here != NULL;
}

bool here_is_passed_on(void)
{
    const conn_t *k = runs_here;

    return handover_state() != HANDOVER_OFF && !handover_keeps() && k != NULL && !k->stays
        && inbound_has_heads(k) && inbound_is_plain(k->c);
}

bool here_is_to_end(void)
{
    return runs_here != NULL && runs_here->is_last_request;
}

/* What is unread is in the socket, or read from it and buffered below the reader. */
static void begin_hearing(conn_t *k)
{
    int unread = 0;

    k->heard_out = 1;
    if (k->network != NULL && ioctl(k->fd, FIONREAD, &unread) == 0
        && (unread > 0 || !inbound_is_read_dry(k))) {
        k->heard_until = k->network->received + (apr_uint64_t)unread;
        k->hearings = HEARINGS;
    }
}

bool here_was_spoken_to(void)
{
    conn_t *k = runs_here;

    if (k == NULL || inbound_has_heads(k)) {
        return false;
    }
    if (!k->heard_out) {
        begin_hearing(k);
    }
    if (k->hearings == 0) {
        return false;
    }
    k->hearings--;
    if (k->network->received >= k->heard_until && inbound_is_read_dry(k)) {
        k->hearings = 0;
    }
    return k->hearings > 0;
}

bool here_may_be_told_to_stop(void)
{
    return runs_here == NULL || inbound_refuse_streams(runs_here);
}
