/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats: command line client of mod_mpmstats.
 * Global options, then a command, then global options and the command's own.
 */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "apr_general.h"
#include "command.h"
#include "common/settings.h"
#include "common/output.h"
#include "common/terminal.h"
#include "gen/version.h"

static int print_version(void)
{
    printf("mpmstats %s (libcurl %s, jansson %s)\n", MPM_VERSION,
           curl_version_info(CURLVERSION_NOW)->version, jansson_version_str());
    return output_finish(RC_OK);
}

/* The selected command. *index: its position, or for the default one before its arguments. */
static const command_t *find_command(int argc, char **argv, settings_t *settings, int *index,
                                     failure_t *failure)
{
    const option_set_t globals[] = { { settings_options, settings }, { NULL, NULL } };
    const command_t *command;

    *index = options_parse(globals, true, argc, argv, failure);
    if (*index == 0) {
        return NULL;
    }
    if (*index == argc) {
        (*index)--;
        return commands[0];
    }
    command = command_find(argv[*index]);
    if (command == NULL) {
        failure_set(failure, RC_USAGE, "there is no command '%s'; mpmstats --help lists them",
                    argv[*index]);
    }
    return command;
}

#define UNKNOWN 3 /* exit code of `check` and `doctor`: no verdict */

/* `check` and `doctor` use the value of RC_LOCAL for "critical" or "fault". */
static int finish(const command_t *command, int rc)
{
    int end = output_finish(rc);

    return end == RC_LOCAL && rc != RC_LOCAL && command != NULL && command->refuse != NULL ? UNKNOWN
                                                                                           : end;
}

static int refuse(const command_t *command, const failure_t *failure)
{
    if (command == NULL || command->refuse == NULL) {
        return failure_report(failure);
    }
    return finish(command, command->refuse(failure));
}

/* The intended command after a wrong global option. */
static const command_t *guess_command(int argc, char **argv)
{
    const command_t *command = NULL;

    for (int i = 1; i < argc && command == NULL; i++) {
        command = command_find(argv[i]);
    }
    return command;
}

static int run_command(const command_t *command, settings_t *settings, int argc, char **argv)
{
    const option_set_t sets[] = { { settings_options, settings },
                                  { command->options, command->target },
                                  { NULL, NULL } };
    failure_t failure;
    int rest = options_parse(sets, false, argc, argv, &failure);

    if (rest == 0) {
        return refuse(command, &failure);
    }
    if (settings->version) {
        return print_version();
    }
    terminal_init(!settings->no_color);
    if (settings->help) {
        command_help(stdout, command);
        return output_finish(RC_OK);
    }
    return finish(command, command->run(settings, argc - rest, argv + rest));
}

int main(int argc, char **argv)
{
    settings_t settings;
    failure_t failure;
    const command_t *command;
    int index;

    terminal_init(true);
    settings_init(&settings);
    command = find_command(argc, argv, &settings, &index, &failure);
    if (command == NULL) {
        return refuse(guess_command(argc, argv), &failure);
    }
    /* --help before or without a command describes the program */
    if (settings.help && !settings.version) {
        command_help(stdout, NULL);
        return output_finish(RC_OK);
    }
    apr_initialize();
    index = run_command(command, &settings, argc - index, argv + index);
    apr_terminate();
    return index;
}
