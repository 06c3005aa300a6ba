/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_status's view of the scoreboard. It is counted for each ?auto request only: it
 * reads every entry, including unused ones, which hold the counters of ended processes.
 */
#include "stats/modstatus.h"

#include <unistd.h>

#include "ap_mmn.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_core.h"
#include "mod_status.h"
#include "scoreboard.h"
#include "stats/config.h"
#include "stats/facts.h"
#include "stats/mpm_answer.h"
#include "figures/states.h"

/* mod_status's format of times: "Friday, 20-Nov-2026 20:44:08 UTC". */
#define TIME_FORMAT "%A, %d-%b-%Y %H:%M:%S %Z"

/* One pass over the scoreboard. */
typedef struct {
    modstatus_t *out;
    int slots;        /* of the scoreboard */
    int threads;      /* entries per slot */
    int usable_slots; /* maximum number of processes of the configuration */
    int usable_threads;
    ap_generation_t generation; /* the current one */
    apr_uint64_t bytes;
    apr_time_t duration;
    struct tms cpu; /* in clock ticks */
    char *picture;  /* position of the next letter */
} pass_t;

/* Idle workers count in the current generation only, busy ones in any; of quiescing ones none. */
static void count_worker(pass_t *pass, const process_score *process, int status)
{
    if (process->pid == 0 || process->quiescing) {
        return;
    }
    switch (status) {
    case SERVER_DEAD:
    case SERVER_STARTING:
    case SERVER_IDLE_KILL:
        break;
    case SERVER_READY:
        pass->out->idle += process->generation == pass->generation;
        break;
    case SERVER_GRACEFUL:
        pass->out->graceful++;
        break;
    default:
        pass->out->busy++;
        break;
    }
}

/* Each worker records the CPU time of its whole process: the largest is the latest. */
static void note_cpu(struct tms *process, const struct tms *noted)
{
    if (noted->tms_utime > process->tms_utime || noted->tms_stime > process->tms_stime
        || noted->tms_cutime > process->tms_cutime || noted->tms_cstime > process->tms_cstime) {
        *process = *noted;
    }
}

static void add_cpu(struct tms *sum, const struct tms *part)
{
    sum->tms_utime += part->tms_utime;
    sum->tms_stime += part->tms_stime;
    sum->tms_cutime += part->tms_cutime;
    sum->tms_cstime += part->tms_cstime;
}

static void count_served(pass_t *pass, const worker_score *worker, int status, struct tms *cpu)
{
    if (worker->access_count == 0 && (status == SERVER_READY || status == SERVER_DEAD)) {
        return;
    }
    pass->out->accesses += worker->access_count;
    pass->bytes += (apr_uint64_t)worker->bytes_served;
    pass->duration += worker->duration;
    note_cpu(cpu, &worker->times);
}

/* An entry beyond the limits of the configuration is shown only if it is in use. */
static void draw(pass_t *pass, int slot, int thread, int status)
{
    if (status == SERVER_DEAD && (slot >= pass->usable_slots || thread >= pass->usable_threads)) {
        return;
    }
    *pass->picture++ = state_of_status(status)->letter[0];
}

static void read_slot(pass_t *pass, int slot)
{
    const process_score process = *ap_get_scoreboard_process(slot);
    struct tms cpu = { 0 };

    for (int thread = 0; thread < pass->threads; thread++) {
        const worker_score *worker = ap_get_scoreboard_worker_from_indexes(slot, thread);
        int status = worker != NULL ? worker->status : SERVER_DEAD;

        status = status < SERVER_NUM_STATUS ? status : SERVER_DEAD;
        draw(pass, slot, thread, status);
        count_worker(pass, &process, status);
        if (worker != NULL && facts_get()->details != FACTS_DETAILS_NOBODY) {
            count_served(pass, worker, status, &cpu);
        }
    }
    add_cpu(&pass->cpu, &cpu);
    if (process.pid != 0) {
        modstatus_connections_t *connections = &pass->out->connections;

        connections->processes++;
        connections->stopping += process.quiescing != 0;
        connections->total += process.connections;
        connections->writing += process.write_completion;
        connections->keepalive += process.keep_alive;
        connections->closing += process.lingering_close;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
        connections->wait_io += process.wait_io;
#endif
    }
}

static const char *count_of(apr_pool_t *pool, apr_int64_t count, const char *unit)
{
    return count == 0
        ? ""
        : apr_psprintf(pool, " %" APR_INT64_T_FMT " %s%s", count, unit, count == 1 ? "" : "s");
}

/* " 1 day 2 hours 3 minutes 4 seconds", without what is zero. */
static const char *in_words(apr_pool_t *pool, apr_int64_t seconds)
{
    return apr_pstrcat(pool, count_of(pool, seconds / 86400, "day"),
                       count_of(pool, seconds / 3600 % 24, "hour"),
                       count_of(pool, seconds / 60 % 60, "minute"),
                       count_of(pool, seconds % 60, "second"), NULL);
}

static void tell_server(modstatus_t *out, request_rec *r, const snapshot_server_t *server)
{
    const char *mpm = config_of_request(r)->auto_mpm;
    /* a hard restart resets the scoreboard's counters */
    apr_time_t since = ap_get_scoreboard_global()->restart_time;

    out->host = ap_get_server_name(r);
    out->mpm = mpm != NULL && mpm[0] != '\0' ? mpm : server->mpm;
    out->now = ap_ht_time(r->pool, server->now_us, TIME_FORMAT, 0);
    out->restarted = ap_ht_time(r->pool, since, TIME_FORMAT, 0);
    /* 0 if the clock was set back. */
    out->uptime_s = server->now_us > since ? apr_time_sec(server->now_us - since) : 0;
    out->uptime = in_words(r->pool, out->uptime_s);
    out->async = mpm_answer(AP_MPMQ_IS_ASYNC, 0) > 0;
}

static void tell_served(modstatus_t *out, const pass_t *pass)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);

    out->kbytes = pass->bytes / 1024;
    out->duration_ms = apr_time_as_msec(pass->duration);
    out->cpu.user = (double)pass->cpu.tms_utime / ticks;
    out->cpu.system = (double)pass->cpu.tms_stime / ticks;
    out->cpu.children_user = (double)pass->cpu.tms_cutime / ticks;
    out->cpu.children_system = (double)pass->cpu.tms_cstime / ticks;
}

const modstatus_t *modstatus_read(request_rec *r, const snapshot_t *snapshot)
{
    modstatus_t *out = apr_pcalloc(r->pool, sizeof(*out));
    pass_t pass = { .out = out };

    pass.slots = mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS, 0);
    pass.threads = mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS, 0);
    pass.usable_slots = mpm_answer(AP_MPMQ_MAX_DAEMONS, pass.slots);
    pass.usable_threads = mpm_answer(AP_MPMQ_MAX_THREADS, pass.threads);
    /* 0 if a process is a single worker. */
    pass.threads = pass.threads > 0 ? pass.threads : 1;
    pass.usable_threads = pass.usable_threads > 0 ? pass.usable_threads : 1;
    pass.generation = (ap_generation_t)snapshot->server.generation;
    /* The parent's own CPU time. */
    pass.cpu = ap_get_scoreboard_global()->times;
    pass.picture = apr_palloc(r->pool, (apr_size_t)pass.slots * (apr_size_t)pass.threads + 1);
    out->scoreboard = pass.picture;
    for (int slot = 0; slot < pass.slots; slot++) {
        read_slot(&pass, slot);
    }
    *pass.picture = '\0';
    tell_server(out, r, &snapshot->server);
    tell_served(out, &pass);
    return out;
}

/* mod_status itself need not be loaded: the hook lives in the registry of optional hooks. */
void modstatus_run_hooks(request_rec *r)
{
    const apr_array_header_t *hooks = apr_optional_hook_get("status_hook");
    int flags = AP_STATUS_SHORT
        | (facts_get()->details != FACTS_DETAILS_NOBODY ? AP_STATUS_EXTENDED : 0);

    for (int i = 0; hooks != NULL && i < hooks->nelts; i++) {
        int rv = APR_ARRAY_IDX(hooks, i, ap_LINK_status_hook_t).pFunc(r, flags);

        if (rv != OK && rv != DECLINED) {
            return;
        }
    }
}
