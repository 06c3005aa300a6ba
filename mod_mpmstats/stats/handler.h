/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/handler.h
 * @brief The content handler `mpm-status`: which view a request gets, and its headers.
 */
#ifndef MPMSTATS_STATS_HANDLER_H
#define MPMSTATS_STATS_HANDLER_H

#include "httpd.h"

/** Hook handler. */
int handler_run(request_rec *r);

#endif
