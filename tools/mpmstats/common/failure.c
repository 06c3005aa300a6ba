/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-line failures. The text may contain input of a server or user (a Location, a
 * host name), so it is made safe here, for all callers.
 */
#include "common/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"

bool failure_set(failure_t *failure, rc_e rc, const char *format, ...)
{
    va_list args;

    failure->rc = rc;
    failure->http_status = 0;
    va_start(args, format);
    vsnprintf(failure->text, sizeof(failure->text), format, args);
    va_end(args);
    return false;
}

int failure_report(const failure_t *failure)
{
    char *safe = text_safe(failure->text);

    fflush(stdout);
    fprintf(stderr, "mpmstats: %s\n", safe);
    free(safe);
    return failure->rc;
}
