/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  doctor/doctor.h
 * @brief What the files of the command `doctor` share: findings, and who makes them.
 */
#ifndef MPMSTATS_CLI_DOCTOR_DOCTOR_H
#define MPMSTATS_CLI_DOCTOR_DOCTOR_H

#include "doctor/conf.h"
#include "fields/sample.h"
#include "common/settings.h"

/** In the order of their exit codes. */
typedef enum { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAULT } doctor_level_e;

typedef struct {
    doctor_level_e level;
    const char *subject; /**< a word or two */
    char *text;          /**< what is so */
    char *advice;        /**< what to do; NULL: nothing */
} doctor_finding_t;

typedef struct {
    const settings_t *settings;
    conf_t *conf;     /**< NULL: there is none */
    bool debian;      /**< a2enmod and its relatives are for it */
    bool chosen;      /**< another configuration than this machine's usual one */
    sample_t *sample; /**< the server, or NULL: none runs that can be looked at */
    doctor_finding_t *findings;
    size_t count;
} doctor_t;

/** Takes @a text and @a advice over. */
void doctor_find(doctor_t *doctor, doctor_level_e level, const char *subject, char *text,
                 char *advice);

/**
 * What the configuration says: files, MPMs, modules that want prefork, clients' time limits, who
 * may see the page.
 */
void doctor_configuration(doctor_t *doctor);

/**
 * What runs: the segment and who may read it, whether the server is at work and what was installed
 * since, the page.
 */
void doctor_server(doctor_t *doctor);

/**
 * The limit of open files against what the workers need; after doctor_server(), which knows the
 * limits in force.
 */
void doctor_files(doctor_t *doctor);

/**
 * The MPM that the configuration loads: "event"; "" where there is none or more than one. The
 * caller frees it.
 */
char *doctor_mpm(const doctor_t *doctor);

/** Does that MPM run each connection in a process of its own? */
bool doctor_is_prefork(const doctor_t *doctor);

/** Where the page is: the path of its <Location>, or NULL. The caller frees it. */
char *doctor_page(const doctor_t *doctor);

#endif
