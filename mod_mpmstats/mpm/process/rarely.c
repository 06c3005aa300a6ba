/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/rarely.h"

#include "base/clock.h"

#define INTERVAL apr_time_from_sec(1)

unsigned rarely_say(rarely_t *r)
{
    apr_time_t now = clock_now();
    apr_time_t last = atomic_load(&r->said);
    unsigned times = atomic_fetch_add(&r->times, 1) + 1;

    if (now - last < INTERVAL || !atomic_compare_exchange_strong(&r->said, &last, now)) {
        return 0;
    }
    atomic_fetch_sub(&r->times, times);
    return times;
}
