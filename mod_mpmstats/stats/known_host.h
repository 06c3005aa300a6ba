/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/known_host.h
 * @brief Whether the page was asked for by a name this server has.
 *
 * A browser gives a foreign page's script what it reads from the host the page came from. Whoever
 * owns a domain can let its name point to the server's address for a moment (DNS rebinding); then
 * the script asks here, from a client that may read the page, by that name. Names that nobody else
 * can point here are those of the configuration, and addresses.
 */
#ifndef MPMSTATS_STATS_KNOWN_HOST_H
#define MPMSTATS_STATS_KNOWN_HOST_H

#include <stdbool.h>

#include "httpd.h"

/**
 * An address, localhost, a ServerName or ServerAlias, or what MPMStatsAllowHost says; or no name at
 * all.
 */
bool known_host(const request_rec *r);

#endif
