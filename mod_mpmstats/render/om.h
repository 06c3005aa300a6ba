/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/om.h
 * @brief Writes metrics line by line, in OpenMetrics 1.0 or in Prometheus's text format 0.0.4.
 *
 * The order of calls: om_family() once, then for each of its samples om_sample(), om_label()
 * for each label and one of the om_value functions; om_end() at the end of all. The two
 * formats differ in what stands at the head of a family: OpenMetrics names a counter
 * without `_total` there and knows the type `info`. The samples are the same.
 *
 * Names, labels' names and help texts are constants of ours and are written as they are.
 * One om_t belongs to one thread.
 */
#ifndef MPMSTATS_RENDER_OM_H
#define MPMSTATS_RENDER_OM_H

#include "apr.h"
#include "render/out.h"

/** Room for a family's name, its suffixes included. */
#define OM_NAME_BYTES 128

typedef enum {
    OM_GAUGE,
    OM_COUNTER,  /**< samples are NAME_total */
    OM_INFO,     /**< samples are NAME_info, and always 1 */
    OM_HISTOGRAM /**< samples are begun with om_sample_of() */
} om_type_e;

typedef struct {
    out_t *out;
    int openmetrics;            /**< or the older format */
    char sample[OM_NAME_BYTES]; /**< name of the present family's samples */
    int labels;                 /**< written for the present sample */
} om_t;

void om_begin(om_t *om, out_t *out, int openmetrics);

/** @a unit is what @a name ends with, such as "seconds"; NULL if it has none. */
void om_family(om_t *om, const char *name, om_type_e type, const char *unit, const char *help);

void om_sample(om_t *om);

/**
 * One of the samples of a histogram: NAME_bucket, NAME_sum or NAME_count. @a suffix is "_bucket" or
 * so.
 */
void om_sample_of(om_t *om, const char *suffix);

/** Any string may be a value. */
void om_label(om_t *om, const char *name, const char *value);
void om_label_number(om_t *om, const char *name, apr_int64_t value);

void om_value(om_t *om, apr_int64_t value);
void om_value_real(om_t *om, double value);

/** Microseconds, written as seconds. */
void om_value_us(om_t *om, apr_int64_t us);

void om_value_infinite(om_t *om);

void om_end(om_t *om);

#endif
