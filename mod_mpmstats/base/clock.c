/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

apr_time_t clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (apr_time_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
