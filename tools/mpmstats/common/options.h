/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/options.h
 * @brief Option tables: parsed with getopt_long(), printed by --help.
 *
 * A table describes members of a struct. Values are validated here, so commands
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
    OPTION_LIST,   /**< texts_t: the option may repeat */
    /** double in microseconds from "1.5s", "200ms", "3m"; a bare number is seconds */
    OPTION_SPAN
} option_type_e;

/** Values of an OPTION_LIST. No terminator; the array is never freed. */
typedef struct {
    char **items;
    size_t count;
} texts_t;

typedef struct {
    const char *name;
    char letter;          /**< 0: long form only */
    const char *arg;      /**< name of the argument in the help; NULL: takes none */
    const char *optional; /**< value when the argument is omitted; NULL: argument required */
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
 * With @a first_only it stops at the first argument that is not an option;
 * otherwise it moves the arguments behind the options. Returns the index of the
 * first argument, or 0 and @a failure filled.
 */
int options_parse(const option_set_t *sets, bool first_only, int argc, char **argv,
                  failure_t *failure);

/** Prints a table as lines for --help. */
void options_help(FILE *out, const option_t *table);

/** Parses a time span ("1.5s", "200ms") into microseconds; false when @a text is invalid. */
bool options_span(const char *text, double *us);

#endif
