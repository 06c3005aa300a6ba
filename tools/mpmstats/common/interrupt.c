/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One flag, set by the signal handler.
 */
#include "common/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* Written by the handler and by interrupt_clear(). */
static volatile sig_atomic_t came;

static void on_signal(int number)
{
    if (came == 0) {
        came = number;
    }
}

void interrupt_watch(void)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action, before;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal; /* no SA_RESTART: blocking calls return */
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        /* nohup: ignored signals stay ignored */
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ends[i], &action, NULL);
        }
    }
}

int interrupt_number(void)
{
    return came;
}

void interrupt_clear(void)
{
    came = 0;
}
