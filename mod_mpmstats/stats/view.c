/* SPDX-License-Identifier: Apache-2.0 */
/* Words are compared as they stand: nobody needs to escape what they are made of. */
#include "stats/view.h"

#include <stddef.h>
#include <string.h>

static const char unknown[] =
    "mpm-status: unknown query. Without one this is the status page; ?json is the same as JSON, "
    "?auto the report of mod_status.\n";

static const char two_forms[] =
    "mpm-status: only one of ?json and ?auto at a time.\n";

static const struct {
    const char *word;
    view_form_e form;
} forms[] = {
    {"json", VIEW_JSON},
    {"auto", VIEW_AUTO},
};

/* A word with an empty value counts as the word: programs that know only pairs send that. */
static int is_word(const char *given, size_t len, const char *word)
{
    size_t known = strlen(word);

    return len >= known && memcmp(given, word, known) == 0
           && (len == known || (len == known + 1 && given[known] == '='));
}

static const char *read_word(view_t *view, const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (is_word(word, len, forms[i].word)) {
            if (view->form != VIEW_PAGE) {
                return two_forms;
            }
            view->form = forms[i].form;
            return NULL;
        }
    }
    return unknown;
}

const char *view_parse(view_t *view, const char *query)
{
    const char *wrong = NULL;

    *view = (view_t){VIEW_PAGE};
    if (query == NULL || query[0] == '\0') {
        return NULL;
    }
    while (wrong == NULL) {
        size_t len = strcspn(query, "&");

        wrong = read_word(view, query, len);
        if (query[len] == '\0') {
            break;
        }
        query += len + 1;
    }
    return wrong;
}
