/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-written parser of the one-line grammar in expr.h.
 */
#include "fields/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/options.h"

#define OPERATOR_CHARACTERS "<>=!"

static const char *const words[] = {
    [EXPR_GREATER] = ">",  [EXPR_AT_LEAST] = ">=", [EXPR_LESS] = "<",
    [EXPR_AT_MOST] = "<=", [EXPR_EQUAL] = "=",     [EXPR_UNEQUAL] = "!=",
};

static bool parse_op(const char *text, size_t length, expr_op_e *op)
{
    for (expr_op_e each = EXPR_GREATER; each <= EXPR_UNEQUAL; each++) {
        if (strlen(words[each]) == length && strncmp(words[each], text, length) == 0) {
            *op = each;
            return true;
        }
    }
    if (length == 2 && strncmp(text, "==", 2) == 0) {
        *op = EXPR_EQUAL;
        return true;
    }
    return false;
}

/* A number with a suffix such as 1.5K; powers of 1024 for bytes. */
static bool parse_multiple(const char *text, bool bytes, double *value)
{
    static const char letters[] = "KMGTP";
    char *end;
    const char *letter;

    *value = strtod(text, &end);
    if (end == text || !isfinite(*value)) {
        return false;
    }
    if (*end == '\0') {
        return true;
    }
    letter = strchr(letters, toupper((unsigned char)*end));
    if (letter == NULL || end[1] != '\0') {
        return false;
    }
    *value *= pow(bytes ? 1024 : 1000, (double)(letter - letters + 1));
    return isfinite(*value);
}

/* @a text is the number and its unit, without spaces around it. */
static bool parse_bound(expr_t *expr, char *text, failure_t *failure)
{
    const field_t *field = expr->measure.field;
    size_t length = strlen(text);
    bool valid;

    if (length > 0 && text[length - 1] == '%') {
        text[length - 1] = '\0';
        if (measure_limit(&expr->measure) == NULL) {
            return failure_set(failure, RC_USAGE,
                               "'%s' has no limit to take %s%% of; compare it with a number",
                               field->name, text);
        }
        expr->measure.percent = true;
    }
    if (expr->measure.percent) {
        valid = parse_multiple(text, false, &expr->bound);
    }
    else if (field->unit == METRIC_UNIT_MICROSECONDS || field->unit == METRIC_UNIT_SECONDS) {
        valid = options_span(text, &expr->bound);
        if (field->unit == METRIC_UNIT_SECONDS) {
            expr->bound /= 1e6;
        }
    }
    else {
        valid = parse_multiple(text, field->unit == METRIC_UNIT_BYTES, &expr->bound);
    }
    return valid
        || failure_set(
               failure, RC_USAGE,
               "'%s' is not something '%s' can be compared with; write a number such as 20, 80%% or 500ms",
               text, field->name);
}

/* Trims spaces, in place. */
static char *trimmed(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    for (length = strlen(text); length > 0 && strchr(" \t", text[length - 1]) != NULL; length--) {
        text[length - 1] = '\0';
    }
    return text;
}

static bool parse_one(expr_t *expr, char *text, failure_t *failure)
{
    char *op = strpbrk(text, OPERATOR_CHARACTERS);
    size_t op_length = op == NULL ? 0 : strspn(op, OPERATOR_CHARACTERS);
    char *name;

    if (op == NULL || !parse_op(op, op_length, &expr->op)) {
        return failure_set(failure, RC_USAGE,
                           "'%s' is no condition; write one like busy>80%% or oldest>30s", text);
    }
    if (trimmed(op + op_length)[0] == '\0') {
        return failure_set(failure, RC_USAGE,
                           "'%s' has nothing to compare with; write one like busy>80%%", text);
    }
    name = memory_format("%.*s", (int)(op - text), text);
    if (!measure_parse(&expr->measure, trimmed(name), strlen(trimmed(name)), failure)) {
        free(name);
        return false;
    }
    free(name);
    if (!measure_is_number(&expr->measure)) {
        return failure_set(failure, RC_USAGE, "'%s' is a text; conditions compare numbers",
                           expr->measure.field->name);
    }
    return parse_bound(expr, trimmed(op + op_length), failure);
}

bool expr_parse(exprs_t *list, const char *text, failure_t *failure)
{
    char *copy = memory_copy(text), *rest = copy, *part;
    bool valid = true;

    while (valid && (part = strsep(&rest, ",")) != NULL) {
        list->items = memory_resize(list->items, list->count + 1, sizeof(*list->items));
        list->items[list->count] = (expr_t){ .text = memory_copy(trimmed(part)) };
        valid = parse_one(&list->items[list->count++], trimmed(part), failure);
    }
    free(copy);
    return valid;
}

void expr_free(exprs_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        measure_free(&list->items[i].measure);
        free(list->items[i].text);
    }
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

bool expr_holds(const expr_t *expr, const snapshot_t *snap)
{
    double value = measure_value(&expr->measure, snap);

    switch (expr->op) {
    case EXPR_GREATER:
        return value > expr->bound;
    case EXPR_AT_LEAST:
        return value >= expr->bound;
    case EXPR_LESS:
        return value < expr->bound;
    case EXPR_AT_MOST:
        return value <= expr->bound;
    case EXPR_EQUAL:
        return value == expr->bound;
    default:
        return !isnan(value) && value != expr->bound;
    }
}
