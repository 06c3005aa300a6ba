/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps option tables to getopt_long() and back.
 */
#include "common/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* getopt_long() returns FIRST_VALUE + the index into the flat list. */
#define FIRST_VALUE 1000
#define OPTIONS_MAX 64

typedef struct {
    const option_t *option;
    void *target;
} bound_t;

typedef struct {
    bound_t bound[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[OPTIONS_MAX * 3 + 3];
    int count;
} parser_t;

static void parser_build(parser_t *parser, const option_set_t *sets, bool first_only)
{
    char *shorts = parser->shorts;

    memset(parser, 0, sizeof(*parser));
    *shorts++ = first_only ? '+' : ':';
    if (first_only) {
        *shorts++ = ':';
    }
    for (; sets->table != NULL; sets++) {
        for (const option_t *option = sets->table;
             option->name != NULL && parser->count < OPTIONS_MAX; option++) {
            int has_arg = option->arg == NULL ? no_argument
                : option->optional != NULL    ? optional_argument
                                              : required_argument;

            parser->bound[parser->count] = (bound_t){ option, sets->target };
            parser->longs[parser->count] = (struct option){ option->name, has_arg, NULL,
                                                            FIRST_VALUE + parser->count };
            parser->count++;
            if (option->letter != 0) {
                *shorts++ = option->letter;
                for (int colons = has_arg; colons > 0; colons--) {
                    *shorts++ = ':';
                }
            }
        }
    }
}

static const bound_t *parser_find(const parser_t *parser, int value)
{
    if (value >= FIRST_VALUE) {
        return &parser->bound[value - FIRST_VALUE];
    }
    for (int i = 0; i < parser->count; i++) {
        if (parser->bound[i].option->letter == value) {
            return &parser->bound[i];
        }
    }
    return NULL;
}

bool options_span(const char *text, double *us)
{
    static const struct {
        const char *suffix;
        double us;
    } units[] = { { "us", 1 },   { "ms", 1e3 },   { "s", 1e6 },    { "", 1e6 },
                  { "m", 60e6 }, { "min", 60e6 }, { "h", 3600e6 }, { "d", 86400e6 } };
    char *end;
    double number = strtod(text, &end);

    if (end == text || !isfinite(number) || number < 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].suffix) == 0 && isfinite(number * units[i].us)) {
            *us = number * units[i].us;
            return true;
        }
    }
    return false;
}

static bool set_choice(const option_t *option, char **member, char *text, failure_t *failure)
{
    char *list = memory_copy("");

    for (size_t i = 0; option->choices[i] != NULL; i++) {
        char *longer = memory_format("%s%s%s", list, i > 0 ? ", " : "", option->choices[i]);

        free(list);
        list = longer;
        if (strcmp(option->choices[i], text) == 0) {
            *member = text;
            free(list);
            return true;
        }
    }
    failure_set(failure, RC_USAGE, "--%s cannot be '%s'; choose one of %s", option->name, text,
                list);
    free(list);
    return false;
}

static bool set_number(const option_t *option, void *member, const char *text, failure_t *failure)
{
    char *end;
    double number = strtod(text, &end);
    bool whole = option->type == OPTION_REAL || number == floor(number);

    if (end == text || *end != '\0' || !isfinite(number) || !whole || number < option->least
        || number > option->most) {
        return failure_set(failure, RC_USAGE, "--%s wants %s from %g to %g, not '%s'", option->name,
                           option->type == OPTION_REAL ? "a number" : "a whole number",
                           option->least, option->most, text);
    }
    if (option->type == OPTION_REAL) {
        *(double *)member = number;
    }
    else {
        *(long *)member = (long)number;
    }
    return true;
}

static void list_add(texts_t *list, char *text)
{
    list->items = memory_resize(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = text;
}

static bool set_value(const bound_t *bound, char *text, failure_t *failure)
{
    const option_t *option = bound->option;
    void *member = (char *)bound->target + option->offset;

    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return true;
    case OPTION_TEXT:
        *(char **)member = text;
        return true;
    case OPTION_CHOICE:
        return set_choice(option, member, text, failure);
    case OPTION_LIST:
        list_add(member, text);
        return true;
    case OPTION_SPAN:
        return options_span(text, member)
            || failure_set(failure, RC_USAGE,
                           "--%s wants a time such as 500ms, 2s or 1.5m, not '%s'", option->name,
                           text);
    default:
        return set_number(option, member, text, failure);
    }
}

/* Reports the argument getopt_long() rejected, without its value, which may be secret. */
static bool unknown(const parser_t *parser, int result, char **argv, failure_t *failure)
{
    const bound_t *bound = optopt == 0 ? NULL : parser_find(parser, optopt);
    const char *word = argv[optind - 1];
    int length = (int)strcspn(word, "=");

    if (result == ':' && bound != NULL) {
        return failure_set(failure, RC_USAGE, "--%s wants an argument: --%s %s",
                           bound->option->name, bound->option->name, bound->option->arg);
    }
    if (bound != NULL) {
        return failure_set(failure, RC_USAGE, "--%s takes no argument", bound->option->name);
    }
    if (optopt != 0) {
        return failure_set(failure, RC_USAGE, "there is no option '-%c'; --help lists them",
                           optopt);
    }
    return failure_set(failure, RC_USAGE,
                       "there is no option '%.*s', or more than one begins so; --help lists them",
                       length, word);
}

int options_parse(const option_set_t *sets, bool first_only, int argc, char **argv,
                  failure_t *failure)
{
    parser_t parser;
    int result;

    parser_build(&parser, sets, first_only);
    optind = 0; /* glibc: reset the parser */
    opterr = 0;
    while ((result = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
        const bound_t *bound;
        char *text = optarg;

        if (result == '?' || result == ':') {
            unknown(&parser, result, argv, failure);
            return 0;
        }
        bound = parser_find(&parser, result);
        if (bound == NULL
            || !set_value(bound, text != NULL ? text : (char *)bound->option->optional, failure)) {
            return 0;
        }
    }
    return optind;
}

void options_help(FILE *out, const option_t *table)
{
    for (const option_t *option = table; option->name != NULL; option++) {
        char *left = memory_format("%c%c%c --%s%s%s%s", option->letter ? '-' : ' ',
                                   option->letter ? option->letter : ' ',
                                   option->letter ? ',' : ' ', option->name,
                                   option->arg == NULL    ? ""
                                       : option->optional ? "[="
                                                          : " ",
                                   option->arg == NULL ? "" : option->arg,
                                   option->arg != NULL && option->optional ? "]" : "");

        if (strlen(left) > 24) {
            fprintf(out, "  %s\n  %24s  %s\n", left, "", option->help);
        }
        else {
            fprintf(out, "  %-24s  %s\n", left, option->help);
        }
        free(left);
    }
}
