/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the configuration files and skips conditional sections that do not hold. A hostile
 * file may include itself, a pipe, a device or a pattern that matches everything: the walk opens
 * regular files only and stops with a conf_trouble_t at a limit of depth, time or size.
 */
#include "doctor/conf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"

#define DEPTH_MOST 32  /* of includes */
#define NESTED_MOST 64 /* of sections */
#define LINE_MOST 65536
#define BYTES_MOST (64 << 20) /* of all stored lines together */
#define SECONDS_MOST 3

typedef struct {
    conf_t *conf;
    int depth;
    size_t section; /* the innermost stored one */
    size_t bytes;   /* stored so far */
    struct timespec begun;
    bool over; /* reading has stopped; a conf_trouble_t gives the reason */
} walk_t;

static void read_file(walk_t *walk, const char *path);

/* ---- helpers ---- */

static void trouble(conf_t *conf, char *text, bool ends)
{
    conf->troubles = memory_resize(conf->troubles, conf->trouble_count + 1,
                                   sizeof(*conf->troubles));
    conf->troubles[conf->trouble_count++] = (conf_trouble_t){ text, ends };
}

/* Stops the walk. Takes ownership of @a text. */
static void give_up(walk_t *walk, char *text, bool ends)
{
    walk->over = true;
    trouble(walk->conf, text, ends);
}

/* True when the walk must stop; called for each line, file and directory entry. */
static bool is_over(walk_t *walk)
{
    struct timespec now;

    if (walk->over) {
        return true;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (walk->bytes > BYTES_MOST) {
        give_up(walk,
                memory_format("it is larger than %d MiB with its includes; the rest was not read",
                              BYTES_MOST >> 20),
                false);
    }
    else if (now.tv_sec - walk->begun.tv_sec > SECONDS_MOST) {
        give_up(
            walk,
            memory_format(
                "reading it with its includes takes more than %d seconds; the rest was not read",
                SECONDS_MOST),
            false);
    }
    return walk->over;
}

static void define(conf_t *conf, char *name, char *value)
{
    conf->names = memory_resize(conf->names, conf->name_count + 1, sizeof(*conf->names));
    conf->values = memory_resize(conf->values, conf->name_count + 1, sizeof(*conf->values));
    conf->names[conf->name_count] = name;
    conf->values[conf->name_count++] = value;
}

const char *conf_variable(const conf_t *conf, const char *name)
{
    for (size_t i = conf->name_count; i > 0; i--) {
        if (strcmp(conf->names[i - 1], name) == 0) {
            return conf->values[i - 1];
        }
    }
    return getenv(name);
}

bool conf_is(const conf_line_t *line, const char *name)
{
    return strcasecmp(line->name, name) == 0;
}

const conf_line_t *conf_last(const conf_t *conf, const char *name)
{
    for (size_t i = conf->count; i > 0; i--) {
        if (conf->lines[i - 1].section == 0 && conf_is(&conf->lines[i - 1], name)) {
            return &conf->lines[i - 1];
        }
    }
    return NULL;
}

/* The word at *at, advancing *at behind it; NULL at the end. */
static char *next_word(const char **at)
{
    const char *begin = *at + strspn(*at, " \t"), *end;

    if (*begin == '\0') {
        return NULL;
    }
    if (*begin == '"' || *begin == '\'') {
        end = strchr(begin + 1, *begin);
        if (end == NULL) {
            end = begin + strlen(begin);
        }
        *at = end + (*end != '\0');
        return memory_format("%.*s", (int)(end - begin - 1), begin + 1);
    }
    end = begin + strcspn(begin, " \t");
    *at = end;
    return memory_format("%.*s", (int)(end - begin), begin);
}

char *conf_word(const conf_line_t *line, int n)
{
    const char *at = line->arguments;
    char *word = next_word(&at);

    while (word != NULL && n-- > 0) {
        free(word);
        word = next_word(&at);
    }
    return word;
}

char *conf_path(const conf_t *conf, const char *path)
{
    return path[0] == '/' ? memory_copy(path) : memory_format("%s/%s", conf->directory, path);
}

/*
 * Replaces ${NAME} as httpd does; an unknown one stays unchanged. The result is cut at
 * LINE_MOST.
 */
static char *expanded(const conf_t *conf, const char *text)
{
    memory_text_t out;

    memory_text_open(&out);
    while (*text != '\0' && ftell(out.out) < LINE_MOST) {
        const char *end = text[0] == '$' && text[1] == '{' ? strchr(text, '}') : NULL;
        char *name = end == NULL ? NULL : memory_format("%.*s", (int)(end - text - 2), text + 2);
        const char *value = name == NULL ? NULL : conf_variable(conf, name);

        free(name);
        if (value != NULL) {
            fputs(value, out.out);
            text = end + 1;
        }
        else {
            fputc(*text++, out.out);
        }
    }
    return memory_text_close(&out);
}

/* ---- sections ---- */

/* mod_x.c is x_module; the files of the MPMs have no prefix: event.c. */
static bool is_named(const char *module, const char *name)
{
    size_t length = strlen(name);
    char *spelt;
    bool same;

    if (strcmp(module, name) == 0) {
        return true;
    }
    if (length < 3 || strcmp(name + length - 2, ".c") != 0) {
        return false;
    }
    if (strncmp(name, "mod_", 4) == 0) {
        spelt = memory_format("%.*s_module", (int)length - 6, name + 4);
    }
    else {
        spelt = memory_format("mpm_%.*s_module", (int)length - 2, name);
    }
    same = strcmp(module, spelt) == 0;
    free(spelt);
    return same;
}

static bool is_loaded(const conf_t *conf, const char *name)
{
    static const char *const linked[] = { "core_module",       "so_module",      "http_module",
                                          "log_config_module", "logio_module",   "unixd_module",
                                          "version_module",    "watchdog_module" };

    for (size_t i = 0; i < sizeof(linked) / sizeof(linked[0]); i++) {
        if (is_named(linked[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < conf->module_count; i++) {
        if (is_named(conf->modules[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_defined(const conf_t *conf, const char *name)
{
    for (size_t i = 0; i < conf->name_count; i++) {
        if (strcmp(conf->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_there(const conf_t *conf, const char *name)
{
    char *path = conf_path(conf, name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

typedef enum { SECTION_KEPT, SECTION_HOLDS, SECTION_FAILS } section_e;

/* Evaluates a section line <NAME ARGUMENT>; @a text ends with the bracket. */
static section_e judge(const conf_t *conf, const char *text)
{
    static const struct {
        const char *name;
        bool (*holds)(const conf_t *conf, const char *name);
    } asking[] = { { "IfModule", is_loaded }, { "IfDefine", is_defined }, { "IfFile", is_there },
                   { "IfVersion", NULL },     { "IfDirective", NULL },    { "IfSection", NULL } };

    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        size_t length = strlen(asking[i].name);
        const char *at = text + 1 + length;
        char *bare, *word;
        bool negated, holds;

        if (strncasecmp(text + 1, asking[i].name, length) != 0 || !(*at == ' ' || *at == '\t')) {
            continue;
        }
        if (asking[i].holds == NULL) {
            return SECTION_HOLDS;
        }
        bare = memory_format("%.*s", (int)strcspn(at, ">"), at);
        at = bare;
        word = next_word(&at);
        negated = word != NULL && word[0] == '!';
        holds = word != NULL && asking[i].holds(conf, word + negated) != negated;
        free(word);
        free(bare);
        return holds ? SECTION_HOLDS : SECTION_FAILS;
    }
    return SECTION_KEPT;
}

static size_t section_begin(walk_t *walk, const char *title)
{
    conf_t *conf = walk->conf;

    conf->sections = memory_resize(conf->sections, conf->section_count + 1,
                                   sizeof(*conf->sections));
    conf->sections[conf->section_count] = (conf_section_t){ memory_copy(title), walk->section };
    return conf->section_count++;
}

/* ---- directives ---- */

static void include_tree(walk_t *walk, const char *path)
{
    struct dirent **entries;
    struct stat status;
    int count;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        read_file(walk, path);
        return;
    }
    count = is_over(walk) ? -1 : scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *name = memory_format("%s/%s", path, entries[i]->d_name);

        if (entries[i]->d_name[0] != '.' && walk->depth < DEPTH_MOST && !is_over(walk)) {
            walk->depth++;
            include_tree(walk, name);
            walk->depth--;
        }
        free(name);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* The current walk, as glob() passes no context to its callbacks. */
static walk_t *globbing;

static struct dirent *next_entry(void *directory)
{
    return is_over(globbing) ? NULL : readdir(directory);
}

static void *open_directory(const char *path)
{
    return is_over(globbing) ? NULL : opendir(path);
}

static void close_directory(void *directory)
{
    closedir(directory);
}

static int glob_in(walk_t *walk, const char *pattern, glob_t *matches)
{
    memset(matches, 0, sizeof(*matches));
    matches->gl_opendir = open_directory;
    matches->gl_readdir = next_entry;
    matches->gl_closedir = close_directory;
    matches->gl_stat = stat;
    matches->gl_lstat = lstat;
    globbing = walk;
    return glob(pattern, GLOB_ALTDIRFUNC, NULL, matches);
}

static void include(walk_t *walk, const conf_line_t *line)
{
    char *given = conf_word(line, 0),
         *pattern = given == NULL ? NULL : conf_path(walk->conf, given);
    glob_t matches;

    free(given);
    if (pattern == NULL) {
        return;
    }
    if (glob_in(walk, pattern, &matches) == 0) {
        for (size_t i = 0; i < matches.gl_pathc && !is_over(walk); i++) {
            include_tree(walk, matches.gl_pathv[i]);
        }
        globfree(&matches);
    }
    else if (conf_is(line, "Include") && !walk->over) {
        trouble(walk->conf,
                memory_format("%s:%d includes %s, which does not exist", line->file, line->number,
                              pattern),
                true);
    }
    free(pattern);
}

static void take_directive(walk_t *walk, const char *text, const char *file, int number)
{
    conf_t *conf = walk->conf;
    size_t word = strcspn(text, " \t");
    conf_line_t line = { memory_format("%.*s", (int)word, text),
                         expanded(conf, text + word + strspn(text + word, " \t")),
                         memory_copy(file), number, walk->section };
    char *name;

    conf->lines = memory_resize(conf->lines, conf->count + 1, sizeof(*conf->lines));
    conf->lines[conf->count++] = line;
    walk->bytes += sizeof(line) + strlen(line.name) + strlen(line.arguments) + strlen(file);
    if (conf_is(&line, "Include") || conf_is(&line, "IncludeOptional")) {
        include(walk, &line);
    }
    else if ((conf_is(&line, "LoadModule") || conf_is(&line, "MPMLoadModule"))
             && (name = conf_word(&line, 0)) != NULL) {
        conf->modules = memory_resize(conf->modules, conf->module_count + 1,
                                      sizeof(*conf->modules));
        conf->modules[conf->module_count++] = name;
    }
    else if (conf_is(&line, "Define") && (name = conf_word(&line, 0)) != NULL) {
        char *value = conf_word(&line, 1);

        define(conf, name, value != NULL ? value : memory_copy(""));
    }
    else if (conf_is(&line, "ServerRoot") && (name = conf_word(&line, 0)) != NULL) {
        free(conf->directory);
        conf->directory = name;
    }
}

/* ---- files ---- */

/* Reads a line, including its backslash continuations; false at the end. */
static bool next_line(FILE *file, char *line, size_t size, int *number)
{
    size_t length = 0;

    while (length + 1 < size && fgets(line + length, (int)(size - length), file) != NULL) {
        (*number)++;
        length += strcspn(line + length, "\r\n");
        line[length] = '\0';
        if (length == 0 || line[length - 1] != '\\') {
            return true;
        }
        line[--length] = '\0';
    }
    return length > 0;
}

static char *trimmed(char *line)
{
    char *text = line + strspn(line, " \t");
    size_t length = strlen(text);

    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

typedef struct {
    size_t around[NESTED_MOST]; /* walk->section before each open section */
    int open;
    /* depth of open sections from a false one on; 0: none */
    int passed;
} nest_t;

static void take_section(walk_t *walk, nest_t *nest, const char *text)
{
    section_e kind;

    if (text[1] == '/') {
        if (nest->passed > 0) {
            nest->passed--;
        }
        else if (nest->open > 0) {
            walk->section = nest->around[--nest->open];
        }
        return;
    }
    if (nest->passed > 0 || nest->open == NESTED_MOST) {
        nest->passed++;
        return;
    }
    kind = judge(walk->conf, text);
    if (kind == SECTION_FAILS) {
        nest->passed = 1;
        return;
    }
    nest->around[nest->open++] = walk->section;
    if (kind == SECTION_KEPT) {
        char *title = expanded(walk->conf, text);

        walk->section = section_begin(walk, title);
        free(title);
    }
}

static void read_lines(walk_t *walk, FILE *file, const char *path)
{
    char *line = memory_get(LINE_MOST, 1);
    size_t section = walk->section;
    nest_t nest = { .open = 0 };
    int number = 0;

    while (!is_over(walk) && next_line(file, line, LINE_MOST, &number)) {
        char *text = trimmed(line);

        if (text[0] == '<') {
            take_section(walk, &nest, text);
        }
        else if (text[0] != '\0' && text[0] != '#' && nest.passed == 0) {
            take_directive(walk, text, path, number);
        }
    }
    walk->section = section;
    free(line);
}

/*
 * Opens what httpd would read: a regular file or /dev/null. NULL with *irregular: neither; else
 * errno gives the reason.
 */
static FILE *open_file(const char *path, bool *irregular)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    *irregular = fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)
        && strcmp(path, "/dev/null") != 0;
    if (*irregular) {
        close(fd);
        return NULL;
    }
    return fd < 0 ? NULL : fdopen(fd, "r");
}

static void read_file(walk_t *walk, const char *path)
{
    FILE *file;
    bool irregular;

    if (is_over(walk)) {
        return;
    }
    if (walk->depth >= DEPTH_MOST) {
        give_up(walk, memory_format("%s is nested in too many includes", path), true);
        return;
    }
    file = open_file(path, &irregular);
    if (file == NULL) {
        trouble(walk->conf,
                irregular ? memory_format("%s is no ordinary file", path)
                          : memory_format("%s cannot be read: %s", path, strerror(errno)),
                irregular);
        return;
    }
    walk->depth++;
    read_lines(walk, file, path);
    walk->depth--;
    fclose(file);
}

/* ---- Debian's envvars: `export NAME=value`, with $SUFFIX for a further instance ---- */

#define ENVVARS_LINES_MOST 10000

static void read_envvars(conf_t *conf)
{
    char *path = memory_format("%s/envvars", conf->directory), line[4096];
    bool irregular;
    FILE *file = open_file(path, &irregular);
    const char *dash = strstr(conf->directory, "/apache2-");
    int number = 0;

    free(path);
    while (file != NULL && number < ENVVARS_LINES_MOST
           && next_line(file, line, sizeof(line), &number)) {
        char *text = trimmed(line), *equal, *suffix;

        if (strncmp(text, "export ", 7) != 0 || (equal = strchr(text, '=')) == NULL) {
            continue;
        }
        *equal++ = '\0';
        if (*equal == '"' || *equal == '\'') {
            equal[strcspn(equal + 1, "\"'") + 1] = '\0';
            equal++;
        }
        suffix = strstr(equal, "$SUFFIX");
        define(conf, memory_copy(trimmed(text + 7)),
               suffix == NULL ? memory_copy(equal)
                              : memory_format("%.*s%s%s", (int)(suffix - equal), equal,
                                              dash != NULL ? dash + 8 : "", suffix + 7));
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* ---- */

static char *main_file(const char *directory, const char *given)
{
    static const char *const usual[] = { "apache2.conf", "conf/httpd.conf", "httpd.conf" };

    if (given != NULL) {
        char *path = given[0] == '/' || access(given, F_OK) == 0
            ? memory_copy(given)
            : memory_format("%s/%s", directory, given);

        if (access(path, F_OK) == 0 || errno != ENOENT) {
            return path;
        }
        free(path);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        char *path = memory_format("%s/%s", directory, usual[i]);

        if (access(path, F_OK) == 0) {
            return path;
        }
        free(path);
    }
    return NULL;
}

conf_t *conf_read(const char *directory, const char *file)
{
    char *path = main_file(directory, file);
    walk_t walk = { 0 };

    if (path == NULL) {
        return NULL;
    }
    walk.conf = memory_get(1, sizeof(*walk.conf));
    walk.conf->directory = memory_copy(directory);
    clock_gettime(CLOCK_MONOTONIC, &walk.begun);
    walk.section = section_begin(&walk, "");
    read_envvars(walk.conf);
    read_file(&walk, path);
    free(path);
    return walk.conf;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
}

void conf_free(conf_t *conf)
{
    if (conf == NULL) {
        return;
    }
    for (size_t i = 0; i < conf->count; i++) {
        free(conf->lines[i].name);
        free(conf->lines[i].arguments);
        free(conf->lines[i].file);
    }
    for (size_t i = 0; i < conf->section_count; i++) {
        free(conf->sections[i].title);
    }
    free_texts(conf->names, conf->name_count);
    free_texts(conf->values, conf->name_count);
    free_texts(conf->modules, conf->module_count);
    for (size_t i = 0; i < conf->trouble_count; i++) {
        free(conf->troubles[i].text);
    }
    free(conf->troubles);
    free(conf->lines);
    free(conf->sections);
    free(conf->directory);
    free(conf);
}
