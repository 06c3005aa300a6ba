/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Human-readable numbers with about three digits. Scripts get field_plain().
 */
#include "fields/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "common/text.h"

char *figure_count(double number)
{
    char digits[400], *out;
    size_t length, groups;

    if (isnan(number)) {
        return memory_copy("-");
    }
    length = (size_t)snprintf(digits, sizeof(digits), "%.0f", fabs(number));
    groups = (length - 1) / 3;
    out = memory_get(length + groups + 2, 1);
    for (size_t i = 0, o = 0; i <= length; i++) {
        if (i == 0 && number < 0) {
            out[o++] = '-';
        }
        if (i > 0 && i < length && (length - i) % 3 == 0) {
            out[o++] = ',';
        }
        out[o++] = digits[i];
    }
    return out;
}

char *figure_bytes(double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    size_t unit = 0;
    double shown = bytes;

    if (isnan(bytes)) {
        return memory_copy("-");
    }
    /* 1023.6 would print four digits: use 1.00 of the next unit */
    while (shown >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        shown /= 1024;
        unit++;
    }
    return memory_format("%.*f %s",
                         unit == 0 || shown >= 99.95 ? 0
                             : shown >= 9.995        ? 1
                                                     : 2,
                         shown, units[unit]);
}

char *figure_span(double us)
{
    double seconds = floor(us / 1e6);

    if (isnan(us)) {
        return memory_copy("-");
    }
    if (us < 1000) {
        return memory_format("%.0f us", us);
    }
    if (us < 999500) {
        return memory_format(us < 99950 ? "%.1f ms" : "%.0f ms", us / 1e3);
    }
    if (us < 59.95e6) {
        return memory_format(us < 9.995e6 ? "%.2f s" : "%.1f s", us / 1e6);
    }
    if (seconds < 3600) {
        return memory_format("%.0fm%02.0fs", floor(seconds / 60), fmod(seconds, 60));
    }
    if (seconds < 86400) {
        return memory_format("%.0fh%02.0fm", floor(seconds / 3600),
                             floor(fmod(seconds, 3600) / 60));
    }
    return memory_format("%.0fd%02.0fh", floor(seconds / 86400),
                         floor(fmod(seconds, 86400) / 3600));
}

char *figure_time(double us)
{
    char text[32];
    time_t seconds;
    struct tm parts;

    /* limit: about the year 9999, as localtime_r() may fail beyond */
    if (isnan(us) || us > 2.5e17) {
        return memory_copy("-");
    }
    seconds = (time_t)(us / 1e6);
    if (localtime_r(&seconds, &parts) == NULL) {
        return memory_copy("-");
    }
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    return memory_copy(text);
}

char *figure_field(const field_t *field, const void *record)
{
    double number = field_number(field, record);

    if (field_is_text(field)) {
        return text_safe(field_known(field, record) ? field_string(field, record) : "-");
    }
    if (isnan(number)) {
        return memory_copy("-");
    }
    if (field->kind == METRIC_ID) {
        return memory_format("%.0f", number);
    }
    if (field->kind == METRIC_FLAG) {
        return memory_copy(number > 0 ? "yes" : "no");
    }
    if (field->kind == METRIC_REAL) {
        return memory_format("%.2f", number);
    }
    if (field->kind == METRIC_TIME) {
        return figure_time(number);
    }
    if (field->kind == METRIC_CEILING && number < 1) {
        return memory_copy("none");
    }
    if (field->unit == METRIC_UNIT_BYTES) {
        return figure_bytes(number);
    }
    if (field->unit == METRIC_UNIT_MICROSECONDS) {
        return figure_span(number);
    }
    if (field->unit == METRIC_UNIT_SECONDS) {
        return number < 60 ? memory_format("%.0f s", number) : figure_span(number * 1e6);
    }
    return figure_count(number);
}
