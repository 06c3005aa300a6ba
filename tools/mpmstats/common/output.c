/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flushes stdout and checks for errors.
 */
#include "common/output.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/failure.h"

/* True when the reader of the pipe or socket has closed it. poll(), as streams keep no errno. */
static bool reader_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int output_finish(int rc)
{
    failure_t failure;

    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return rc;
    }
    if (errno == EPIPE || reader_gone()) {
        return RC_PIPE;
    }
    failure_set(&failure, RC_LOCAL, "cannot write the output%s%s; free space or name another file",
                errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return failure_report(&failure);
}
