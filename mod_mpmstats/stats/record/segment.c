/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd reloads the module at every restart. The segment's handle is in the process's retained
 * data, and the mapping stays in place. Children of the old configuration continue to write to the
 * same records, because a virtual host keeps its record.
 */
#include "stats/record/segment.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ap_listen.h"
#include "apr_hash.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"
#include "unixd.h"

#include "gen/version.h"
#include "segment/file.h"
#include "segment/ring.h"
#include "stats/config.h"
#include "stats/config_check.h"
#include "stats/facts.h"
#include "stats/record/folded.h"
#include "stats/hybrid.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/board.h"
#include "stats/record/child.h"
#include "stats/record/streams.h"

APLOG_USE_MODULE(mpmstats);

/* Maximum number of content handlers and of events. */
#define HANDLERS 32
#define EVENTS 128

/* Maximum number of records of HTTP/2 streams, 192 bytes each. */
#define STREAMS 100000

/* Listening sockets a restart may add. */
#define LISTENERS_SPARE 16

record_t record;

/*
 * State that survives restarts. The key contains the size, so that another build of the module does
 * not use it.
 */
typedef struct {
    segment_t segment;
    unsigned vhosts; /* MPMStatsVHosts at the start */
    uint64_t config_generation;
    folded_t folded;
} retained_t;

static retained_t *retained(apr_pool_t *pool)
{
    const char *key = apr_psprintf(pool, "mod_mpmstats segment %lu",
                                   (unsigned long)sizeof(retained_t));
    retained_t *kept = ap_retained_data_get(key);

    /* The key must live as long as the data. */
    return kept != NULL
        ? kept
        : ap_retained_data_create(apr_pstrdup(ap_server_conf->process->pool, key), sizeof(*kept));
}

/* ---- creating one ------------------------------------------------------------ */

static unsigned count_listeners(void)
{
    unsigned count = 0;

    for (const ap_listen_rec *lr = ap_listeners; lr != NULL; lr = lr->next) {
        count++;
    }
    return count;
}

/* Maximum number of processes at once: one for each slot, and as many draining ones. */
static unsigned count_processes(void)
{
    int daemons = mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS);

    return (unsigned)(daemons > 0 ? daemons : 1) * 2 + 8;
}

/* The worker entries of the scoreboard. */
static unsigned count_workers(void)
{
    return (unsigned)mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS)
        * (unsigned)mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS);
}

/* Records of streams for each process; fewer where there may be thousands of processes. */
static unsigned count_streams(void)
{
    unsigned threads = record_streams_threads(), room = STREAMS / count_processes();

    return threads < room ? threads : room;
}

/*
 * Spare records, for new hosts while draining processes still write to records of removed ones.
 */
static unsigned vhosts_spare(unsigned vhosts)
{
    return vhosts / 2 + 2;
}

static segment_shape_t make_shape(void)
{
    segment_shape_t shape = {
        .listeners = count_listeners() + LISTENERS_SPARE,
        .processes = count_processes(),
        .vhosts = config_global.vhosts + vhosts_spare(config_global.vhosts) + 1,
        .handlers = HANDLERS + 1,
        .events = EVENTS,
        .board_fields = record_board_fields(),
        .board_image = record_board_size(),
        .workers = count_workers(),
        .streams = count_streams(),
    };

    return shape;
}

/* The default group: adm, whose members may read logs, if the server is started as root. */
static gid_t group_by_default(void)
{
    const struct group *entry = geteuid() == 0 ? getgrnam("adm") : NULL;

    return entry != NULL ? entry->gr_gid : (gid_t)-1;
}

static segment_place_t make_place(apr_pool_t *pool)
{
    segment_place_t place = {
        .path = config_global.segment != NULL ? config_global.segment
                                              : ap_runtime_dir_relative(pool, CONFIG_SEGMENT_NAME),
        .mode = config_global.segment_mode,
        .group = config_global.segment_group_given ? config_global.segment_group
                                                   : group_by_default(),
    };

    if (place.path != NULL && place.path[0] == '\0') {
        place.path = NULL;
    }
    return place;
}

/*
 * A file named with MPMStatsSegment must be created; without the default file the page still works.
 */
static int create(segment_t *segment, apr_pool_t *ptemp, server_rec *s)
{
    segment_shape_t shape = make_shape();
    segment_place_t place = make_place(ptemp);
    segment_failure_t failure;
    uint64_t now = (uint64_t)apr_time_now();

    if (segment_create(segment, &shape, &place, now, &failure) == SEGMENT_OK) {
        return OK;
    }
    if (config_global.segment != NULL || place.path == NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, 0, s, "MPMStatsSegment: %s",
                     failure.text);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 "%s; the status page works, but mpmstats cannot read this server's figures: "
                 "name another file with MPMStatsSegment",
                 failure.text);
    place.path = NULL;
    if (segment_create(segment, &shape, &place, now, &failure) == SEGMENT_OK) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, 0, s, "mod_mpmstats: %s", failure.text);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* ---- virtual hosts, listeners and limits of the configuration ------------------ */

static unsigned port_of(const server_rec *s)
{
    unsigned port = s->addrs != NULL ? s->addrs->host_port : 0;

    if (port == 0) {
        port = s->port;
    }
    /* The first Listen of the configuration, which is the last of httpd's list. */
    for (const ap_listen_rec *lr = ap_listeners; port == 0 && lr != NULL; lr = lr->next) {
        port = lr->next == NULL ? lr->bind_addr->port : 0;
    }
    return port;
}

static const char *name_of(const server_rec *s, apr_pool_t *pool)
{
    const char *host = s->server_hostname != NULL && s->server_hostname[0] != '\0'
        ? s->server_hostname
        : "_default_";

    return apr_psprintf(pool, "%s:%u", host, port_of(s));
}

/* A virtual host without directives of this module shares the main server's config_server_t. */
static void give_row(server_rec *s, const server_rec *main_server, unsigned row,
                     _Atomic uint64_t *folded, apr_pool_t *pconf)
{
    config_server_t *config = config_of_server(s);

    if (s != main_server && config == config_of_server(main_server)) {
        config = config_server_own(pconf, s);
    }
    config->row = row;
    config->folded = folded;
    record.slow_told = record.slow_told || config->slow > 0;
}

/* The number of different names that share `other`. */
static unsigned count_folded(const segment_t *segment, const char *const *names,
                             const unsigned *rows, unsigned count, apr_pool_t *ptemp)
{
    apr_hash_t *folded = apr_hash_make(ptemp);

    for (unsigned i = 0; i < count; i++) {
        if (rows[i] == segment_vhost_other(segment)) {
            apr_hash_set(folded, names[i], APR_HASH_KEY_STRING, names[i]);
        }
    }
    return apr_hash_count(folded);
}

static void tell_folded(segment_t *segment, unsigned folded, unsigned most, server_rec *s)
{
    segment_set(&segment->server->vhosts_folded, folded);
    if (folded > 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "MPMStatsVHosts %u: %u virtual hosts have no figures of their own and are "
                     "counted together as `other`; raise it, then stop and start the server",
                     most, folded);
    }
}

static void give_rows(retained_t *kept, server_rec *main_server, apr_pool_t *pconf,
                      apr_pool_t *ptemp)
{
    segment_t *segment = &kept->segment;
    _Atomic uint64_t **counters;
    unsigned count = 1, i;
    segment_rank_t rank;
    const char **names;
    unsigned *rows;

    for (const server_rec *s = main_server->next; s != NULL; s = s->next) {
        count++;
    }
    names = apr_pcalloc(ptemp, count * sizeof(*names));
    rows = apr_pcalloc(ptemp, count * sizeof(*rows));
    counters = apr_pcalloc(ptemp, count * sizeof(*counters));
    names[0] = name_of(main_server, ptemp);
    /* httpd's list has the last virtual host of the configuration first. */
    i = count;
    for (const server_rec *s = main_server->next; s != NULL; s = s->next) {
        names[--i] = name_of(s, ptemp);
    }
    segment_set_text(segment->server->name, names[0]);
    rank = folded_rank(&kept->folded, segment, names, count, ptemp);
    segment_vhosts_update(segment, names, count, &rank, kept->vhosts, record.config_generation,
                          rows);
    folded_begin(&kept->folded, segment, names, rows, count, counters, ptemp);
    tell_folded(segment, count_folded(segment, names, rows, count, ptemp), kept->vhosts,
                main_server);
    give_row(main_server, main_server, rows[0], counters[0], pconf);
    i = count;
    for (server_rec *s = main_server->next; s != NULL; s = s->next) {
        i--;
        give_row(s, main_server, rows[i], counters[i], pconf);
    }
}

static void name_listeners(segment_t *segment, apr_pool_t *ptemp)
{
    unsigned i = 0;

    for (const ap_listen_rec *lr = ap_listeners; lr != NULL && i < segment->shape.listeners;
         lr = lr->next, i++) {
        char *ip = NULL;
        const char *address;

        apr_sockaddr_ip_get(&ip, lr->bind_addr);
        address = apr_psprintf(ptemp, lr->bind_addr->family == APR_INET6 ? "[%s]:%u" : "%s:%u",
                               ip != NULL ? ip : "*", (unsigned)lr->bind_addr->port);
        if (!segment_is_text(segment->listener[i].address, address)) {
            memset((void *)&segment->listener[i], 0, sizeof(segment->listener[i]));
            segment_set_text(segment->listener[i].address, address);
        }
        segment_set_text(segment->listener[i].protocol,
                         lr->protocol != NULL ? lr->protocol : "http");
    }
    for (; i < segment->shape.listeners; i++) {
        memset((void *)&segment->listener[i], 0, sizeof(segment->listener[i]));
    }
}

static void describe_server(segment_server_rec_t *server, server_rec *s)
{
    const facts_t *facts = facts_get();

    segment_set_text(server->version, ap_get_server_description());
    segment_set_text(server->built, ap_get_server_built());
    segment_set_text(server->release, MPM_VERSION);
    segment_set_text(server->mpm, ap_show_mpm());
    segment_set(&server->pid, (uint64_t)record.parent);
    segment_set(&server->config_generation, record.config_generation);
    segment_set(&server->started, (uint64_t)facts->started);
    segment_set(&server->restarted, (uint64_t)facts->restarted);
    segment_set(&server->heartbeat, (uint64_t)apr_time_now());
    segment_set(&server->timeout, (uint64_t)s->timeout);
    segment_set(&server->keepalive_timeout, s->keep_alive ? (uint64_t)s->keep_alive_timeout : 0);
    segment_set(&server->max_keepalive_requests, (uint64_t)s->keep_alive_max);
    segment_set(&server->threaded, mpm_answer(AP_MPMQ_IS_THREADED, 0) != AP_MPMQ_NOT_SUPPORTED);
    segment_set(&server->async, mpm_answer(AP_MPMQ_IS_ASYNC, 0) != 0);
    segment_set(&server->listen_backlog, (uint64_t)config_listen_backlog());
    segment_set(&server->queries_cut, config_global.queries_cut != 0);
    segment_set_text(server->prefork_only, facts_prefork_only());
}

/* 0 or less: the limit does not exist in this model or MPM. */
static uint64_t or_unknown(int limit)
{
    return limit > 0 ? (uint64_t)limit : SEGMENT_UNKNOWN;
}

/* 0: unlimited; negative: unknown. */
static uint64_t ceiling(apr_int64_t limit)
{
    return limit >= 0 ? (uint64_t)limit : SEGMENT_UNKNOWN;
}

/* httpd's own MPMs answer for daemons and threads separately; the limit is their product. */
static void ask_limits(mpm_hybrid_limits_t *limits)
{
    int daemons = mpm_answer_count(AP_MPMQ_MAX_DAEMONS);
    int threads = mpm_answer(AP_MPMQ_MAX_THREADS, 1);

    memset(limits, 0, sizeof(*limits));
    limits->model = "";
    limits->max_request_workers = daemons * (threads > 0 ? threads : 1);
    limits->server_limit = mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS);
    limits->min_spare_servers = mpm_answer_count(AP_MPMQ_MIN_SPARE_DAEMONS);
    limits->max_spare_servers = mpm_answer_count(AP_MPMQ_MAX_SPARE_DAEMONS);
    if (mpm_answer(AP_MPMQ_IS_THREADED, 0) != AP_MPMQ_NOT_SUPPORTED) {
        limits->thread_limit = mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS);
        limits->threads_per_child = mpm_answer_count(AP_MPMQ_MAX_THREADS);
        limits->min_spare_threads = mpm_answer_count(AP_MPMQ_MIN_SPARE_THREADS);
        limits->max_spare_threads = mpm_answer_count(AP_MPMQ_MAX_SPARE_THREADS);
    }
    limits->max_connections_per_child = mpm_answer_count(AP_MPMQ_MAX_REQUESTS_DAEMON);
    limits->max_memory_per_child = -1;
    limits->head_memory = -1;
}

void record_segment_limits(void)
{
    segment_server_rec_t *server;
    mpm_hybrid_limits_t limits;

    if (record.segment == NULL) {
        return;
    }
    if (!hybrid_limits_in(&limits)) {
        ask_limits(&limits);
    }
    server = record.segment->server;
    segment_set(&server->generation, (uint64_t)mpm_answer(AP_MPMQ_GENERATION, 0));
    segment_set_text(server->model, limits.model);
    segment_set(&server->max_request_workers, or_unknown(limits.max_request_workers));
    segment_set(&server->server_limit, or_unknown(limits.server_limit));
    segment_set(&server->start_servers, or_unknown(limits.start_servers));
    segment_set(&server->min_spare_servers, or_unknown(limits.min_spare_servers));
    segment_set(&server->max_spare_servers, or_unknown(limits.max_spare_servers));
    segment_set(&server->thread_limit, or_unknown(limits.thread_limit));
    segment_set(&server->threads_per_child, or_unknown(limits.threads_per_child));
    segment_set(&server->min_spare_threads, or_unknown(limits.min_spare_threads));
    segment_set(&server->max_spare_threads, or_unknown(limits.max_spare_threads));
    segment_set(&server->max_connections_per_child, ceiling(limits.max_connections_per_child));
    segment_set(&server->connections_per_process, or_unknown(limits.connections_per_process));
    segment_set(&server->concurrency, or_unknown(limits.concurrency));
    segment_set(&server->slots, or_unknown(limits.slots));
    segment_set(&server->max_memory_per_child, ceiling(limits.max_memory_per_child));
    segment_set(&server->head_memory, ceiling(limits.head_memory));
    segment_set(&server->stream_threads, or_unknown((int)record_streams_threads()));
    record.limits_told = true;
}

/* Marks the figures that are unavailable under this MPM. Before anything is counted. */
static void mark_unknown(segment_t *segment)
{
    segment_server_rec_t *server = segment->server;

    if (!hybrid_present() || mpm_answer(AP_MPMQ_IS_THREADED, 0) == AP_MPMQ_NOT_SUPPORTED) {
        /* In a process with one thread mod_ssl itself waits for the client: no time is known. */
        segment_histogram_unknown(&server->tls_handshake);
    }
    if (ap_find_linked_module("mod_http2.c") == NULL) {
        segment_set(&server->streams_queued, SEGMENT_UNKNOWN);
        segment_set(&server->streams_queued_peak, SEGMENT_UNKNOWN);
        segment_set(&server->streams_queued_since, SEGMENT_UNKNOWN);
        segment_set(&server->streams_saturated, SEGMENT_UNKNOWN);
    }
    if (hybrid_present()) {
        return;
    }
    for (unsigned i = 0; i <= segment_vhost_gone(segment); i++) {
        segment_histogram_unknown(&segment->vhost[i].head);
        /* The queue phase is known for streams of mod_http2. */
        if (ap_find_linked_module("mod_http2.c") == NULL) {
            segment_histogram_unknown(&segment->vhost[i].queue);
        }
    }
    segment_untold(SEGMENT_S_SERVER, server);
}

/* ---- over restarts, and the end -------------------------------------------------- */

static bool was_graceful(void)
{
    return ap_unixd_mpm_get_retained_data()->was_graceful != 0;
}

static void note_restart(segment_t *segment, retained_t *kept)
{
    segment_server_rec_t *server = segment->server;
    bool graceful = was_graceful();

    segment_add(graceful ? &server->restarts_graceful : &server->restarts_hard, 1);
    segment_ring_put(segment, graceful ? SEGMENT_EVENT_GRACEFUL : SEGMENT_EVENT_RESTART,
                     (uint64_t)apr_time_now(), 0, kept->config_generation, 0, "");
}

static void complain_of_changes(retained_t *kept, apr_pool_t *ptemp, server_rec *s)
{
    segment_place_t place = make_place(ptemp);
    const char *path = kept->segment.path;
    const char *was = path != NULL ? path : "Off",
               *wanted = place.path != NULL ? place.path : "Off";
    segment_failure_t failure;

    if (config_global.vhosts != kept->vhosts) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MPMStatsVHosts cannot be changed from %u to %u by a restart, it "
                     "stays %u; stop and start the server",
                     kept->vhosts, config_global.vhosts, kept->vhosts);
    }
    if (strcmp(was, wanted) != 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MPMStatsSegment cannot be changed from %s to %s by a restart; "
                     "stop and start the server",
                     was, wanted);
        return;
    }
    if (path != NULL && !segment_in_place(&kept->segment)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "%s has been removed or replaced: mpmstats cannot read this "
                     "server's figures until it is stopped and started",
                     path);
    }
    else if (segment_permit(&kept->segment, place.mode, place.group, &failure) != SEGMENT_OK) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MPMStatsSegmentMode, MPMStatsSegmentGroup: %s", failure.text);
    }
}

static int go_on(retained_t *kept, apr_pool_t *ptemp, server_rec *s)
{
    kept->config_generation++;
    record.config_generation = kept->config_generation;
    complain_of_changes(kept, ptemp, s);
    note_restart(&kept->segment, kept);
    return OK;
}

static int begin(retained_t *kept, apr_pool_t *ptemp, server_rec *s)
{
    int rc = create(&kept->segment, ptemp, s);

    if (rc != OK) {
        memset(&kept->segment, 0, sizeof(kept->segment));
        return rc;
    }
    kept->vhosts = config_global.vhosts;
    kept->config_generation = 1;
    record.config_generation = 1;
    mark_unknown(&kept->segment);
    segment_ring_put(&kept->segment, SEGMENT_EVENT_START, (uint64_t)apr_time_now(), 0, 0, 0, "");
    return OK;
}

/* Cleanup of the configuration pool: at a restart or at the end of the server. */
static apr_status_t end(void *data)
{
    segment_t *segment = data;

    if (getpid() == record.parent && ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        uint64_t now = (uint64_t)apr_time_now();

        segment_ring_put(segment, SEGMENT_EVENT_STOP, now, 0, 0, 0, "");
        segment_set(&segment->server->stopped, now);
        segment_remove(segment);
    }
    record_child_unwatch();
    record.segment = NULL;
    return APR_SUCCESS;
}

int record_segment_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s)
{
    const char *path = config_global.segment;
    const char *directory;
    struct stat st;

    (void)pconf;
    (void)plog;
    if (path == NULL || path[0] == '\0') {
        return OK;
    }
    directory = ap_make_dirstr_parent(ptemp, path);
    if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode)) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     "MPMStatsSegment %s: there is no directory %s; make it or choose another path",
                     path, directory);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (access(directory, W_OK | X_OK) != 0) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
            "MPMStatsSegment %s: %s is not writable; give permission or choose another path", path,
            directory);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
            "MPMStatsSegment %s: it exists and is not a regular file; remove it or choose another "
            "path",
            path);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

int record_segment_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s)
{
    retained_t *kept;
    int rc;

    (void)plog;
    /* httpd reads the configuration twice at the start: the segment is created the second time. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    hybrid_find();
    kept = retained(ptemp);
    record.parent = getpid();
    rc = kept->segment.base != NULL ? go_on(kept, ptemp, s) : begin(kept, ptemp, s);
    if (rc != OK) {
        return rc;
    }
    record.segment = &kept->segment;
    record.limits_told = false;
    record.slow_told = false;
    record.scores = facts_get()->details != FACTS_DETAILS_NOBODY;
    describe_server(kept->segment.server, s);
    give_rows(kept, s, pconf, ptemp);
    name_listeners(&kept->segment, ptemp);
    apr_pool_cleanup_register(pconf, &kept->segment, end, apr_pool_cleanup_null);
    return OK;
}

int record_segment_pre_mpm(apr_pool_t *pool, ap_scoreboard_e type)
{
    (void)pool;
    if (record.segment != NULL && type == SB_SHARED) {
        record_board_place(record.segment);
    }
    return OK;
}
