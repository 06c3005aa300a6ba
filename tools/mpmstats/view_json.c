/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON out: what the server sent, parsed and printed anew.
 */
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "terminal.h"
#include "text.h"

int view_json(json_t *document, const char *style)
{
    bool pretty = strcmp(style, "pretty") == 0
                  || (strcmp(style, "auto") == 0 && terminal_is_tty());
    char *text = json_dumps(document, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(15));
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
