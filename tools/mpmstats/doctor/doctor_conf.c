/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the configuration alone. A finding that keeps httpd from starting quotes httpd's
 * message.
 */
#include "doctor/doctor.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/memory.h"

/* ---- modules ---- */

static bool loads(const conf_line_t *line)
{
    return conf_is(line, "LoadModule") || conf_is(line, "MPMLoadModule");
}

static char *place_of(const conf_line_t *line)
{
    return memory_format("%s:%d", line->file, line->number);
}

/* "event" for mpm_event_module; NULL for other modules and mpm_itk, an add-on to prefork. */
static char *mpm_of(const conf_line_t *line)
{
    char *module = loads(line) ? conf_word(line, 0) : NULL, *mpm = NULL;
    size_t length = module == NULL ? 0 : strlen(module);

    if (length > 11 && strncmp(module, "mpm_", 4) == 0
        && strcmp(module + length - 7, "_module") == 0 && strcmp(module, "mpm_itk_module") != 0) {
        mpm = memory_format("%.*s", (int)length - 11, module + 4);
    }
    free(module);
    return mpm;
}

/* a2dismod's name for the file of this line; NULL when not in mods-enabled. */
static char *a2_name(const doctor_t *doctor, const conf_line_t *line)
{
    const char *enabled = strstr(line->file, "/mods-enabled/");
    size_t length;

    if (!doctor->debian || enabled == NULL) {
        return NULL;
    }
    enabled += strlen("/mods-enabled/");
    length = strlen(enabled);
    return length > 5 && strcmp(enabled + length - 5, ".load") == 0
        ? memory_format("%.*s", (int)length - 5, enabled)
        : NULL;
}

static char *how_to_unload(const doctor_t *doctor, const conf_line_t *line)
{
    char *name = a2_name(doctor, line), *text, *place;

    if (name != NULL) {
        text = memory_format("a2dismod %s", name);
        free(name);
        return text;
    }
    place = place_of(line);
    text = memory_format("remove the LoadModule in %s", place);
    free(place);
    return text;
}

/* ---- MPMs ---- */

typedef struct {
    const conf_line_t *lines[16];
    char *names[16];
    size_t count;
} mpms_t;

static mpms_t loaded_mpms(const conf_t *conf)
{
    mpms_t mpms = { .count = 0 };

    for (size_t i = 0; conf != NULL && i < conf->count && mpms.count < 16; i++) {
        char *name = mpm_of(&conf->lines[i]);
        bool known = name == NULL;

        for (size_t k = 0; k < mpms.count && !known; k++) {
            known = strcmp(mpms.names[k], name) == 0;
        }
        if (known) {
            free(name);
            continue;
        }
        mpms.lines[mpms.count] = &conf->lines[i];
        mpms.names[mpms.count++] = name;
    }
    return mpms;
}

static void mpms_free(mpms_t *mpms)
{
    for (size_t i = 0; i < mpms->count; i++) {
        free(mpms->names[i]);
    }
}

char *doctor_mpm(const doctor_t *doctor)
{
    mpms_t mpms = loaded_mpms(doctor->conf);
    char *mpm = memory_copy(mpms.count == 1 ? mpms.names[0] : "");

    mpms_free(&mpms);
    return mpm;
}

static bool model_is_prefork(const conf_t *conf)
{
    const conf_line_t *line = conf_last(conf, "MPMModel");

    return line != NULL && strcasecmp(line->arguments, "prefork") == 0;
}

bool doctor_is_prefork(const doctor_t *doctor)
{
    char *mpm = doctor_mpm(doctor);
    bool prefork = strcmp(mpm, "prefork") == 0
        || (strcmp(mpm, "hybrid") == 0 && model_is_prefork(doctor->conf));

    free(mpm);
    return prefork;
}

/* Keep mpm_hybrid, else the MPM enabled last. */
static size_t one_to_keep(const mpms_t *mpms)
{
    for (size_t i = 0; i < mpms->count; i++) {
        if (strcmp(mpms->names[i], "hybrid") == 0) {
            return i;
        }
    }
    return mpms->count - 1;
}

static void several_mpms(doctor_t *doctor, const mpms_t *mpms)
{
    char *text = memory_format("%zu MPMs are loaded:", mpms->count),
         *advice = memory_copy("keep one: ");
    size_t kept = one_to_keep(mpms);
    bool first = true;

    for (size_t i = 0; i < mpms->count; i++) {
        char *place = place_of(mpms->lines[i]),
             *longer = memory_format("%s%s %s (%s)", text, i > 0 ? "," : "", mpms->names[i], place);

        free(text);
        free(place);
        text = longer;
        if (i != kept) {
            char *step = how_to_unload(doctor, mpms->lines[i]);

            longer = memory_format("%s%s%s", advice, first ? "" : "; ", step);
            free(advice);
            free(step);
            advice = longer;
            first = false;
        }
    }
    doctor_find(doctor, DOCTOR_FAULT, "MPM",
                memory_format("%s; httpd does not start with more than one (AH00534)", text),
                advice);
    free(text);
}

static void check_mpms(doctor_t *doctor)
{
    mpms_t mpms = loaded_mpms(doctor->conf);
    const conf_line_t *model = conf_last(doctor->conf, "MPMModel");

    if (mpms.count > 1) {
        several_mpms(doctor, &mpms);
    }
    else if (mpms.count == 0) {
        doctor_find(
            doctor, DOCTOR_WARNING, "MPM",
            memory_copy("no MPM is loaded; httpd starts only if one is linked into it (AH00534)"),
            memory_copy(doctor->debian
                            ? "a2enmod mpm_hybrid"
                            : "load one: LoadModule mpm_hybrid_module …/mod_mpm_hybrid.so"));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "MPM",
                    memory_format("mpm_%s%s%s", mpms.names[0], model != NULL ? ", MPMModel " : "",
                                  model != NULL ? model->arguments : ""),
                    NULL);
    }
    mpms_free(&mpms);
}

/* ---- prefork-only modules ---- */

/* mod_php requires prefork unless its file name contains "zts"; mpm_itk requires it too. */
static bool wants_prefork(const conf_line_t *line)
{
    char *module = loads(line) ? conf_word(line, 0) : NULL,
         *file = module == NULL ? NULL : conf_word(line, 1);
    bool php = module != NULL && strncmp(module, "php", 3) == 0
        && strcmp(module + 3 + strspn(module + 3, "0123456789_"), "module") == 0;
    bool wants = (php && (file == NULL || strcasestr(file, "zts") == NULL))
        || (module != NULL && strcmp(module, "mpm_itk_module") == 0);

    free(module);
    free(file);
    return wants;
}

static char *how_to_prefork(const doctor_t *doctor, const conf_line_t *line, const char *mpm)
{
    char *name = a2_name(doctor, line), *text;
    bool php = name != NULL && strncmp(name, "php", 3) == 0;

    if (php && strcmp(mpm, "prefork") != 0) {
        text = memory_format(
            "a2dismod %s && a2enmod php_hybrid, which runs it on mpm_hybrid's prefork model; or use php-fpm",
            name);
    }
    else if (strcmp(mpm, "hybrid") == 0) {
        text = memory_copy(
            "set MPMModel prefork in front of where the module is loaded (mpm_hybrid.load)");
    }
    else {
        text = memory_copy("use mpm_prefork, or mpm_hybrid with MPMModel prefork");
    }
    free(name);
    return text;
}

static void check_prefork(doctor_t *doctor)
{
    char *mpm = doctor_mpm(doctor);
    bool prefork = doctor_is_prefork(doctor), any = false;

    for (size_t i = 0; i < doctor->conf->count && mpm[0] != '\0'; i++) {
        const conf_line_t *line = &doctor->conf->lines[i];
        char *module, *place;

        if (!wants_prefork(line)) {
            continue;
        }
        any = true;
        if (prefork) {
            continue;
        }
        module = conf_word(line, 0);
        place = place_of(line);
        doctor_find(doctor, DOCTOR_FAULT, "prefork",
                    memory_format("%s (%s) requires prefork, and mpm_%s runs threads", module,
                                  place, mpm),
                    how_to_prefork(doctor, line, mpm));
        free(module);
        free(place);
    }
    if (any && prefork) {
        doctor_find(doctor, DOCTOR_OK, "prefork",
                    memory_copy("a prefork-only module has a process for each connection"), NULL);
    }
    free(mpm);
}

/* ---- files ---- */

/* php_hybrid denies PHP files without mod_php: unloading it may expose their sources. */
static char *how_to_do_without(const doctor_t *doctor, const conf_line_t *line, bool pattern)
{
    char *unload = how_to_unload(doctor, line), *module = conf_word(line, 0), *text;

    if (!pattern) {
        free(module);
        return unload;
    }
    if (module != NULL && strncmp(module, "php", 3) == 0) {
        text = memory_format(
            "install the package that has it (libapache2-mod-php), or, where php-fpm runs PHP's files or there are none: %s",
            unload);
    }
    else {
        text = memory_format("install the package that has it, or %s", unload);
    }
    free(module);
    free(unload);
    return text;
}

/* MPMLoadModule takes a pattern and accepts no match. */
static bool module_is_there(const conf_t *conf, const conf_line_t *line)
{
    char *file = conf_word(line, 1), *path;
    glob_t matches;
    bool there;

    if (file == NULL) {
        return true;
    }
    path = conf_path(conf, file);
    there = access(path, F_OK) == 0;
    if (!there && conf_is(line, "MPMLoadModule") && glob(path, 0, NULL, &matches) == 0) {
        there = true;
        globfree(&matches);
    }
    free(file);
    free(path);
    return there;
}

static void check_files(doctor_t *doctor)
{
    const conf_t *conf = doctor->conf;
    size_t modules = 0;

    for (size_t i = 0; i < conf->trouble_count; i++) {
        const conf_trouble_t *trouble = &conf->troubles[i];

        doctor_find(doctor, trouble->ends ? DOCTOR_FAULT : DOCTOR_WARNING, "configuration",
                    memory_format("%s%s", trouble->text,
                                  trouble->ends ? "; httpd does not start" : ""),
                    memory_copy(trouble->ends ? "fix it"
                                              : "fix it, or run this as a user who may read it"));
    }
    for (size_t i = 0; i < conf->count; i++) {
        const conf_line_t *line = &conf->lines[i];
        bool pattern = conf_is(line, "MPMLoadModule");
        char *module, *place;

        if (!loads(line)) {
            continue;
        }
        modules++;
        if (module_is_there(conf, line)) {
            continue;
        }
        module = conf_word(line, 0);
        place = place_of(line);
        doctor_find(doctor, pattern ? DOCTOR_WARNING : DOCTOR_FAULT, "modules",
                    memory_format("the file of %s does not exist (%s: %s)%s", module, place,
                                  line->arguments, pattern ? "" : "; httpd does not start"),
                    how_to_do_without(doctor, line, pattern));
        free(module);
        free(place);
    }
    doctor_find(doctor, DOCTOR_OK, "configuration",
                memory_format("%zu directives, %zu modules of %s", conf->count, modules,
                              conf->directory),
                NULL);
}

/* ---- slow clients ---- */

static bool is_loaded(const conf_t *conf, const char *module)
{
    bool found = false;

    for (size_t i = 0; i < conf->count && !found; i++) {
        char *name = loads(&conf->lines[i]) ? conf_word(&conf->lines[i], 0) : NULL;

        found = name != NULL && strcmp(name, module) == 0;
        free(name);
    }
    return found;
}

static void check_reqtimeout(doctor_t *doctor)
{
    const conf_line_t *line = conf_last(doctor->conf, "RequestReadTimeout");

    if (!is_loaded(doctor->conf, "reqtimeout_module")) {
        doctor_find(
            doctor, DOCTOR_WARNING, "slow clients",
            memory_copy(
                "mod_reqtimeout is not loaded: a client may take Timeout for each byte of its request"),
            memory_copy(doctor->debian ? "a2enmod reqtimeout" : "load mod_reqtimeout"));
    }
    else if (line != NULL && strcasestr(line->arguments, "header=0") != NULL) {
        doctor_find(doctor, DOCTOR_WARNING, "slow clients",
                    memory_format("RequestReadTimeout %s sets no limit on a request's head",
                                  line->arguments),
                    memory_copy("RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500"));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "slow clients",
                    line != NULL ? memory_format("RequestReadTimeout %s", line->arguments)
                                 : memory_copy("mod_reqtimeout's own limits"),
                    NULL);
    }
}

/* ---- the page ---- */

static bool is_page(const conf_line_t *line)
{
    char *handler = conf_is(line, "SetHandler") ? conf_word(line, 0) : NULL;
    bool page = handler != NULL && strcmp(handler, "mpm-status") == 0;

    free(handler);
    return page;
}

static const conf_line_t *page_line(const conf_t *conf)
{
    for (size_t i = 0; conf != NULL && i < conf->count; i++) {
        if (is_page(&conf->lines[i])) {
            return &conf->lines[i];
        }
    }
    return NULL;
}

/* The path of <Location PATH>; NULL for other sections. The caller frees it. */
static char *location_of(const conf_section_t *section)
{
    conf_line_t inside = { .arguments = NULL };
    char *path;

    if (strncasecmp(section->title, "<Location ", 10) != 0) {
        return NULL;
    }
    inside.arguments = memory_format("%.*s", (int)strcspn(section->title + 10, ">"),
                                     section->title + 10);
    path = conf_word(&inside, 0);
    free(inside.arguments);
    return path;
}

char *doctor_page(const doctor_t *doctor)
{
    const conf_line_t *line = page_line(doctor->conf);

    return line == NULL ? NULL : location_of(&doctor->conf->sections[line->section]);
}

/* True inside that section, one with the same title, or one nested in it (<RequireAny>). */
static bool is_within(const conf_t *conf, size_t section, size_t wanted)
{
    while (section != 0) {
        if (section == wanted
            || strcmp(conf->sections[section].title, conf->sections[wanted].title) == 0) {
            return true;
        }
        section = conf->sections[section].within;
    }
    return false;
}

static bool covers(const char *outer, const char *path)
{
    size_t length = outer == NULL ? 0 : strlen(outer);

    return length > 0 && strncmp(outer, path, length) == 0
        && (outer[length - 1] == '/' || path[length] == '/' || path[length] == '\0');
}

/*
 * A line after @a page that grants access to everybody on a path above the page: the last matching
 * <Location> wins, not the most specific.
 */
static const conf_line_t *opened_behind(const conf_t *conf, const conf_line_t *page)
{
    char *path = location_of(&conf->sections[page->section]);
    const conf_line_t *found = NULL;

    for (const conf_line_t *line = page + 1; path != NULL && line < conf->lines + conf->count;
         line++) {
        char *outer = NULL;

        if (line->section > page->section && conf_is(line, "Require")
            && strcasecmp(line->arguments, "all granted") == 0) {
            outer = location_of(&conf->sections[line->section]);
        }
        if (covers(outer, path)) {
            found = line;
        }
        free(outer);
    }
    free(path);
    return found;
}

static void who_may_see(doctor_t *doctor, const conf_line_t *page)
{
    const conf_t *conf = doctor->conf;
    const conf_line_t *opened = opened_behind(conf, page);
    char *who = memory_copy(""), *place = place_of(page);
    bool all = false;

    for (size_t i = 0; i < conf->count; i++) {
        char *longer;

        if (!conf_is(&conf->lines[i], "Require") || page->section == 0
            || !is_within(conf, conf->lines[i].section, page->section)) {
            continue;
        }
        all |= strcasecmp(conf->lines[i].arguments, "all granted") == 0;
        longer = memory_format("%s%s%s", who, who[0] != '\0' ? "; " : "", conf->lines[i].arguments);
        free(who);
        who = longer;
    }
    if (who[0] == '\0' || all) {
        doctor_find(
            doctor, DOCTOR_WARNING, "page",
            memory_format("everybody may see it, addresses and requests included (%s)", place),
            memory_copy("add Require local, or Require ip …, beside SetHandler mpm-status"));
    }
    else if (opened != NULL) {
        doctor_find(
            doctor, DOCTOR_WARNING, "page",
            memory_format(
                "everybody may see it (%s): after it, %s sets Require all granted at %s:%d, and the last <Location> wins",
                place, conf->sections[opened->section].title, opened->file, opened->number),
            memory_copy("move the <Location> of the page after that one"));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "page", memory_format("for: Require %s (%s)", who, place),
                    NULL);
    }
    free(who);
    free(place);
}

static void check_page(doctor_t *doctor)
{
    const conf_t *conf = doctor->conf;

    if (!is_loaded(doctor->conf, "mpmstats_module")) {
        doctor_find(doctor, DOCTOR_WARNING, "page",
                    memory_copy(
                        "mod_mpmstats is not loaded: nothing is recorded, and there is no page"),
                    memory_copy(doctor->debian ? "a2enmod mpmstats" : "load mod_mpmstats"));
    }
    else if (page_line(conf) == NULL) {
        doctor_find(
            doctor, DOCTOR_WARNING, "page",
            memory_copy("there is none: no section sets the handler mpm-status"),
            memory_copy(
                "<Location \"/mpm-status\"> SetHandler mpm-status, Require local </Location>"));
    }
    for (size_t i = 0; i < conf->count && is_loaded(conf, "mpmstats_module"); i++) {
        if (is_page(&conf->lines[i])) {
            who_may_see(doctor, &conf->lines[i]);
        }
    }
}

/* ---- */

void doctor_configuration(doctor_t *doctor)
{
    check_files(doctor);
    check_mpms(doctor);
    check_prefork(doctor);
    check_reqtimeout(doctor);
    check_page(doctor);
}
