/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the running server: its segment, then its page.
 */
#include "doctor/doctor.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/file.h"
#include "mpm/policy/sizing.h"
#include "source/local_find.h"
#include "common/memory.h"
#include "common/procfs.h"
#include "source/source.h"
#include "gen/version.h"

#define PAGE_PATIENCE_S 3
#define FILES_BESIDE 64   /* logs, listeners, sockets of modules, temporary files of handlers */
#define DEBIAN_FILES 8192 /* default of apache2ctl */

/* ---- the segment ---- */

static void found_unreadable(doctor_t *doctor, const char *path, const char *why)
{
    doctor_find(doctor, DOCTOR_WARNING, "segment", memory_format("%s: %s", path, why),
                memory_copy(
                    "run this as root or as a member of the file's group (MPMStatsSegmentGroup)"));
}

static char *name_of_user(uid_t uid)
{
    const struct passwd *user = getpwuid(uid);

    return user != NULL ? memory_copy(user->pw_name) : memory_format("%u", (unsigned)uid);
}

static char *name_of_group(gid_t gid)
{
    const struct group *group = getgrgid(gid);

    return group != NULL ? memory_copy(group->gr_name) : memory_format("%u", (unsigned)gid);
}

/* Write permission allows truncation, and truncating its segment crashes a server. */
static void who_may_read(doctor_t *doctor, const char *path)
{
    struct stat status;
    char *user, *group;

    if (stat(path, &status) != 0) {
        return;
    }
    user = name_of_user(status.st_uid);
    group = name_of_group(status.st_gid);
    if ((status.st_mode & 0022) != 0) {
        doctor_find(
            doctor, DOCTOR_FAULT, "segment",
            memory_format(
                "%s is writable by users other than its owner (mode %04o): they could crash the server",
                path, (unsigned)(status.st_mode & 07777)),
            memory_copy("MPMStatsSegmentMode 0640"));
    }
    else if ((status.st_mode & 0004) != 0) {
        doctor_find(doctor, DOCTOR_WARNING, "segment",
                    memory_format(
                        "%s may be read by everybody here, addresses and requests included", path),
                    memory_copy("MPMStatsSegmentMode 0640"));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "segment",
                    memory_format("%s, readable by %s%s%s", path, user,
                                  (status.st_mode & 0040) != 0 ? " and the group " : "",
                                  (status.st_mode & 0040) != 0 ? group : ""),
                    NULL);
    }
    free(user);
    free(group);
}

static bool is_off(const doctor_t *doctor)
{
    const settings_t *settings = doctor->settings;
    const conf_line_t *named = doctor->conf == NULL ? NULL
                                                    : conf_last(doctor->conf, "MPMStatsSegment");

    return settings->segment == NULL && settings->instance == NULL && named != NULL
        && strcasecmp(named->arguments, "Off") == 0;
}

/* The configured segment file; NULL: not configured and none in the default directories. */
static char *segment_of_conf(const conf_t *conf)
{
    static const char *const usual[] = { "run", "logs" };
    const conf_line_t *named = conf_last(conf, "MPMStatsSegment"),
                      *run = conf_last(conf, "DefaultRuntimeDir");
    char *word = named != NULL ? conf_word(named, 0)
        : run != NULL          ? conf_word(run, 0)
                               : NULL,
         *base, *path;

    for (size_t i = 0; word == NULL && i < sizeof(usual) / sizeof(usual[0]); i++) {
        path = memory_format("%s/%s/mpmstats.segment", conf->directory, usual[i]);
        if (access(path, F_OK) == 0) {
            return path;
        }
        free(path);
    }
    if (word == NULL) {
        return NULL;
    }
    base = conf_path(conf, word);
    path = named != NULL ? memory_copy(base) : memory_format("%s/mpmstats.segment", base);
    free(word);
    free(base);
    return path;
}

static local_find_e find_segment(const doctor_t *doctor, char **path, failure_t *failure)
{
    const settings_t *settings = doctor->settings;

    *path = NULL;
    if (settings->segment == NULL && settings->instance == NULL && doctor->conf != NULL) {
        *path = segment_of_conf(doctor->conf);
    }
    else {
        return local_find(settings, path, failure);
    }
    if (*path == NULL) {
        return doctor->chosen ? LOCAL_NONE : local_find(settings, path, failure);
    }
    if (access(*path, F_OK) == 0) {
        return access(*path, R_OK) == 0 ? LOCAL_FOUND : LOCAL_CLOSED;
    }
    free(*path);
    *path = NULL;
    return LOCAL_NONE;
}

/* Files installed after the server's start take effect at its next start. */
static void check_installed_since(doctor_t *doctor)
{
    static const char *const ours[] = { "mpm_hybrid_module", "mpmstats_module" };

    for (size_t i = 0; doctor->conf != NULL && i < doctor->conf->count; i++) {
        const conf_line_t *line = &doctor->conf->lines[i];
        char *module = conf_is(line, "LoadModule") ? conf_word(line, 0) : NULL,
             *file = module == NULL ? NULL : conf_word(line, 1);
        char *path = file == NULL ? NULL : conf_path(doctor->conf, file);
        bool mine = module != NULL
            && (strcmp(module, ours[0]) == 0 || strcmp(module, ours[1]) == 0);
        struct stat status;

        if (mine && path != NULL && stat(path, &status) == 0
            && (apr_int64_t)status.st_mtim.tv_sec * 1000000
                > doctor->sample->snap.server.restarted_us
            && doctor->sample->snap.server.restarted_us > 0) {
            doctor_find(doctor, DOCTOR_WARNING, "versions",
                        memory_format("%s is newer than the version the server runs", path),
                        memory_copy(doctor->debian ? "service apache2 restart"
                                                   : "stop and start the server"));
        }
        free(module);
        free(file);
        free(path);
    }
}

static void check_sample(doctor_t *doctor)
{
    const snapshot_server_t *server = &doctor->sample->snap.server;
    char *note = sample_note(doctor->sample);

    if (note != NULL) {
        doctor_find(
            doctor, doctor->sample->dead && doctor->sample->stopped ? DOCTOR_WARNING : DOCTOR_FAULT,
            "server", note,
            memory_copy(
                doctor->sample->dead
                    ? "look into its error log"
                    : "T in the STAT column of ps: kill -CONT PID lets it go on; else look into its error log"));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "server",
                    memory_format("pid %" PRId64 ", mpm_%s%s%s, is at work", (int64_t)server->pid,
                                  server->mpm != NULL ? server->mpm : "?",
                                  server->model != NULL ? ", model " : "",
                                  server->model != NULL ? server->model : ""),
                    NULL);
    }
    doctor_find(doctor, DOCTOR_OK, "versions",
                memory_format("mpmstats %s reads what the server's mod_mpmstats writes",
                              MPM_VERSION),
                NULL);
    check_installed_since(doctor);
}

static void look_into(doctor_t *doctor, const char *path)
{
    settings_t settings = *doctor->settings;
    failure_t failure;

    settings.segment = (char *)path;
    settings.instance = settings.url = settings.url_usual = settings.from = NULL;
    doctor->sample = source_once(&settings, &failure);
    if (doctor->sample != NULL) {
        who_may_read(doctor, path);
        check_sample(doctor);
    }
    else if (failure.rc == RC_ANSWER) {
        doctor_find(
            doctor, DOCTOR_FAULT, "versions", memory_copy(failure.text),
            memory_format(
                "install mod_mpmstats and mpmstats of the same version (this is %s), and restart the server",
                MPM_VERSION));
    }
    else {
        found_unreadable(doctor, path, failure.text);
    }
}

/* ---- the page ---- */

/* Local address of a listener that speaks plain HTTP. */
static char *address_of_page(const doctor_t *doctor)
{
    char *path = doctor_page(doctor), *url = NULL;

    for (int i = 0; path != NULL && i < doctor->sample->snap.listener_count && url == NULL; i++) {
        const snapshot_listener_t *listener = &doctor->sample->snap.listeners[i];
        const char *colon = listener->address == NULL ? NULL : strrchr(listener->address, ':');
        bool any = colon != NULL
            && (strncmp(listener->address, "*:", 2) == 0
                || strncmp(listener->address, "0.0.0.0:", 8) == 0
                || strncmp(listener->address, "[::]:", 5) == 0);

        if (colon == NULL
            || (listener->protocol != NULL && strcmp(listener->protocol, "https") == 0)) {
            continue;
        }
        url = any ? memory_format("http://127.0.0.1%s%s", colon, path)
                  : memory_format("http://%s%s", listener->address, path);
    }
    free(path);
    return url;
}

static void ask_page(doctor_t *doctor, const char *url)
{
    settings_t settings = *doctor->settings;
    failure_t failure;
    sample_t *sample;

    settings.url = (char *)url;
    settings.segment = settings.instance = settings.from = settings.url_usual = NULL;
    if (settings.timeout_s <= 0) {
        settings.timeout_s = PAGE_PATIENCE_S;
    }
    sample = source_once(&settings, &failure);
    if (sample != NULL) {
        doctor_find(doctor, DOCTOR_OK, "page", memory_format("answers at %s", url), NULL);
    }
    else {
        doctor_find(doctor, failure.rc == RC_ANSWER ? DOCTOR_FAULT : DOCTOR_WARNING, "page",
                    memory_copy(failure.text), NULL);
    }
    sample_free(sample);
}

static void check_page(doctor_t *doctor)
{
    char *url = doctor->settings->url != NULL             ? memory_copy(doctor->settings->url)
        : doctor->sample != NULL && !doctor->sample->dead ? address_of_page(doctor)
                                                          : NULL;

    if (url != NULL) {
        ask_page(doctor, url);
    }
    free(url);
}

void doctor_server(doctor_t *doctor)
{
    failure_t failure;
    char *path;

    switch (find_segment(doctor, &path, &failure)) {
    case LOCAL_FOUND:
        look_into(doctor, path);
        break;
    case LOCAL_CLOSED:
        found_unreadable(doctor, path, "you may not read it");
        break;
    case LOCAL_NONE:
        doctor_find(
            doctor, DOCTOR_OK, "server",
            memory_copy(
                is_off(doctor)
                    ? "MPMStatsSegment is Off: only the page shows whether one runs (--url)"
                    : "none runs here with mod_mpmstats; only the configuration was checked"),
            NULL);
        break;
    default:
        doctor_find(doctor, DOCTOR_WARNING, "server", memory_copy(failure.text), NULL);
        path = NULL;
    }
    free(path);
    check_page(doctor);
}

/* ---- open files ---- */

static double number_of(const conf_t *conf, const char *directive)
{
    const conf_line_t *line = conf == NULL ? NULL : conf_last(conf, directive);

    return line == NULL ? 0 : strtod(line->arguments, NULL);
}

/*
 * The limit set by APACHE_ULIMIT_MAX_FILES. An expression in place of the number means the hard
 * limit, as in httpd's apachectl.
 */
static double limit_of_command(const char *command)
{
    const char *n = command == NULL ? NULL : strstr(command, "-n ");
    double number = n == NULL ? DEBIAN_FILES : strtod(n + 3, NULL);
    struct rlimit own;

    if (number > 0) {
        return number;
    }
    return getrlimit(RLIMIT_NOFILE, &own) != 0 || own.rlim_max == RLIM_INFINITY
        ? 1e9
        : (double)own.rlim_max;
}

/* The limit of the running parent, else apache2ctl's on Debian, else this shell's. */
static double limit_of_files(const doctor_t *doctor, bool hard, char **whose)
{
    const snapshot_server_t *server = doctor->sample == NULL || doctor->sample->dead
        ? NULL
        : &doctor->sample->snap.server;
    char *path = server == NULL ? NULL
                                : memory_format("/proc/%" PRId64 "/limits", (int64_t)server->pid),
         line[256], soft[32], most[32];
    const char *command = doctor->conf == NULL
        ? NULL
        : conf_variable(doctor->conf, "APACHE_ULIMIT_MAX_FILES");
    bool read = path != NULL && procfs_line(path, "Max open files", line, sizeof(line))
        && sscanf(line, "%31s %31s", soft, most) == 2;
    struct rlimit own;

    free(path);
    if (read) {
        *whose = memory_copy("of the server that runs");
        return strcmp(hard ? most : soft, "unlimited") == 0 ? 1e9
                                                            : strtod(hard ? most : soft, NULL);
    }
    if (doctor->debian) {
        *whose = memory_copy("that apache2ctl sets");
        return limit_of_command(command);
    }
    *whose = memory_copy("of this shell");
    if (getrlimit(RLIMIT_NOFILE, &own) != 0) {
        return 0;
    }
    return hard ? (own.rlim_max == RLIM_INFINITY ? 1e9 : (double)own.rlim_max)
        : own.rlim_cur == RLIM_INFINITY ? 1e9
                                        : (double)own.rlim_cur;
}

/* Descriptors of a process with all workers busy: per worker a client and a file or backend. */
static double files_needed(const doctor_t *doctor, const char *mpm, char **why)
{
    const snapshot_limits_t *limits = doctor->sample == NULL ? NULL : &doctor->sample->snap.limits;
    double workers = limits != NULL && limits->max_request_workers > 0
        ? (double)limits->max_request_workers
        : number_of(doctor->conf, "MaxRequestWorkers");
    double threads = limits != NULL && limits->threads_per_child > 0
        ? (double)limits->threads_per_child
        : number_of(doctor->conf, "ThreadsPerChild");
    double connections = number_of(doctor->conf, "MPMMaxConnections"),
           factor = number_of(doctor->conf, "AsyncRequestWorkerFactor");

    if (doctor_is_prefork(doctor)) {
        workers = workers > 0 ? workers : 256;
        *why = memory_format("the parent has one for each of MaxRequestWorkers %.0f processes",
                             workers);
        return strcmp(mpm, "hybrid") == 0 ? workers + FILES_BESIDE : FILES_BESIDE;
    }
    if (threads <= 0 && strcmp(mpm, "hybrid") == 0) {
        sizing_layout_t layout = { .max_request_workers = workers > 0 ? (int)workers : 400 };

        sizing_layout((int)sysconf(_SC_NPROCESSORS_ONLN), &layout);
        threads = layout.threads_per_child;
    }
    threads = threads > 0 ? threads : 25;
    if (strcmp(mpm, "event") == 0) {
        connections = threads * (1 + (factor > 0 ? factor : 2));
    }
    connections = connections > threads ? connections : threads;
    *why = memory_format("a process of %.0f workers and %.0f connections", threads, connections);
    return connections + threads + FILES_BESIDE;
}

void doctor_files(doctor_t *doctor)
{
    char *mpm = doctor_mpm(doctor), *whose = NULL, *why = NULL;
    double limit, needed;

    if (mpm[0] == '\0') {
        free(mpm);
        return;
    }
    /* mpm_hybrid's children raise the soft limit to the hard limit */
    limit = limit_of_files(doctor, strcmp(mpm, "hybrid") == 0, &whose);
    needed = files_needed(doctor, mpm, &why);
    if (limit < needed) {
        doctor_find(
            doctor, DOCTOR_WARNING, "open files",
            memory_format("the limit %s is %.0f; %s needs %.0f", whose, limit, why, needed),
            doctor->debian
                ? memory_format(
                    "in envvars: APACHE_ULIMIT_MAX_FILES='ulimit -n %.0f', and no lower LimitNOFILE= (systemctl edit apache2)",
                    needed)
                : memory_format(
                    "raise it to %.0f where the server is started: ulimit -n, or LimitNOFILE= of its unit",
                    needed));
    }
    else {
        doctor_find(doctor, DOCTOR_OK, "open files",
                    memory_format("the limit %s is %.0f; %s needs %.0f", whose, limit, why, needed),
                    NULL);
    }
    free(mpm);
    free(whose);
    free(why);
}
