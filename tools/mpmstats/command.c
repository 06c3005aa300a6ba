/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands, and --help.
 */
#include "command.h"

#include <string.h>

#include "source/url.h"

/* Each is cmd_NAME in commands/NAME.c. --help shows them in this order. */
#define COMMANDS(COMMAND) \
    COMMAND(status) \
    COMMAND(workers) \
    COMMAND(processes) \
    COMMAND(vhosts) \
    COMMAND(events) \
    COMMAND(top) \
    COMMAND(watch) \
    COMMAND(get) \
    COMMAND(check) \
    COMMAND(metrics) \
    COMMAND(save) \
    COMMAND(diff) \
    COMMAND(tune) \
    COMMAND(doctor)

#define COMMAND_DECLARE(name) extern const command_t cmd_##name;
COMMANDS(COMMAND_DECLARE)

#define COMMAND_ADDRESS(name) &cmd_##name,
const command_t *const commands[] = { COMMANDS(COMMAND_ADDRESS) NULL };

const command_t *command_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

bool command_no_arguments(int argc, char **argv, failure_t *failure)
{
    return argc == 0
        || failure_set(failure, RC_USAGE,
                       "'%s' is one argument too many; --help shows what the command takes",
                       argv[0]);
}

static void help_program(FILE *out)
{
    fputs(
        "Usage: mpmstats [OPTION]... [COMMAND] [ARGUMENT]...\n"
        "Shows the state of a running apache2, as recorded by mod_mpmstats.\n"
        "Without an address or a file it reads the segment of the local server, else queries\n" URL_DEFAULT
        ".\n\nCommands:\n",
        out);
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(out, "  %-10s  %s%s\n", commands[i]->name, commands[i]->summary,
                i == 0 ? " (the default)" : "");
    }
    fputs("\nOptions, before or after the command:\n", out);
    options_help(out, settings_options);
    fputs("\nExamples:\n"
          "  mpmstats\n"
          "  mpmstats --url https://www.example.org/mpm-status --user admin\n"
          "  mpmstats --unix-socket /run/apache2/status.sock --json\n"
          "  mpmstats COMMAND --help\n\n"
          "Exit codes and everything else: man mpmstats\n",
          out);
}

void command_help(FILE *out, const command_t *command)
{
    if (command == NULL) {
        help_program(out);
        return;
    }
    fprintf(out, "Usage: mpmstats %s%s%s [OPTION]...\n%c%s.\n%s", command->name,
            command->synopsis[0] != '\0' ? " " : "", command->synopsis,
            command->summary[0] - 'a' + 'A', command->summary + 1, command->details);
    if (command->options != NULL) {
        fputs("\nOptions:\n", out);
        options_help(out, command->options);
    }
    fputs("\nOptions of every command:\n", out);
    options_help(out, settings_options);
    fprintf(out, "\nExamples:\n%s", command->examples);
}
