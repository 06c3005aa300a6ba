/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/settings.h
 * @brief The options of every command: server and output format.
 */
#ifndef MPMSTATS_CLI_COMMON_SETTINGS_H
#define MPMSTATS_CLI_COMMON_SETTINGS_H

#include <stdbool.h>

#include "common/options.h"

/** Filled once by main() before a command runs; strings point into argv or the environment. */
typedef struct {
    char *url;         /**< --url or NULL */
    char *url_usual;   /**< $MPMSTATS_URL or NULL */
    char *unix_socket; /**< --unix-socket or NULL */
    char *segment;     /**< --segment: a local server by its segment file, or NULL */
    char *instance;    /**< --instance: a local server by its Debian instance, or NULL */
    char *from;        /**< --from: a saved snapshot instead of a server, or NULL */
    char *closed;      /**< set by source.c: a segment without read permission, or NULL */
    /** set by a command: also read the histograms of each virtual host, where available */
    bool vhost_times;
    double timeout_s; /**< --timeout; 0: the command's default */
    bool insecure;
    char *cacert;
    char *user; /**< NAME[:PASSWORD], as given */
    char *json; /**< --json: "auto", "pretty" or "compact"; NULL: tables */
    bool no_color;
    bool help, version;
} settings_t;

/** Option table; the target is a settings_t. */
extern const option_t settings_options[];

/** Sets the defaults, then the environment's values. */
void settings_init(settings_t *settings);

#endif
