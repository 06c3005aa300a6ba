/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  command.h
 * @brief What a sub-command is. Each has a file cmd_NAME.c and a line in command.c.
 */
#ifndef MPMSTATS_CLI_COMMAND_H
#define MPMSTATS_CLI_COMMAND_H

#include <stdio.h>

#include "common/options.h"
#include "common/settings.h"

typedef struct {
    const char *name;
    const char *synopsis;    /**< its own options and arguments, or "" */
    const char *summary;     /**< one line, begins in lower case */
    const char *details;     /**< more of it for --help, lines end with \n, or "" */
    const char *examples;    /**< lines for --help, each ends with \n */
    const option_t *options; /**< its own, or NULL */
    void *target;            /**< the struct they fill */
    /** argv[0…argc-1] are its arguments. Returns the exit code, failures reported. */
    int (*run)(const settings_t *settings, int argc, char **argv);
    /** Reports wrong options; NULL for failure_report(). Returns the exit code. */
    int (*refuse)(const failure_t *failure);
} command_t;

/** All commands; the first is the default. A NULL name ends them. */
extern const command_t *const commands[];

/** The command of that name, or NULL. */
const command_t *command_find(const char *name);

/** --help of the program (@a command NULL) or of a command. */
void command_help(FILE *out, const command_t *command);

/** For commands without arguments: true, or false and a failure that names the first. */
bool command_no_arguments(int argc, char **argv, failure_t *failure);

#endif
