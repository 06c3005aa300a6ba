/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/place.h
 * @brief Keeps a <Location> with SetHandler mpm-status against what directories say.
 *
 * The page has no file, but httpd finds one that it would have, and merges what <Directory>
 * sections and .htaccess files on the way to it say. A rewriting of all that is no file (WordPress)
 * would answer in the page's place.
 *
 * Who may read the page is decided with all of it. Then, before fixups, where mod_rewrite, mod_dir,
 * mod_alias and others act for directories, the request gets the configuration it has from
 * <Location> (and <If> there) alone.
 */
#ifndef MPMSTATS_STATS_PLACE_H
#define MPMSTATS_STATS_PLACE_H

#include "httpd.h"

/** translate_name, before all others: the configuration is that of <Location> and nothing else. */
int place_translate(request_rec *r);

/** fixups, before all others. */
int place_fixups(request_rec *r);

#endif
