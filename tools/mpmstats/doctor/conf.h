/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  doctor/conf.h
 * @brief A server's configuration as it lies on the disk, read without httpd.
 *
 * httpd itself tells nothing of a configuration with which it does not start, and takes root's
 * rights for some. Includes, Define, the environment of Debian's `envvars` and the sections that
 * ask for something (<IfModule> …) are followed; what only a running httpd can know (<IfVersion>,
 * -D on its command line) is taken to hold, or to be absent.
 */
#ifndef MPMSTATS_CLI_DOCTOR_CONF_H
#define MPMSTATS_CLI_DOCTOR_CONF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *name;      /**< of the directive */
    char *arguments; /**< as written, ${NAME} replaced */
    char *file;
    int number; /**< of the line */
    /** index of the innermost section such as <Location>; 0: the whole server */
    size_t section;
} conf_line_t;

typedef struct {
    char *title;   /**< `<Location "/x">`; "" for the whole server */
    size_t within; /**< index of the section around it */
} conf_section_t;

typedef struct {
    char *text; /**< what could not be read, in words */
    bool ends;  /**< httpd does not start with it, whoever starts it */
} conf_trouble_t;

typedef struct {
    char *directory;    /**< ServerRoot */
    conf_line_t *lines; /**< in the order in which httpd reads them */
    size_t count;
    conf_section_t *sections;
    size_t section_count;
    char **names, **values; /**< of Define, and of envvars */
    size_t name_count;
    /**
     * that LoadModule and MPMLoadModule name: a large configuration asks for them in each virtual
     * host
     */
    char **modules;
    size_t module_count;
    conf_trouble_t *troubles;
    size_t trouble_count;
} conf_t;

/** Reads @a file, which may be NULL for the usual ones in @a directory. NULL when there is none. */
conf_t *conf_read(const char *directory, const char *file);

/** May be NULL. */
void conf_free(conf_t *conf);

/** The last line of the whole server that sets it, or NULL. Names compare as httpd's do. */
const conf_line_t *conf_last(const conf_t *conf, const char *name);

/** Is that the directive? */
bool conf_is(const conf_line_t *line, const char *name);

/**
 * The nth word (from 0) of its arguments, without quotes; NULL when there are fewer. The caller
 * frees it.
 */
char *conf_word(const conf_line_t *line, int n);

/** The value of a variable, or NULL. */
const char *conf_variable(const conf_t *conf, const char *name);

/** An absolute name for what a configuration calls @a path. The caller frees it. */
char *conf_path(const conf_t *conf, const char *path);

#endif
