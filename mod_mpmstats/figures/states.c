/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a worker's states. */
#include "figures/states.h"

const state_t states[STATE_COUNT] = {
    [STATE_IDLE] = { "_", "idle", "Waits for a connection", SUMS_IDLE, true },
    [STATE_STARTING] = { "S", "starting", "Not ready yet", SUMS_STARTING, false },
    [STATE_READING] = { "R", "reading", "Reads a request", SUMS_BUSY, false },
    [STATE_WRITING] = { "W", "writing", "Runs a request and writes the response", SUMS_BUSY, true },
    [STATE_KEEPALIVE] = { "K", "keepalive", "Waits for the next request of its client", SUMS_BUSY,
                          true },
    [STATE_DNS] = { "D", "dns", "Looks up a host name", SUMS_BUSY, false },
    [STATE_CLOSING] = { "C", "closing", "Closes a connection", SUMS_BUSY, true },
    [STATE_LOGGING] = { "L", "logging", "Writes the access log", SUMS_BUSY, true },
    [STATE_FINISHING] = { "G", "finishing", "Finishes before its process ends", SUMS_FINISHING,
                          false },
    [STATE_CLEANUP] = { "I", "cleanup", "Is being removed as a spare", SUMS_FINISHING, false },
    [STATE_OPEN] = { ".", "open", "No worker here", SUMS_NONE, false },
};

/* httpd's SERVER_* numbers are part of its binary interface; stats/record/board.c checks them. */
const state_t *state_of_status(int64_t status)
{
    static const state_e by_status[] = {
        STATE_OPEN,    STATE_STARTING,  STATE_IDLE,    STATE_READING,
        STATE_WRITING, STATE_KEEPALIVE, STATE_LOGGING, STATE_DNS,
        STATE_CLOSING, STATE_FINISHING, STATE_CLEANUP,
    };
    bool known = status >= 0 && status < (int64_t)(sizeof(by_status) / sizeof(by_status[0]));

    return &states[known ? by_status[status] : STATE_OPEN];
}
