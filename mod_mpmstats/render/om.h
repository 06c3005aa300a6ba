/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/om.h
 * @brief Writes metrics line by line, in OpenMetrics 1.0 or in Prometheus's text format 0.0.4.
 *
 * The order of calls: om_family() once, then for each of its samples om_sample(), om_label()
 * for each label and one of the om_value functions; om_end() at the end. The two formats
 * differ in the header of a family: OpenMetrics names a counter without `_total` there and
 * has the type `info`. The samples are the same.
 *
 * Names, labels' names and help texts are constants and are written unescaped.
 * One om_t belongs to one thread.
 */
#ifndef MPMSTATS_RENDER_OM_H
#define MPMSTATS_RENDER_OM_H

#include "apr.h"
#include "render/out.h"

/** Room for a family's name, including its suffixes. */
#define OM_NAME_BYTES 128

typedef enum {
    OM_GAUGE,
    OM_COUNTER,  /**< samples are NAME_total */
    OM_INFO,     /**< samples are NAME_info, and always 1 */
    OM_HISTOGRAM /**< samples begin with om_sample_of() */
} om_type_e;

typedef struct {
    out_t *out;
    int openmetrics;            /**< 0: the older format */
    char sample[OM_NAME_BYTES]; /**< name of the current family's samples */
    int labels;                 /**< written for the current sample */
} om_t;

void om_begin(om_t *om, out_t *out, int openmetrics);

/** @a unit is the suffix of @a name, such as "seconds"; NULL: none. */
void om_family(om_t *om, const char *name, om_type_e type, const char *unit, const char *help);

void om_sample(om_t *om);

/**
 * Begins a sample of a histogram: @a suffix is "_bucket", "_sum" or "_count".
 */
void om_sample_of(om_t *om, const char *suffix);

/** @a value may be any string. */
void om_label(om_t *om, const char *name, const char *value);
void om_label_number(om_t *om, const char *name, apr_int64_t value);

void om_value(om_t *om, apr_int64_t value);
void om_value_real(om_t *om, double value);

/** Microseconds, written as seconds. */
void om_value_us(om_t *om, apr_int64_t us);

void om_value_infinite(om_t *om);

void om_end(om_t *om);

#endif
