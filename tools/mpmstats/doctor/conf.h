/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  doctor/conf.h
 * @brief Reads a server's configuration files without httpd.
 *
 * httpd reports nothing about a configuration it cannot start with, and needs root for some.
 * The reader follows Include, Define, Debian's `envvars` and conditional sections (<IfModule> …).
 * Only a running httpd knows <IfVersion>, taken as true, and its -D options, taken as absent.
 */
#ifndef MPMSTATS_CLI_DOCTOR_CONF_H
#define MPMSTATS_CLI_DOCTOR_CONF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *name;      /**< directive name */
    char *arguments; /**< as written, ${NAME} replaced */
    char *file;
    int number; /**< line number */
    /** index of the innermost section such as <Location>; 0: the whole server */
    size_t section;
} conf_line_t;

typedef struct {
    char *title;   /**< `<Location "/x">`; "" for the whole server */
    size_t within; /**< index of the section around it */
} conf_section_t;

typedef struct {
    char *text; /**< message: what could not be read */
    bool ends;  /**< fatal: httpd refuses to start, for root too */
} conf_trouble_t;

typedef struct {
    char *directory;    /**< ServerRoot */
    conf_line_t *lines; /**< in httpd's reading order */
    size_t count;
    conf_section_t *sections;
    size_t section_count;
    char **names, **values; /**< variables: Define and envvars */
    size_t name_count;
    /** named by LoadModule and MPMLoadModule; kept apart for fast <IfModule> in virtual hosts */
    char **modules;
    size_t module_count;
    conf_trouble_t *troubles;
    size_t trouble_count;
} conf_t;

/** Reads @a file; NULL: the usual names in @a directory. Returns NULL when there is no file. */
conf_t *conf_read(const char *directory, const char *file);

/** May be NULL. */
void conf_free(conf_t *conf);

/** The last line in server context that sets @a name, or NULL. Names compare as in httpd. */
const conf_line_t *conf_last(const conf_t *conf, const char *name);

/** True when the line's directive is @a name. */
bool conf_is(const conf_line_t *line, const char *name);

/** Argument @a n (from 0) without quotes; NULL when there are fewer. The caller frees it. */
char *conf_word(const conf_line_t *line, int n);

/** The value of a variable, or NULL. */
const char *conf_variable(const conf_t *conf, const char *name);

/** The absolute form of a configured @a path. The caller frees it. */
char *conf_path(const conf_t *conf, const char *path);

#endif
