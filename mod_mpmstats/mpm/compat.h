/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/compat.h
 * @brief The span of httpd versions this MPM is built for, in one place.
 *
 * Everything newer than 2.4.52 is guarded here by the module magic number, so
 * that the other files read as if there were one httpd.
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

/* 2.4.63: a module may ask the MPM to wait for its socket. */
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
