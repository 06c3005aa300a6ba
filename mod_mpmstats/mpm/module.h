/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/module.h
 * @brief The module record and the state that is kept across restarts.
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
 * httpd keeps it across restarts, at which this module is unloaded and loaded again: it must not
 * point to code or to configuration. Written by the parent's only thread; a child has its copy from
 * the fork and changes only mpm->mpm_state, files_before and files_raised.
 */
typedef struct {
    ap_unixd_mpm_retained_data *mpm;
    int first_server_limit;
    int first_thread_limit;
    char model[16]; /**< in use */
    /** no child is left, and the tables below have the shape of another model */
    int reshape;
    int sockets_outlive; /**< the listening sockets were passed by systemd, which keeps them open */
    int has_handover;    /**< the pair below is open */
    int handover[2];     /**< passes connections of old generations; see handover.h */
    int held;            /**< CONTROL_HOLD was sent to the children of the generation before */
    int proven;          /**< the last generation of which a child has served, plus one */
    /** soft limit of open files before files_raise() raised it (files.h) */
    rlim_t files_before;
    /** soft limit that files_raise() set; 0: none. A child writes its copy */
    rlim_t files_raised;
    struct procs_t *procs;   /**< the children; see procs.h */
    struct shared_t *shared; /**< counters shared with them; see shared.h */
} hybrid_retained_t;

/** Set in pre_config, before the module's other hooks run. */
extern hybrid_retained_t *hybrid_retained;

/** Configuration pool of the current configuration; set in open_logs. */
extern apr_pool_t *hybrid_pconf;

/**
 * Exit code of a child that cannot start. Once a child of its generation has served, the cause is
 * taken as temporary and the server is not stopped.
 */
int hybrid_exit_code(void);

/** -X: one process is both parent and child. Set in pre_config. */
extern int hybrid_one_process;

#endif
