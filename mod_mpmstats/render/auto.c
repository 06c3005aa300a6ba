/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every line is written by one of the put_ functions, so that no input of a client can begin a
 * line.
 */
#include "render/auto.h"

#include <stdbool.h>
#include <string.h>

#include "apr_lib.h"
#include "apr_strings.h"
#include "figures/metrics.h"

/* Control bytes become a question mark: the server's name may come from a Host header. */
static void put_safe(out_t *out, const char *text)
{
    for (; *text != '\0'; text++) {
        bool control = (unsigned char)*text < 0x20 || *text == 0x7f;

        out_bytes(out, control ? "?" : text, 1);
    }
}

static void put_text(out_t *out, const char *key, const char *text)
{
    out_raw(out, key);
    out_raw(out, ": ");
    put_safe(out, text);
    out_raw(out, "\n");
}

static void put_count(out_t *out, const char *key, apr_int64_t count)
{
    out_raw(out, key);
    out_raw(out, ": ");
    out_number(out, count);
    out_raw(out, "\n");
}

/* Six significant digits, mod_status's format of fractions. */
static void put_real(out_t *out, const char *key, double number)
{
    char text[32];

    apr_snprintf(text, sizeof(text), "%g", number);
    put_text(out, key, text);
}

static void put_load(out_t *out, const char *key, double load)
{
    char text[32];

    apr_snprintf(text, sizeof(text), "%.2f", load > 0.0 ? load : 0.0);
    put_text(out, key, text);
}

static void put_server(out_t *out, const snapshot_server_t *server, const modstatus_t *status)
{
    put_safe(out, status->host);
    out_raw(out, "\n");
    put_text(out, "ServerVersion", server->version);
    put_text(out, "ServerMPM", status->mpm);
    put_text(out, "Server Built", server->built);
    put_text(out, "CurrentTime", status->now);
    put_text(out, "RestartTime", status->restarted);
    put_count(out, "ParentServerConfigGeneration", server->config_generation);
    put_count(out, "ParentServerMPMGeneration", server->generation);
    put_count(out, "ServerUptimeSeconds", status->uptime_s);
    /* The words begin with their own blank. */
    out_raw(out, "ServerUptime:");
    put_safe(out, status->uptime);
    out_raw(out, "\n");
    put_load(out, "Load1", server->load1);
    put_load(out, "Load5", server->load5);
    put_load(out, "Load15", server->load15);
}

static void put_cpu(out_t *out, const modstatus_cpu_t *cpu, double seconds)
{
    double used = cpu->user + cpu->system + cpu->children_user + cpu->children_system;

    put_real(out, "CPUUser", cpu->user);
    put_real(out, "CPUSystem", cpu->system);
    put_real(out, "CPUChildrenUser", cpu->children_user);
    put_real(out, "CPUChildrenSystem", cpu->children_system);
    if (used > 0.0) {
        put_real(out, "CPULoad", seconds > 0.0 ? used / seconds * 100.0 : 0.0);
    }
}

/* Averages are omitted while their divisor is 0. */
static void put_served(out_t *out, const modstatus_t *status)
{
    double seconds = (double)status->uptime_s;
    double accesses = (double)status->accesses;
    double bytes = (double)status->kbytes * 1024.0;

    put_count(out, "Total Accesses", (apr_int64_t)status->accesses);
    put_count(out, "Total kBytes", (apr_int64_t)status->kbytes);
    put_count(out, "Total Duration", status->duration_ms);
    put_cpu(out, &status->cpu, seconds);
    put_count(out, "Uptime", status->uptime_s);
    if (status->uptime_s > 0) {
        put_real(out, "ReqPerSec", accesses / seconds);
        put_real(out, "BytesPerSec", bytes / seconds);
    }
    if (status->accesses > 0) {
        put_real(out, "BytesPerReq", bytes / accesses);
        put_real(out, "DurationPerReq", (double)status->duration_ms / accesses);
    }
}

static void put_connections(out_t *out, const modstatus_connections_t *connections)
{
    put_count(out, "Processes", connections->processes);
    put_count(out, "Stopping", connections->stopping);
    put_count(out, "ConnsTotal", connections->total);
    put_count(out, "ConnsAsyncWaitIO", connections->wait_io);
    put_count(out, "ConnsAsyncWriting", connections->writing);
    put_count(out, "ConnsAsyncKeepAlive", connections->keepalive);
    put_count(out, "ConnsAsyncClosing", connections->closing);
}

void render_auto(out_t *out, const snapshot_t *snapshot, const modstatus_t *status)
{
    put_server(out, &snapshot->server, status);
    if (snapshot->server.extended_status) {
        put_served(out, status);
    }
    put_count(out, "BusyWorkers", status->busy);
    put_count(out, "GracefulWorkers", status->graceful);
    put_count(out, "IdleWorkers", status->idle);
    if (status->async) {
        put_connections(out, &status->connections);
    }
    put_text(out, "Scoreboard", status->scoreboard);
}

/* "MPMStats", the scope, and the metric's name as one word: MPMStatsLimitServerLimit. */
static void put_own_key(out_t *out, const char *scope, const char *name)
{
    bool upper = true;

    out_raw(out, "MPMStats");
    out_raw(out, scope);
    for (; *name != '\0'; name++) {
        char letter = upper ? (char)apr_toupper(*name) : *name;

        upper = *name == '_';
        if (!upper) {
            out_bytes(out, &letter, 1);
        }
    }
}

static void put_own_value(out_t *out, const metric_t *metric, const void *record)
{
    char text[32];

    switch (metric->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        put_safe(out, metric_text(metric, record));
        break;
    case METRIC_REAL:
        apr_snprintf(text, sizeof(text), "%g", metric_real(metric, record));
        out_raw(out, text);
        break;
    default:
        out_number(out, metric_number(metric, record));
        break;
    }
}

static void put_own(out_t *out, const char *scope_word, metrics_scope_e scope, const void *record)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (metric_known(&metrics[i], record)) {
            put_own_key(out, scope_word, metrics[i].name);
            out_raw(out, ": ");
            put_own_value(out, &metrics[i], record);
            out_raw(out, "\n");
        }
    }
}

void render_auto_more(out_t *out, const snapshot_t *snapshot)
{
    put_text(out, "MPMStatsMPM", snapshot->server.mpm);
    if (snapshot->server.model != NULL) {
        put_text(out, "MPMStatsModel", snapshot->server.model);
    }
    put_own(out, "Limit", METRICS_LIMITS, &snapshot->limits);
    put_own(out, "", METRICS_TOTALS, &snapshot->totals);
    put_own(out, "Conns", METRICS_CONNECTIONS, &snapshot->connections);
}
