/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/place.h
 * @brief Protects a <Location> with SetHandler mpm-status from the configuration of directories.
 *
 * The page has no file, but httpd maps its URL to a path and merges the <Directory> sections and
 * .htaccess files along it. A rewrite rule for everything that is not a file (WordPress) would
 * answer instead of the page.
 *
 * Access control uses the whole configuration. Then, before fixups, where mod_rewrite, mod_dir,
 * mod_alias and others act for directories, the request gets its configuration from <Location> (and
 * <If> there) only.
 */
#ifndef MPMSTATS_STATS_PLACE_H
#define MPMSTATS_STATS_PLACE_H

#include "httpd.h"

/** Hook translate_name, first, with only <Location> merged: notes whether it sets the handler. */
int place_translate(request_rec *r);

/** Hook fixups, first: gives the request the configuration of <Location>. */
int place_fixups(request_rec *r);

#endif
