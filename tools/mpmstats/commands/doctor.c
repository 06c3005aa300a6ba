/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats doctor: checks an installation and names the remedies.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "doctor/doctor.h"
#include "common/memory.h"
#include "common/terminal.h"
#include "common/text.h"
#include "view/view.h"

#define UNKNOWN 3 /* as in check.c: the check itself failed */

typedef struct {
    char *server_root, *config;
    bool quiet;
} doctor_options_t;

/* Filled by options_parse() before run(). */
static doctor_options_t given;

static const option_t options[] = {
    { .name = "server-root",
      .arg = "DIR",
      .type = OPTION_TEXT,
      .offset = offsetof(doctor_options_t, server_root),
      .help = "the directory of the configuration (/etc/apache2 or another usual one)" },
    { .name = "config",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = offsetof(doctor_options_t, config),
      .help = "its main file (apache2.conf, conf/httpd.conf or httpd.conf in it)" },
    { .name = "quiet",
      .letter = 'q',
      .type = OPTION_FLAG,
      .offset = offsetof(doctor_options_t, quiet),
      .help = "only warnings and faults" },
    { .name = NULL }
};

static const char *const words[] = { "ok", "warning", "fault" };

void doctor_find(doctor_t *doctor, doctor_level_e level, const char *subject, char *text,
                 char *advice)
{
    doctor->findings = memory_resize(doctor->findings, doctor->count + 1,
                                     sizeof(*doctor->findings));
    doctor->findings[doctor->count++] = (doctor_finding_t){ level, subject, text, advice };
}

static doctor_level_e worst(const doctor_t *doctor)
{
    doctor_level_e level = DOCTOR_OK;

    for (size_t i = 0; i < doctor->count; i++) {
        level = doctor->findings[i].level > level ? doctor->findings[i].level : level;
    }
    return level;
}

/* ---- which installation ---- */

static char *usual_directory(const settings_t *settings)
{
    static const char *const usual[] = { "/etc/apache2", "/etc/httpd", "/usr/local/apache2" };
    const char *confdir = getenv("APACHE_CONFDIR"), *name = settings->instance;

    if (name != NULL && strcmp(name, "apache2") != 0) {
        return memory_format("/etc/apache2-%s",
                             strncmp(name, "apache2-", 8) == 0 ? name + 8 : name);
    }
    if (confdir != NULL && confdir[0] == '/') {
        return memory_copy(confdir);
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (access(usual[i], F_OK) == 0) {
            return memory_copy(usual[i]);
        }
    }
    return memory_copy(usual[0]);
}

static bool is_debian(const char *directory)
{
    char *path = memory_format("%s/mods-enabled", directory);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static void no_configuration(doctor_t *doctor, const char *directory)
{
    if (access(directory, X_OK) != 0 && errno == EACCES) {
        doctor_find(doctor, DOCTOR_WARNING, "configuration",
                    memory_format("you may not look into %s", directory),
                    memory_copy("be root, or whoever may"));
        return;
    }
    doctor_find(doctor, DOCTOR_FAULT, "configuration",
                memory_format("there is no %s in %s",
                              given.config != NULL ? given.config : "configuration", directory),
                memory_copy("name its directory with --server-root, or the file with --config"));
}

static void examine(doctor_t *doctor)
{
    char *directory = given.server_root != NULL ? realpath(given.server_root, NULL)
                                                : usual_directory(doctor->settings);

    if (directory != NULL) {
        doctor->debian = is_debian(directory);
        doctor->conf = conf_read(directory, given.config);
    }
    if (doctor->conf == NULL) {
        no_configuration(doctor, directory != NULL ? directory : given.server_root);
    }
    else {
        doctor_configuration(doctor);
    }
    doctor_server(doctor);
    doctor_files(doctor);
    free(directory);
}

/* ---- output ---- */

static void show(const doctor_t *doctor)
{
    static const style_e styles[] = { STYLE_PLAIN, STYLE_TITLE, STYLE_ALARM };

    for (size_t i = 0; i < doctor->count; i++) {
        const doctor_finding_t *finding = &doctor->findings[i];
        char *text, *safe;

        if (given.quiet && finding->level == DOCTOR_OK) {
            continue;
        }
        text = memory_format("%s: %s", finding->subject, finding->text);
        safe = text_safe(text);
        printf("%s%-7s%s  %s\n", terminal_style(styles[finding->level]), words[finding->level],
               terminal_style(STYLE_PLAIN), safe);
        free(text);
        free(safe);
        if (finding->advice == NULL) {
            continue;
        }
        safe = text_safe(finding->advice);
        printf("%9s-> %s\n", "", safe);
        free(safe);
    }
}

static json_t *to_json(const doctor_t *doctor)
{
    json_t *list = json_array();

    for (size_t i = 0; i < doctor->count; i++) {
        const doctor_finding_t *finding = &doctor->findings[i];
        char *text = text_utf8(finding->text),
             *advice = finding->advice == NULL ? NULL : text_utf8(finding->advice);
        json_t *object = json_pack("{s:s, s:s, s:s}", "level", words[finding->level], "subject",
                                   finding->subject, "text", text);

        if (advice != NULL) {
            json_object_set_new(object, "advice", json_string(advice));
        }
        json_array_append_new(list, object);
        free(text);
        free(advice);
    }
    return json_pack("{s:s, s:i, s:o}", "level", words[worst(doctor)], "code", (int)worst(doctor),
                     "findings", list);
}

static void doctor_end(doctor_t *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        free(doctor->findings[i].text);
        free(doctor->findings[i].advice);
    }
    free(doctor->findings);
    conf_free(doctor->conf);
    sample_free(doctor->sample);
}

/* A wrong option is no finding; RC_USAGE would mean a warning. */
static int refuse(const failure_t *failure)
{
    failure_report(failure);
    return UNKNOWN;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    doctor_t doctor = { .settings = settings,
                        .chosen = given.server_root != NULL || given.config != NULL };
    failure_t failure;
    int level;

    if (!command_no_arguments(argc, argv, &failure)) {
        return refuse(&failure);
    }
    if (settings->from != NULL) {
        failure_set(&failure, RC_USAGE, "a saved answer is no installation; leave out --from");
        return refuse(&failure);
    }
    examine(&doctor);
    level = worst(&doctor);
    if (settings->json != NULL) {
        json_t *json = to_json(&doctor);

        view_json(json, settings->json);
        json_decref(json);
    }
    else {
        show(&doctor);
    }
    doctor_end(&doctor);
    return level;
}

const command_t cmd_doctor = {
    .name = "doctor",
    .synopsis = "",
    .summary = "checks an installation and names the remedies",
    .details =
        "Reads the configuration without httpd: MPMs (more than one: AH00534), prefork-only modules,\n"
        "missing files, limits, access to the page; and checks a running server: its segment and\n"
        "its page. Nothing is changed, and no privileges are needed.\n"
        "Exit codes: 0 no findings, 1 warnings, 2 faults, 3 the check itself failed.\n",
    .examples = "  mpmstats doctor\n"
                "  mpmstats doctor --quiet || echo 'look after the server'\n"
                "  mpmstats doctor --server-root /usr/local/apache2\n"
                "  mpmstats doctor --instance shop --json\n",
    .options = options,
    .target = &given,
    .run = run,
    .refuse = refuse,
};
