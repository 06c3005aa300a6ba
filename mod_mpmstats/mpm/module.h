/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/module.h
 * @brief What every file of the module shares: the module record and the state
 *        that outlives a restart.
 */
#ifndef MPMSTATS_MPM_MODULE_H
#define MPMSTATS_MPM_MODULE_H

#include <sys/resource.h>

#include "mpm/compat.h"

#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "unixd.h"

extern module AP_MODULE_DECLARE_DATA mpm_hybrid_module;

APLOG_USE_MODULE(mpm_hybrid);

struct procs_t;
struct shared_t;

/**
 * Kept by httpd across restarts, during which this module is unloaded and
 * loaded again: no pointer to code or to configuration may be in here.
 * Written by the parent's only thread; a child has its copy from the fork and
 * changes nothing but mpm->mpm_state.
 */
typedef struct {
    ap_unixd_mpm_retained_data *mpm;
    int first_server_limit;
    int first_thread_limit;
    char model[16]; /**< that is in use */
    /** no child is left, and the tables below have the shape of another model */
    int reshape;
    int sockets_outlive; /**< systemd has passed us the listening sockets, and keeps them */
    int has_handover;    /**< the pair below is open */
    int handover[2];     /**< for connections of old generations; see handover.h */
    int held;            /**< the children of the generation before have been told to hold */
    int proven;          /**< the last generation of which a child has served, plus one */
    /** the soft limit of open files this process had before it raised it, */
    rlim_t files_before;
    /** and to what; 0: it has not. See files.h; a child writes its copy */
    rlim_t files_raised;
    struct procs_t *procs;   /**< the children; see procs.h */
    struct shared_t *shared; /**< counters shared with them; see shared.h */
} hybrid_retained_t;

/** Set in pre_config, before any other hook of ours. */
extern hybrid_retained_t *hybrid_retained;

/** Configuration pool of the current configuration; set in open_logs. */
extern apr_pool_t *hybrid_pconf;

/**
 * What a child that cannot start exits with: if its siblings could, the reason passes, and the
 * server must not be stopped for it.
 */
int hybrid_exit_code(void);

/** -X: one process is parent and child. Set in pre_config. */
extern int hybrid_one_process;

#endif
