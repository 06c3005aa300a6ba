/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/settings.h
 * @brief The options every command takes: which server, and how to show it.
 */
#ifndef MPMSTATS_CLI_COMMON_SETTINGS_H
#define MPMSTATS_CLI_COMMON_SETTINGS_H

#include <stdbool.h>

#include "common/options.h"

/**
 * Filled once by main() before a command runs; strings are the command line's or the environment's.
 */
typedef struct {
    char *url;         /**< --url or NULL */
    char *url_usual;   /**< $MPMSTATS_URL or NULL */
    char *unix_socket; /**< --unix-socket or NULL */
    char *segment;     /**< --segment: a server of this machine by its file, or NULL */
    char *instance;    /**< --instance: the same by the name of a Debian instance, or NULL */
    char *from;        /**< --from: a saved snapshot instead of a server, or NULL */
    char *closed;      /**< source.c's: a segment that we may not read, or NULL */
    /** a command's: the histograms of each virtual host as well, where the source has them */
    bool vhost_times;
    double timeout_s; /**< --timeout; 0 for what the command finds right */
    bool insecure;
    char *cacert;
    char *user; /**< NAME[:PASSWORD], as given */
    char *json; /**< --json: "auto", "pretty" or "compact"; NULL for people */
    bool no_color;
    bool help, version;
} settings_t;

/** Their declaration; targets are settings_t. */
extern const option_t settings_options[];

/** The defaults, with what the environment says. */
void settings_init(settings_t *settings);

#endif
