/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/options.h
 * @brief Options declared in tables: parsed by getopt_long, explained by --help.
 *
 * A table describes members of a struct. Values are checked here, so commands
 * see only valid ones. Strings point into argv.
 */
#ifndef MPMSTATS_CLI_COMMON_OPTIONS_H
#define MPMSTATS_CLI_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/failure.h"

typedef enum {
    OPTION_FLAG,   /**< bool, no argument */
    OPTION_TEXT,   /**< char * */
    OPTION_CHOICE, /**< char *, one of choices */
    OPTION_COUNT,  /**< long, within least and most */
    OPTION_REAL,   /**< double, within least and most */
    OPTION_LIST,   /**< texts_t: may be given several times */
    /** double in microseconds from "1.5s", "200ms", "3m"; a bare number is seconds */
    OPTION_SPAN
} option_type_e;

/** What an OPTION_LIST collects; ends are not marked, the array is never freed. */
typedef struct {
    char **items;
    size_t count;
} texts_t;

typedef struct {
    const char *name;
    char letter;          /**< 0: only the long form */
    const char *arg;      /**< name of its argument in the help; NULL: none */
    const char *optional; /**< value when the argument is left out; NULL: it is needed */
    option_type_e type;
    size_t offset; /**< of the member in the target */
    double least, most;
    const char *const *choices; /**< NULL-terminated */
    const char *help;
} option_t;

/** A table and the struct it describes. Tables end with a NULL name. */
typedef struct {
    const option_t *table;
    void *target;
} option_set_t;

/**
 * Parses argv[1…] by the tables of @a sets, which end with a NULL table.
 * @a first_only stops at the first argument that is no option. Returns the index
 * of the first argument left, or 0 and @a failure filled; otherwise all other
 * arguments are moved behind the options.
 */
int options_parse(const option_set_t *sets, bool first_only, int argc, char **argv,
                  failure_t *failure);

/** Prints a table as lines for --help. */
void options_help(FILE *out, const option_t *table);

/** A span of time as people write it, in microseconds; false when @a text is none. */
bool options_span(const char *text, double *us);

#endif
