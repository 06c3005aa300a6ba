/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/known_host.h
 * @brief Whether the request's host name belongs to this server: protection from DNS rebinding.
 *
 * A browser lets a script read responses from the host its page came from. An attacker who points
 * his domain's name at this server's address lets his script, in the browser of a client that may
 * read the page, fetch it under that name. An attacker cannot control the names in the
 * configuration, nor addresses.
 */
#ifndef MPMSTATS_STATS_KNOWN_HOST_H
#define MPMSTATS_STATS_KNOWN_HOST_H

#include <stdbool.h>

#include "httpd.h"

/**
 * True for an address, localhost, a ServerName or ServerAlias, a name of MPMStatsAllowHost, and a
 * request without a host.
 */
bool known_host(const request_rec *r);

#endif
