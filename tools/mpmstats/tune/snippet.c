/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of mpmstats-tune.conf. Reasons and names contain input of the server, so
 * each goes on comment lines of its own.
 */
#include "tune/snippet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/memory.h"
#include "common/text.h"

#define COMMENT_COLUMNS 96

/* True for directives of the core; all others are an MPM's. */
static bool is_of_core(const char *directive)
{
    static const char *const core[] = { "KeepAlive", "KeepAliveTimeout", "MaxKeepAliveRequests",
                                        "Timeout" };

    for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++) {
        if (strcasecmp(core[i], directive) == 0) {
            return true;
        }
    }
    return false;
}

/* Wraps words into comment lines; drops line ends and continuations. */
static void put_comment(FILE *out, const char *indent, const char *text)
{
    char *safe = text_safe(text);
    const char *at = safe;

    while (*at != '\0') {
        size_t length = strlen(at), fits = COMMENT_COLUMNS;

        if (length > fits) {
            while (fits > 0 && at[fits] != ' ') {
                fits--;
            }
            length = fits > 0 ? fits : COMMENT_COLUMNS;
        }
        /* a trailing backslash would extend the comment to the next line */
        fprintf(out, "%s# %.*s%s\n", indent, (int)length, at, at[length - 1] == '\\' ? " ." : "");
        at += length;
        at += strspn(at, " ");
    }
    free(safe);
}

/* ---- the old snippet ---- */

/* Joins backslash continuations. */
static char *join_lines(const char *text)
{
    char *joined = memory_copy(text);

    for (char *at = joined; (at = strstr(at, "\\\n")) != NULL;) {
        at[0] = at[1] = ' ';
    }
    return joined;
}

/* The old snippet: directives for the whole server, and sections. */
typedef struct {
    char *directives, *sections;
} old_t;

/* <IfModule mpm_NAME_module>, written by this program around the MPM's directives. */
static bool is_own_section(const char *line, size_t length, const char *mpm)
{
    char *own = memory_format("<IfModule mpm_%s_module>", mpm);
    bool same = length == strlen(own) && strncasecmp(line, own, length) == 0;

    free(own);
    return same;
}

static bool closes(const char *line)
{
    return line[0] == '<' && line[1] == '/';
}

/*
 * Writes a line of a kept section; @a before and @a behind are the depths around it. @a own: the
 * MPM whose <IfModule> encloses the section, or NULL.
 */
static void put_line(FILE *out, const char *line, size_t length, int before, int behind,
                     const char *own)
{
    if (own != NULL && before == 0) {
        fprintf(out, "<IfModule mpm_%s_module>\n", own);
    }
    fprintf(out, "%.*s\n", (int)length, line);
    if (own != NULL && behind == 0) {
        fprintf(out, "</IfModule>\n");
    }
}

static old_t take_apart(const char *text, const char *mpm)
{
    char *joined = join_lines(text);
    memory_text_t directives, sections;
    bool own = false;
    int depth = 0; /* of kept sections */

    memory_text_open(&directives);
    memory_text_open(&sections);
    for (const char *at = joined; *at != '\0';) {
        const char *line = at + strspn(at, " \t");
        size_t length = strcspn(line, "\r\n");
        int before = depth;

        at = line + strcspn(line, "\n");
        at += *at == '\n';
        while (length > 0 && isspace((unsigned char)line[length - 1])) {
            length--;
        }
        if (depth == 0 && line[0] == '<' && !own && is_own_section(line, length, mpm)) {
            own = true;
        }
        else if (depth == 0 && closes(line)) {
            own = false;
        }
        else if (depth > 0 || line[0] == '<') {
            depth += closes(line) ? -1 : line[0] == '<';
            put_line(sections.out, line, length, before, depth, own ? mpm : NULL);
        }
        else {
            fprintf(directives.out, "%.*s\n", (int)length, line);
        }
    }
    free(joined);
    return (old_t){ memory_text_close(&directives), memory_text_close(&sections) };
}

/* The next directive, skipping comments; the caller frees name and value. */
static bool next_directive(const char **at, char **name, char **value)
{
    while (**at != '\0') {
        const char *line = *at;
        size_t length = strcspn(line, "\n"), word = strcspn(line, " \t\n");
        const char *rest = line + word + strspn(line + word, " \t");

        *at = line + length + (line[length] == '\n');
        if (word == 0 || line[0] == '#' || rest >= line + length) {
            continue;
        }
        *name = memory_format("%.*s", (int)word, line);
        *value = memory_format("%.*s", (int)(line + length - rest), rest);
        return true;
    }
    return false;
}

static bool sets(const char *old, const char *directive)
{
    char *name, *value;
    bool found = false;

    while (!found && old != NULL && next_directive(&old, &name, &value)) {
        found = strcasecmp(name, directive) == 0;
        free(name);
        free(value);
    }
    return found;
}

/* ---- items ---- */

static bool is_written(const advisor_item_t *item, bool stop_allowed)
{
    return item->verdict == ADVISOR_CHANGE
        && (item->effect == ADVISOR_GRACEFUL || (item->effect == ADVISOR_STOP && stop_allowed));
}

bool snippet_changes(const advisor_advice_t *advice, bool stop_allowed)
{
    for (size_t i = 0; i < advice->count; i++) {
        if (is_written(&advice->items[i], stop_allowed)) {
            return true;
        }
    }
    return false;
}

static void put_change(FILE *out, const char *indent, const advisor_item_t *item, bool stop_allowed)
{
    put_comment(out, indent, item->why);
    if (item->now[0] != '\0') {
        fprintf(out, "%s# (was %s)\n", indent, item->now);
    }
    if (is_written(item, stop_allowed)) {
        fprintf(out, "%s%s %s\n", indent, item->directive, item->recommended);
    }
    else {
        fprintf(out, "%s# %s: %s, which %s\n", indent, item->directive, item->recommended,
                item->effect == ADVISOR_STOP ? "takes a stop and a start" : "is done by hand");
    }
}

/* Writes changes, and kept values that the old snippet sets. */
static void put_items(FILE *out, const char *indent, const advisor_advice_t *advice,
                      const snippet_facts_t *facts, const char *old, bool of_core)
{
    for (size_t i = 0; i < advice->count; i++) {
        const advisor_item_t *item = &advice->items[i];

        if (is_of_core(item->directive) != of_core) {
            continue;
        }
        if (item->verdict == ADVISOR_CHANGE) {
            put_change(out, indent, item, facts->stop_allowed);
        }
        else if (item->verdict == ADVISOR_KEEP && sets(old, item->directive)) {
            put_comment(out, indent, item->why);
            fprintf(out, "%s%s %s\n", indent, item->directive, item->recommended);
        }
    }
}

/* Writes directives of the old snippet without advice. */
static void put_rest(FILE *out, const char *indent, const advisor_advice_t *advice,
                     const snippet_facts_t *facts, const char *old, bool of_core)
{
    char *name, *value;

    while (old != NULL && next_directive(&old, &name, &value)) {
        const advisor_item_t *item = advisor_item(advice, name);
        bool spoken_of = item != NULL
            && (is_written(item, facts->stop_allowed) || item->verdict == ADVISOR_KEEP);

        if (!spoken_of && is_of_core(name) == of_core) {
            fprintf(out, "%s# as before\n%s%s %s\n", indent, indent, name, value);
        }
        free(name);
        free(value);
    }
}

/* Writes the MPM's directives in <IfModule>, so the file is valid under other MPMs too. */
static void put_section(FILE *out, const advisor_advice_t *advice, const snippet_facts_t *facts,
                        const char *old)
{
    memory_text_t section;
    char *text;

    memory_text_open(&section);
    put_items(section.out, "    ", advice, facts, old, false);
    put_rest(section.out, "    ", advice, facts, old, false);
    text = memory_text_close(&section);
    if (section.length > 0) {
        fprintf(out, "<IfModule mpm_%s_module>\n%s</IfModule>\n", facts->mpm, text);
    }
    free(text);
}

char *snippet_make(const advisor_advice_t *advice, const advisor_input_t *in,
                   const snippet_facts_t *facts, const char *old)
{
    old_t parts = take_apart(old != NULL ? old : "", facts->mpm);
    memory_text_t text;
    FILE *out = memory_text_open(&text);
    char *line;

    line = memory_format(
        "Written by mpmstats tune on %s from %.0f s of %s%s%s%s. The last file to set a directive wins, so this one must be read last.",
        facts->date, in->seconds, facts->name != NULL ? facts->name : facts->origin,
        facts->name != NULL ? " (" : "", facts->name != NULL ? facts->origin : "",
        facts->name != NULL ? ")" : "");
    put_comment(out, "", line);
    free(line);
    if (parts.sections[0] != '\0') {
        fprintf(out, "# as before\n%s", parts.sections);
    }
    put_section(out, advice, facts, parts.directives);
    put_items(out, "", advice, facts, parts.directives, true);
    put_rest(out, "", advice, facts, parts.directives, true);
    free(parts.directives);
    free(parts.sections);
    return memory_text_close(&text);
}
