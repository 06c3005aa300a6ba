/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON output: the server's document, reformatted.
 */
#include "view/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/failure.h"
#include "common/layout.h"
#include "common/terminal.h"
#include "common/text.h"

static int print(char *text)
{
    failure_t failure;

    if (text == NULL) {
        failure_set(&failure, RC_LOCAL, "out of memory; close something and try again");
        return failure_report(&failure);
    }
    text_print_json(stdout, text);
    fputc('\n', stdout);
    free(text);
    return RC_OK;
}

static bool is_pretty(const char *style)
{
    return strcmp(style, "pretty") == 0 || (strcmp(style, "auto") == 0 && terminal_is_tty());
}

/* Frees @a text. */
static int print_laid(char *text, const char *style)
{
    char *laid = text == NULL ? NULL : layout_json(text, is_pretty(style) ? 2 : 0);

    free(text);
    return print(laid);
}

int view_json(json_t *document, const char *style)
{
    return print_laid(json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15)), style);
}

int view_json_sample(const sample_t *sample, const char *style)
{
    return print_laid(sample_text(sample), style);
}

int view_json_rows(const rows_t *rows, const sample_t *sample, const char *style)
{
    return print_laid(rows_text(rows, sample), style);
}
