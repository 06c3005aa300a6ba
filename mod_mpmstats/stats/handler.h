/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/handler.h
 * @brief The content handler `mpm-status`: selects the view of a request and sets its headers.
 */
#ifndef MPMSTATS_STATS_HANDLER_H
#define MPMSTATS_STATS_HANDLER_H

#include "httpd.h"

/** Hook handler. */
int handler_run(request_rec *r);

#endif
