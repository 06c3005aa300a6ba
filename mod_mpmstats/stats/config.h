/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/config.h
 * @brief The module's directives.
 *
 * Made while the configuration is read, in the parent; read-only from then on.
 */
#ifndef MPMSTATS_STATS_CONFIG_H
#define MPMSTATS_STATS_CONFIG_H

#include <sys/types.h>

#include "httpd.h"
#include "http_config.h"

/** The argument of SetHandler. */
#define HANDLER_NAME "mpm-status"

extern module AP_MODULE_DECLARE_DATA mpmstats_module;

/** Settings of a <Location> or <Directory>. */
typedef struct {
    const char *auto_mpm; /**< the name ?auto gives the MPM; NULL: its own */
} config_dir_t;

/** Whether the query string of a request line is recorded and shown. */
typedef enum {
    CONFIG_QUERIES_UNSET, /**< the main server's setting; there: kept */
    CONFIG_QUERIES_KEPT,
    CONFIG_QUERIES_CUT
} config_queries_e;

/** Settings of a virtual host, and where it is counted. */
typedef struct {
    /** its record in the segment; written in post_config by record/segment.c */
    unsigned row;
    /** counter of its requests while it shares `other`; NULL: none; written as `row` */
    _Atomic uint64_t *folded;
    /** requests that take longer are logged; 0: none; -1: the main server's setting */
    apr_interval_time_t slow;
    config_queries_e queries;
} config_server_t;

/** Settings of the server as a whole. */
typedef struct {
    const char *segment; /**< path of the file; NULL: the default, "": no file */
    mode_t segment_mode;
    gid_t segment_group; /**< (gid_t)-1: the default */
    int segment_group_given;
    unsigned vhosts;                     /**< maximum of virtual hosts with a record of their own */
    apr_interval_time_t report_interval; /**< between two summaries in the error log; 0: none */
    unsigned busy_threshold;             /**< per cent of MaxRequestWorkers; 0: no warning */
    int queries_cut;                     /**< MPMStatsQueryStrings is Off for some virtual host */
    /** of const char *: additional host names of the page (MPMStatsAllowHost); NULL: none */
    apr_array_header_t *hosts;
} config_global_t;

extern config_global_t config_global;

/** Default file name of the segment, in the runtime directory. */
#define CONFIG_SEGMENT_NAME "mpmstats.segment"

#define CONFIG_VHOSTS_DEFAULT 64
#define CONFIG_VHOSTS_MAX 10000

/** The settings that apply to @a r. */
const config_dir_t *config_of_request(const request_rec *r);

/** The settings of @a s. */
static inline config_server_t *config_of_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &mpmstats_module);
}

/** Gives @a s a configuration of its own, a copy of its present one. */
config_server_t *config_server_own(apr_pool_t *pool, server_rec *s);

/** Before the directives are read: resets everything to its default. */
void config_reset(void);

/* For the module record. */
extern const command_rec config_directives[];
void *config_dir_create(apr_pool_t *pool, char *dir);
void *config_dir_merge(apr_pool_t *pool, void *base, void *add);
void *config_server_create(apr_pool_t *pool, server_rec *s);
void *config_server_merge(apr_pool_t *pool, void *base, void *add);

#endif
