/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/compat.h
 * @brief The differences between the httpd versions this MPM supports.
 *
 * The oldest is 2.4.52. Newer features are guarded here by the module magic number; the other
 * files are written against one httpd.
 */
#ifndef MPMSTATS_MPM_COMPAT_H
#define MPMSTATS_MPM_COMPAT_H

#include "httpd.h"
#include "ap_mmn.h"
#include "ap_mpm.h"
#include "scoreboard.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 122)
#error "mpm_hybrid needs httpd 2.4.52 or newer"
#endif

#ifndef __linux__
#error "mpm_hybrid needs Linux (epoll)"
#endif

/* 2.4.63: a module may ask the MPM to poll its connection's socket. */
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
#define HYBRID_HAVE_WAITIO 1
#define HYBRID_STATE_KEEPALIVE CONN_STATE_KEEPALIVE
#define HYBRID_STATE_PROCESSING CONN_STATE_PROCESSING
#else
#define HYBRID_HAVE_WAITIO 0
#define HYBRID_STATE_KEEPALIVE CONN_STATE_CHECK_REQUEST_LINE_READABLE
#define HYBRID_STATE_PROCESSING CONN_STATE_READ_REQUEST_LINE
#endif

#endif
