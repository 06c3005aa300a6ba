/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for people. The locale is ignored: the page must not depend on the environment the
 * server was started in, and must match the script's output.
 */
#include "base/format.h"

#include <string.h>

#include "apr_strings.h"
#include "apr_time.h"

/* Narrow no-break space, U+202F. */
#define GROUP_SEPARATOR "\xe2\x80\xaf"
#define MICRO_SIGN "\xc2\xb5"

const char *format_count(char text[FORMAT_BYTES], apr_int64_t count)
{
    apr_uint64_t left = count < 0 ? 0 - (apr_uint64_t)count : (apr_uint64_t)count;
    char *at = text + FORMAT_BYTES;

    *--at = '\0';
    for (int digits = 0; digits == 0 || left > 0; digits++) {
        if (digits > 0 && digits % 3 == 0) {
            at -= sizeof(GROUP_SEPARATOR) - 1;
            memcpy(at, GROUP_SEPARATOR, sizeof(GROUP_SEPARATOR) - 1);
        }
        *--at = (char)('0' + left % 10);
        left /= 10;
    }
    if (count < 0) {
        *--at = '-';
    }
    return memmove(text, at, (apr_size_t)(text + FORMAT_BYTES - at));
}

const char *format_bytes(char text[FORMAT_BYTES], apr_int64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double scaled = (double)bytes / 1024.0;
    apr_size_t unit = 0;

    if (bytes < 1024) {
        apr_snprintf(text, FORMAT_BYTES, "%" APR_INT64_T_FMT " B", bytes);
        return text;
    }
    while (scaled >= 1024.0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        scaled /= 1024.0;
        unit++;
    }
    apr_snprintf(text, FORMAT_BYTES, "%.1f %s", scaled, units[unit]);
    return text;
}

/* Two adjacent units, the smaller one with two digits to keep the width of the text. */
static const char *two_units(char text[FORMAT_BYTES], apr_int64_t seconds)
{
    apr_int64_t minutes = seconds / 60;
    apr_int64_t hours = minutes / 60;

    if (minutes < 60) {
        apr_snprintf(text, FORMAT_BYTES, "%dm %02ds", (int)minutes, (int)(seconds % 60));
    }
    else if (hours < 24) {
        apr_snprintf(text, FORMAT_BYTES, "%dh %02dm", (int)hours, (int)(minutes % 60));
    }
    else {
        apr_snprintf(text, FORMAT_BYTES, "%" APR_INT64_T_FMT "d %02dh", hours / 24,
                     (int)(hours % 24));
    }
    return text;
}

const char *format_duration(char text[FORMAT_BYTES], apr_int64_t us)
{
    if (us < 1000) {
        apr_snprintf(text, FORMAT_BYTES, "%d " MICRO_SIGN "s", (int)us);
        return text;
    }
    if (us < APR_USEC_PER_SEC) {
        apr_snprintf(text, FORMAT_BYTES, "%.1f ms", (double)us / 1000.0);
        return text;
    }
    if (us < 60 * APR_USEC_PER_SEC) {
        apr_snprintf(text, FORMAT_BYTES, "%.1f s", (double)us / APR_USEC_PER_SEC);
        return text;
    }
    return two_units(text, us / APR_USEC_PER_SEC);
}

const char *format_time(char text[FORMAT_BYTES], apr_int64_t us)
{
    apr_time_exp_t at;

    if (apr_time_exp_gmt(&at, us) != APR_SUCCESS) {
        text[0] = '\0';
        return text;
    }
    apr_snprintf(text, FORMAT_BYTES, "%04d-%02d-%02d %02d:%02d:%02d UTC", at.tm_year + 1900,
                 at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
    return text;
}

const char *format_real(char text[FORMAT_BYTES], double number)
{
    apr_snprintf(text, FORMAT_BYTES, "%.2f", number);
    return text;
}

const char *format_rate(char text[FORMAT_BYTES], double rate)
{
    if (rate < 100.0) {
        apr_snprintf(text, FORMAT_BYTES, "%.1f", rate);
        return text;
    }
    return format_count(text, (apr_int64_t)(rate + 0.5));
}
