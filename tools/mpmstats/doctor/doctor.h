/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  doctor/doctor.h
 * @brief Shared by the files of `doctor`: the findings and the checks that add them.
 */
#ifndef MPMSTATS_CLI_DOCTOR_DOCTOR_H
#define MPMSTATS_CLI_DOCTOR_DOCTOR_H

#include "doctor/conf.h"
#include "fields/sample.h"
#include "common/settings.h"

/** In order of exit code. */
typedef enum { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAULT } doctor_level_e;

typedef struct {
    doctor_level_e level;
    const char *subject; /**< one or two words */
    char *text;          /**< the finding */
    char *advice;        /**< what to do, or NULL */
} doctor_finding_t;

typedef struct {
    const settings_t *settings;
    conf_t *conf;     /**< NULL: no configuration found */
    bool debian;      /**< a2enmod and similar commands apply */
    bool chosen;      /**< not the default configuration of this machine */
    sample_t *sample; /**< of the running server; NULL: none that can be read */
    doctor_finding_t *findings;
    size_t count;
} doctor_t;

/** Adds a finding; takes ownership of @a text and @a advice. */
void doctor_find(doctor_t *doctor, doctor_level_e level, const char *subject, char *text,
                 char *advice);

/** Checks the configuration: files, MPMs, prefork-only modules, client timeouts, page access. */
void doctor_configuration(doctor_t *doctor);

/** Checks the running server: segment and its permissions, liveness, later upgrades, the page. */
void doctor_server(doctor_t *doctor);

/** Compares the open file limit with the workers' need; after doctor_server(), for the limits. */
void doctor_files(doctor_t *doctor);

/** The configured MPM, e.g. "event"; "" for none or several. The caller frees it. */
char *doctor_mpm(const doctor_t *doctor);

/** True when the configured MPM runs one connection per process. */
bool doctor_is_prefork(const doctor_t *doctor);

/** The path of the status page's <Location>, or NULL. The caller frees it. */
char *doctor_page(const doctor_t *doctor);

#endif
