/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what a worker does. */
#include "figures/states.h"

const state_t states[STATE_COUNT] = {
    [STATE_IDLE] = { "_", "idle", "Waits for a connection" },
    [STATE_STARTING] = { "S", "starting", "Not ready yet" },
    [STATE_READING] = { "R", "reading", "Reads a request" },
    [STATE_WRITING] = { "W", "writing", "Runs a request and writes the response" },
    [STATE_KEEPALIVE] = { "K", "keepalive", "Waits for the next request of its client" },
    [STATE_DNS] = { "D", "dns", "Looks up a host name" },
    [STATE_CLOSING] = { "C", "closing", "Closes a connection" },
    [STATE_LOGGING] = { "L", "logging", "Writes the access log" },
    [STATE_FINISHING] = { "G", "finishing", "Finishes before its process ends" },
    [STATE_CLEANUP] = { "I", "cleanup", "Is being removed as a spare" },
    [STATE_OPEN] = { ".", "open", "No worker here" },
};
