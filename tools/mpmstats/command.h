/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  command.h
 * @brief A sub-command: one file commands/NAME.c and one line in command.c each.
 */
#ifndef MPMSTATS_CLI_COMMAND_H
#define MPMSTATS_CLI_COMMAND_H

#include <stdio.h>

#include "common/options.h"
#include "common/settings.h"

typedef struct {
    const char *name;
    const char *synopsis;    /**< options and arguments, or "" */
    const char *summary;     /**< one line, begins in lower case */
    const char *details;     /**< text for --help, lines end with \n, or "" */
    const char *examples;    /**< lines for --help, each ends with \n */
    const option_t *options; /**< options of this command, or NULL */
    void *target;            /**< the struct the options fill */
    /** argv[0…argc-1] are the arguments. Reports failures; returns the exit code. */
    int (*run)(const settings_t *settings, int argc, char **argv);
    /** Reports wrong options; NULL for failure_report(). Returns the exit code. */
    int (*refuse)(const failure_t *failure);
} command_t;

/** All commands; the first is the default. A NULL pointer ends the list. */
extern const command_t *const commands[];

/** The command called @a name, or NULL. */
const command_t *command_find(const char *name);

/** --help of the program (@a command NULL) or of a command. */
void command_help(FILE *out, const command_t *command);

/** Commands without arguments: true, or false and a failure that names the first argument. */
bool command_no_arguments(int argc, char **argv, failure_t *failure);

#endif
