/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/expr.h
 * @brief Conditions for `check`: KEY OP NUMBER[UNIT].
 *
 * OP is one of > >= < <= = !=. The unit is % of the key's limit; us, ms, s, m, h
 * or d for times; K, M, G, T (of 1024) for bytes and (of 1000) for counts.
 * Spaces around the parts are ignored.
 */
#ifndef MPMSTATS_CLI_FIELDS_EXPR_H
#define MPMSTATS_CLI_FIELDS_EXPR_H

#include "fields/measure.h"

typedef enum {
    EXPR_GREATER,
    EXPR_AT_LEAST,
    EXPR_LESS,
    EXPR_AT_MOST,
    EXPR_EQUAL,
    EXPR_UNEQUAL
} expr_op_e;

typedef struct {
    measure_t measure; /**< measure.percent: the bound is a percentage */
    expr_op_e op;
    double bound; /**< in the measure's unit */
    char *text;   /**< the condition as written */
} expr_t;

typedef struct {
    expr_t *items;
    size_t count;
} exprs_t;

/** Adds the comma-separated conditions of @a text to @a list. */
bool expr_parse(exprs_t *list, const char *text, failure_t *failure);

void expr_free(exprs_t *list);

/** True when the condition holds. False for an unknown value: test measure_value() first. */
bool expr_holds(const expr_t *expr, const snapshot_t *snap);

#endif
