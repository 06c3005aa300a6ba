/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice on the number of workers and processes.
 *
 * Demand is busy workers plus requests waiting for one. MaxRequestWorkers should
 * allow its 99th percentile times ADVISOR_ROOM, limited by processors and memory.
 * The layout follows from that.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "tune/advisor_item.h"
#include "mpm/policy/sizing.h"

#define CPU_FULL 0.9 /* share of all processors from which on more workers do not help */
#define WORKERS_SANE 100000.0
#define START_THREADED 3 /* default StartServers */
#define START_PREFORK 5

typedef enum { BOUND_NONE, BOUND_CPU, BOUND_MEMORY, BOUND_REACH } bound_e;

typedef struct {
    bool lacked;            /* workers were missing in the sample */
    double wanted;          /* workers required by the demand; NAN: unknown */
    int workers;            /* recommended MaxRequestWorkers */
    bound_e bound;          /* what limits it */
    int threads, processes; /* its layout; threads is 1 under prefork */
    /* ServerLimit required without BOUND_REACH; 0: unchanged */
} plan_t;

static int int_of(double number)
{
    return number >= INT_MAX ? INT_MAX : number <= 0 ? 0 : (int)number;
}

static int divide_up(int value, int by)
{
    return (value - 1) / by + 1;
}

/* Rounds up to a customary number. */
static int rounded_up(double exact)
{
    int step = exact > 500 ? 50 : exact > 40 ? 10 : 5;

    return exact >= WORKERS_SANE ? (int)WORKERS_SANE : divide_up(int_of(ceil(exact)), step) * step;
}

static bool is_threaded(const advisor_input_t *in)
{
    return in->wait != ADVISOR_WAIT_PROCESS;
}

/* ---- how many ---- */

/* Waiting requests count only when workers are scarce, as requests wait for other reasons too. */
static double wanted_workers(const advisor_input_t *in, bool lacked)
{
    if (!lacked && in->busy.p99 * ADVISOR_ROOM <= in->max_request_workers) {
        return in->busy.p99 * ADVISOR_ROOM;
    }
    if (advisor_known(&in->demand)) {
        return fmax(in->busy.p99, in->demand.p99) * ADVISOR_ROOM;
    }
    /* waiting requests are unknown: double the limit, then measure again */
    return lacked ? in->max_request_workers * 2.0 : in->busy.p99 * ADVISOR_ROOM;
}

/* True when busy workers mostly compute or wait for a processor. */
static bool is_computing(const advisor_input_t *in)
{
    return in->cpu_cores >= CPU_FULL * in->cores
        || in->cpu_cores + in->cpu_delay_cores >= in->busy.mean / 2;
}

/*
 * The number of workers that saturates the processors: a busy worker uses cpu_cores / busy of a
 * processor; the run-queue delay is subtracted from busy.
 */
static double useful_workers(const advisor_input_t *in)
{
    double delay = isnan(in->cpu_delay_cores) ? 0 : in->cpu_delay_cores;

    if (in->cores <= 0 || isnan(in->cpu_cores) || in->cpu_cores <= 0) {
        return INFINITY;
    }
    if (is_computing(in)) {
        return in->max_request_workers;
    }
    return in->cores * (in->busy.mean - delay) / in->cpu_cores * ADVISOR_ROOM;
}

static double memory_of(const advisor_input_t *in, double workers, double per_process)
{
    double each = is_threaded(in) ? in->worker_bytes : 0;

    return ceil(workers / per_process) * in->process_bytes + workers * each;
}

/* Workers that fit the memory budget, in whole processes; INFINITY: unknown. */
static double affordable_workers(const advisor_input_t *in)
{
    double threads = is_threaded(in) && in->threads_per_child > 0 ? in->threads_per_child : 1;
    double process = memory_of(in, threads, threads);

    if (isnan(process) || process <= 0 || isnan(in->budget_bytes)) {
        return INFINITY;
    }
    return fmax(1, floor(in->budget_bytes / process)) * threads;
}

/* The most workers that a graceful restart can configure. */
static double reachable_workers(const advisor_input_t *in)
{
    double threads = is_threaded(in) ? in->thread_limit : 1;

    return in->server_limit > 0 && threads > 0 ? in->server_limit * threads : INFINITY;
}

static void bound_by(plan_t *plan, double most, bound_e bound)
{
    if (plan->workers > most) {
        plan->workers = int_of(most);
        plan->bound = bound;
    }
}

static plan_t plan_workers(const advisor_input_t *in, bool stop_allowed)
{
    plan_t plan = { .workers = in->max_request_workers };

    plan.lacked = in->saturated_share > ADVISOR_SELDOM
        || (in->busy.max >= in->max_request_workers && advisor_known(&in->demand)
            && in->demand.p99 > in->max_request_workers);
    plan.wanted = wanted_workers(in, plan.lacked);
    if (plan.wanted > in->max_request_workers) {
        plan.workers = rounded_up(plan.wanted);
        bound_by(&plan, fmax(in->max_request_workers, useful_workers(in)), BOUND_CPU);
    }
    bound_by(&plan, affordable_workers(in), BOUND_MEMORY);
    if (!stop_allowed && plan.workers > in->max_request_workers) {
        bound_by(&plan, fmax(in->max_request_workers, reachable_workers(in)), BOUND_REACH);
    }
    return plan;
}

/* ---- layout ---- */

static void layout_hybrid(const advisor_input_t *in, bool stop_allowed, plan_t *plan)
{
    sizing_layout_t layout = { .max_request_workers = plan->workers };

    if (!stop_allowed || plan->workers <= reachable_workers(in)) {
        layout.server_limit = in->server_limit;
        layout.thread_limit = in->thread_limit;
    }
    sizing_layout(in->cores > 0 ? in->cores : 1, &layout);
    plan->threads = layout.threads_per_child;
    plan->processes = layout.max_request_workers / layout.threads_per_child;
}

/* Stock MPMs keep ThreadsPerChild unless that gives too many processes. */
static void layout_stock(const advisor_input_t *in, bool stop_allowed, plan_t *plan)
{
    int most = in->cores > 4 ? 4 * in->cores : 16;
    int limit = in->thread_limit > 0 ? in->thread_limit : 64;
    int threads = in->threads_per_child > 0 ? in->threads_per_child : 25;

    if (in->server_limit > 0 && in->server_limit < most && !stop_allowed) {
        most = in->server_limit;
    }
    if (divide_up(plan->workers, threads) > most) {
        threads = divide_up(divide_up(plan->workers, most), 5) * 5;
    }
    if (threads > limit) {
        threads = limit;
    }
    plan->threads = threads;
    plan->processes = divide_up(plan->workers, threads);
    if (!stop_allowed && in->server_limit > 0 && plan->processes > in->server_limit) {
        plan->processes = in->server_limit;
    }
}

/* Keeps ThreadsPerChild, as assumed by affordable_workers(). */
static void layout_as_now(const advisor_input_t *in, bool stop_allowed, plan_t *plan)
{
    plan->threads = is_threaded(in) && in->threads_per_child > 0 ? in->threads_per_child : 1;
    plan->processes = divide_up(plan->workers, plan->threads);
    if (!stop_allowed && in->server_limit > 0 && plan->processes > in->server_limit) {
        plan->processes = in->server_limit;
    }
    while (plan->processes > 1
           && (double)plan->processes * plan->threads > affordable_workers(in)) {
        plan->processes--;
    }
}

static void plan_layout(const advisor_input_t *in, bool stop_allowed, plan_t *plan)
{
    if (!is_threaded(in) || plan->workers == in->max_request_workers
        || plan->bound == BOUND_MEMORY) {
        layout_as_now(in, stop_allowed, plan);
    }
    else if (in->mpm == ADVISOR_HYBRID) {
        layout_hybrid(in, stop_allowed, plan);
    }
    else {
        layout_stock(in, stop_allowed, plan);
    }
    /* more, smaller processes may exceed the budget where the present layout does not */
    if (memory_of(in, (double)plan->threads * plan->processes, plan->threads) > in->budget_bytes) {
        layout_as_now(in, stop_allowed, plan);
    }
    if (plan->workers != in->max_request_workers) {
        plan->workers = plan->threads * plan->processes;
    }
}

/* ---- the items ---- */

static void why_lacked(const advisor_input_t *in, advisor_item_t *item)
{
    advisor_because(item, "All %d were busy in %.0f %% of the time", in->max_request_workers,
                    fmax(0, in->saturated_share) * 100);
    if (advisor_known(&in->demand)) {
        advisor_because(item, "; up to %.0f requests ran or waited at once, %.0f on average",
                        in->demand.p99, in->demand.mean);
    }
    advisor_because(item, ".");
}

static void why_enough(const advisor_input_t *in, advisor_item_t *item)
{
    char waited[16], target[16];

    advisor_because(item, "At most %.0f of %d were busy, %.0f in 99 %% of the time.", in->busy.max,
                    in->max_request_workers, in->busy.p99);
    if (in->queue_p99_us > in->target_queue_p99_us) {
        advisor_because(
            item, " 1 %% of the requests waited for more than %s (target %s) for another reason.",
            advisor_span(in->queue_p99_us, waited), advisor_span(in->target_queue_p99_us, target));
    }
}

static void why_memory(const advisor_input_t *in, const plan_t *plan, advisor_item_t *item)
{
    double now = memory_of(in, in->max_request_workers, fmax(1, in->threads_per_child));
    char needs[16], has[16];

    advisor_bytes(in->budget_bytes, has);
    if (plan->workers < in->max_request_workers) {
        advisor_because(item, " %d busy ones would take %s, and there are %s for them.",
                        in->max_request_workers, advisor_bytes(now, needs), has);
    }
    else {
        advisor_because(item, " More do not fit into %s.", has);
    }
    if (plan->wanted > plan->workers) {
        advisor_because(item, " The demand is %.0f, which needs more memory.", ceil(plan->wanted));
    }
}

static void why_bound(const advisor_input_t *in, const plan_t *plan, advisor_item_t *item)
{
    switch (plan->bound) {
    case BOUND_CPU:
        advisor_because(item, " It keeps %.1f of %d processors busy", in->cpu_cores, in->cores);
        if (in->cpu_delay_cores >= 0.1) {
            advisor_because(item, " and would use %.1f more", in->cpu_delay_cores);
        }
        advisor_because(item, ": more workers would only share them.");
        return;
    case BOUND_MEMORY:
        why_memory(in, plan, item);
        return;
    case BOUND_REACH:
        advisor_because(item,
                        " The demand is %.0f, but a higher value needs a stop and start (%s).",
                        ceil(plan->wanted),
                        is_threaded(in) ? "ServerLimit, ThreadLimit" : "ServerLimit");
        return;
    default:
        if (plan->workers > in->max_request_workers) {
            advisor_because(item, " 25 %% are added as headroom.");
        }
    }
}

static void item_workers(const advisor_input_t *in, const plan_t *plan, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "MaxRequestWorkers");
    double memory = memory_of(in, plan->workers, fmax(1, plan->threads));
    char needs[16], has[16];

    advisor_number(item, in->max_request_workers, plan->workers);
    item->confidence = advisor_trust(in);
    if (plan->lacked && !advisor_known(&in->demand)) {
        item->confidence = ADVISOR_LOW;
    }
    if (plan->lacked) {
        why_lacked(in, item);
    }
    else {
        why_enough(in, item);
    }
    why_bound(in, plan, item);
    if (plan->bound != BOUND_MEMORY && plan->workers > in->max_request_workers) {
        if (isnan(memory) || isnan(in->budget_bytes)) {
            advisor_because(item, " Memory was not measured.");
            item->confidence = advisor_at_most(item->confidence, ADVISOR_MEDIUM);
        }
        else {
            advisor_because(item, " All busy, they take %s of %s.", advisor_bytes(memory, needs),
                            advisor_bytes(in->budget_bytes, has));
        }
    }
}

static void item_threads(const advisor_input_t *in, const plan_t *plan, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "ThreadsPerChild");

    advisor_number(item, in->threads_per_child, plan->threads);
    item->confidence = ADVISOR_HIGH;
    if (item->verdict == ADVISOR_KEEP) {
        advisor_because(item, "%d processes of %d make %d.", plan->processes, plan->threads,
                        plan->workers);
    }
    else if (in->mpm == ADVISOR_HYBRID) {
        advisor_because(item, "%d workers over %d processes, for %d processors.", plan->workers,
                        plan->processes, in->cores);
    }
    else {
        advisor_because(item, "%d workers in processes of %d would be %d processes; %d are enough.",
                        plan->workers, in->threads_per_child,
                        divide_up(plan->workers, in->threads_per_child), plan->processes);
    }
}

/* ServerLimit only if too low, as a change needs a stop. */
static void item_server_limit(const advisor_input_t *in, const plan_t *plan,
                              advisor_advice_t *advice)
{
    int threads = plan->threads > 0 ? plan->threads : 1;
    int needed = plan->bound == BOUND_REACH ? divide_up(rounded_up(plan->wanted), threads)
                                            : plan->processes;
    advisor_item_t *item;

    if (in->server_limit <= 0 || needed <= in->server_limit) {
        return;
    }
    item = advisor_add(advice, "ServerLimit");
    advisor_number(item, in->server_limit, needed);
    item->effect = ADVISOR_STOP;
    item->confidence = advisor_trust(in);
    advisor_because(
        item,
        "%d processes are needed for %d workers. It is read when the server starts, not at a restart.",
        needed, plan->bound == BOUND_REACH ? rounded_up(plan->wanted) : plan->workers);
}

static void item_start_servers(const advisor_input_t *in, const plan_t *plan,
                               advisor_advice_t *advice)
{
    int spare = is_threaded(in) ? in->min_spare_threads : in->min_spare_servers;
    double typical = plan->lacked && advisor_known(&in->demand) ? in->demand.p50 : in->busy.p50;
    int needed = int_of(ceil((typical + spare) / plan->threads));
    advisor_item_t *item;

    if (needed > plan->processes) {
        needed = plan->processes;
    }
    /* stock MPMs do not report StartServers: advise only above their default */
    if (in->start_servers <= 0 && needed <= (is_threaded(in) ? START_THREADED : START_PREFORK)) {
        return;
    }
    item = advisor_add(advice, "StartServers");
    item->confidence = advisor_at_most(advisor_trust(in), ADVISOR_MEDIUM);
    if (in->start_servers > 0 && needed <= in->start_servers) {
        advisor_number(item, in->start_servers, in->start_servers);
        advisor_because(item, "%d suffice for the median of %.0f busy workers and the spare ones.",
                        in->start_servers, typical);
        return;
    }
    advisor_number(item, in->start_servers, needed);
    advisor_because(
        item, "A median of %.0f workers is busy, soon after a restart too, and %d are kept spare.",
        typical, spare);
}

/* Not for hybrid: it creates workers in microseconds, and StartServers covers its processes. */
static void item_min_spare(const advisor_input_t *in, const plan_t *plan, advisor_advice_t *advice)
{
    int now = is_threaded(in) ? in->min_spare_threads : in->min_spare_servers;
    int most = plan->workers / 2 > 1 ? plan->workers / 2 : 1;
    int needed = isnan(in->burst) ? 0 : int_of(ceil(in->burst));
    advisor_item_t *item;

    if (in->mpm == ADVISOR_HYBRID || now <= 0) {
        return;
    }
    item = advisor_add(advice, is_threaded(in) ? "MinSpareThreads" : "MinSpareServers");
    item->confidence = advisor_at_most(advisor_trust(in), ADVISOR_MEDIUM);
    if (isnan(in->burst)) {
        advisor_number(item, now, now);
        advisor_because(item, "Bursts were not measured.");
        item->confidence = ADVISOR_LOW;
        return;
    }
    if (needed > now) {
        needed = rounded_up(needed);
    }
    else {
        needed = now;
    }
    /* at most half of the workers: spare ones never serve requests */
    advisor_number(item, now,
                   needed > now || now > plan->workers ? (needed < most ? needed : most) : now);
    advisor_because(item, "Within a second at most %.0f more were needed; %d are kept ready.",
                    in->burst, now);
}

/* The stock MPMs raise too low a value themselves, with a warning. */
static void item_max_spare(const advisor_input_t *in, const plan_t *plan, advisor_advice_t *advice)
{
    const char *min_name = is_threaded(in) ? "MinSpareThreads" : "MinSpareServers";
    const advisor_item_t *min_item = advisor_item(advice, min_name);
    int now = is_threaded(in) ? in->max_spare_threads : in->max_spare_servers;
    int min_spare = is_threaded(in) ? in->min_spare_threads : in->min_spare_servers;
    advisor_item_t *item;

    if (now <= 0 || in->mpm == ADVISOR_HYBRID) {
        return;
    }
    if (min_item != NULL) {
        min_spare = (int)strtol(min_item->recommended, NULL, 10);
    }
    if (now >= min_spare + plan->threads) {
        return;
    }
    item = advisor_add(advice, is_threaded(in) ? "MaxSpareThreads" : "MaxSpareServers");
    advisor_number(item, now, min_spare + plan->threads);
    item->confidence = ADVISOR_HIGH;
    advisor_because(
        item, "It must exceed %s by a process, or processes are started and stopped repeatedly.",
        min_name);
}

void advisor_workers(const advisor_input_t *in, bool stop_allowed, advisor_advice_t *advice)
{
    plan_t plan = plan_workers(in, stop_allowed);

    plan_layout(in, stop_allowed, &plan);
    item_workers(in, &plan, advice);
    if (is_threaded(in)) {
        item_threads(in, &plan, advice);
    }
    item_server_limit(in, &plan, advice);
    item_start_servers(in, &plan, advice);
    item_min_spare(in, &plan, advice);
    item_max_spare(in, &plan, advice);
}
