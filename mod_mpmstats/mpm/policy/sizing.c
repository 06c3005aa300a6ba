/* SPDX-License-Identifier: Apache-2.0 */
/* Sizing of a process and of the server, and delays after crashes. */
#include "mpm/policy/sizing.h"

#include <string.h>

/*
 * A start within this many windows reverses the last retirement. A process that stays away longer
 * has saved more memory than its start costs.
 */
#define MISTAKE_WINDOWS 8

/* Least interval between two equal reports, even if the condition ended in between. */
#define REPORT_INTERVAL_US INT64_C(60000000)

/* Children that start faster are started at once; others in batches at most PATIENCE apart. */
#define START_CHEAP_US INT64_C(10000)
#define START_PATIENCE_US INT64_C(1000000)

static int at_least(int value, int least)
{
    return value < least ? least : value;
}

static int at_most(int value, int most)
{
    return value > most ? most : value;
}

static int divide_up(int value, int by)
{
    return value <= 0 ? 0 : (value - 1) / by + 1;
}

void sizing_low_init(sizing_low_t *low, int value)
{
    atomic_init(&low->low, value);
}

void sizing_low_note(sizing_low_t *low, int value)
{
    int old = atomic_load_explicit(&low->low, memory_order_relaxed);

    while (value < old) {
        if (atomic_compare_exchange_weak_explicit(&low->low, &old, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return;
        }
    }
}

int sizing_low_take(sizing_low_t *low, int value)
{
    int old = atomic_exchange_explicit(&low->low, value, memory_order_relaxed);

    return at_most(old, value);
}

sizing_process_advice_t sizing_process(const sizing_process_limits_t *limits,
                                       const sizing_process_t *now)
{
    sizing_process_advice_t advice = { 0, 0, 0 };
    int events = at_least(now->events_waiting, 0);
    int min_spare = at_least(limits->min_spare_threads, 1);
    int max_spare = at_least(limits->max_spare_threads, min_spare);
    int room = at_least(limits->ceiling_threads - now->workers, 0);
    int coming = now->idle + now->starting;
    int64_t missing = (int64_t)events + min_spare - coming;

    if (missing > 0) {
        int64_t takers;

        advice.create_threads = missing < room ? (int)missing : room;
        takers = (int64_t)coming + advice.create_threads;
        advice.unmet_events = events > takers ? (int)(events - takers) : 0;
    }
    else if (now->window_us >= limits->surplus_us) {
        int spare = at_most(now->idle_low, now->idle);

        advice.leave_threads = at_least(spare - max_spare, 0);
    }
    return advice;
}

int sizing_share(int total, int processes, int index)
{
    if (total <= 0 || processes <= 0 || index < 0 || index >= processes) {
        return 0;
    }
    return total / processes + (index < total % processes ? 1 : 0);
}

int sizing_concurrency(int cores, int processes)
{
    return at_least(cores / at_least(processes, 1), 1);
}

/* Upper bound of serving processes. */
static int processes_max(const sizing_server_limits_t *limits)
{
    int by_workers = limits->max_request_workers / at_least(limits->threads_per_child, 1);

    return at_least(at_most(by_workers, limits->server_limit), 1);
}

static void window_restart(sizing_server_memory_t *memory, int64_t now_us, int free_threads)
{
    memory->window_open = true;
    memory->window_start_us = now_us;
    memory->window_low = free_threads;
}

/* A start soon after a retirement reverses it: double the window. */
static void note_start(const sizing_server_limits_t *limits, int64_t now_us,
                       sizing_server_memory_t *memory)
{
    if (memory->last_retire_us
        && now_us - memory->last_retire_us < MISTAKE_WINDOWS * memory->window_us) {
        memory->window_us *= 2;
        if (memory->window_us > limits->retire_max_us) {
            memory->window_us = limits->retire_max_us;
        }
    }
    memory->last_retire_us = 0;
}

/* A retirement not reversed for retire_max_us and MISTAKE_WINDOWS is confirmed: reset window_us. */
static void forget_mistakes(const sizing_server_limits_t *limits, int64_t now_us,
                            sizing_server_memory_t *memory)
{
    int64_t away_us = now_us - memory->last_retire_us;

    if (memory->last_retire_us && away_us > limits->retire_max_us
        && away_us > MISTAKE_WINDOWS * memory->window_us) {
        memory->window_us = limits->retire_us;
        memory->last_retire_us = 0;
    }
}

/* After a retirement the others may be filled to this part with connections, in per mille. */
#define FILLED_MOST 750

/* Number of processes that were surplus for a whole window. */
static int surplus_processes(const sizing_server_limits_t *limits, const sizing_server_t *now,
                             int free_threads, sizing_server_memory_t *memory)
{
    int spare = at_least(limits->max_spare_threads, limits->min_spare_threads);
    int surplus, more_than_least;

    if (!memory->window_open) {
        window_restart(memory, now->now_us, free_threads);
    }
    memory->window_low = at_most(free_threads, memory->window_low);
    if (now->now_us - memory->window_start_us < memory->window_us) {
        return 0;
    }
    surplus = (memory->window_low - spare) / at_least(limits->threads_per_child, 1);
    more_than_least = now->ready - at_least(limits->min_processes, 1);
    surplus = at_most(surplus, now->ready - divide_up(at_least(now->filled, 0), FILLED_MOST));
    surplus = at_least(at_most(surplus, more_than_least), 0);
    window_restart(memory, now->now_us, free_threads);
    if (surplus) {
        memory->last_retire_us = now->now_us;
    }
    return surplus;
}

static sizing_report_e report_once(sizing_report_e report, int64_t now_us,
                                   sizing_server_memory_t *memory)
{
    bool again = memory->reported_us[report]
        && now_us - memory->reported_us[report] < REPORT_INTERVAL_US;

    if (report == SIZING_REPORT_NONE || memory->reported[report] || again) {
        return SIZING_REPORT_NONE;
    }
    memory->reported[report] = true;
    memory->reported_us[report] = now_us;
    return report;
}

/* Why workers are missing and no process can be added. */
static sizing_report_e shortage(int wanted, int free_slots, int free_threads)
{
    if (wanted > 0 && free_slots <= 0) {
        return SIZING_REPORT_SLOTS;
    }
    return free_threads <= 0 ? SIZING_REPORT_FULL : SIZING_REPORT_NEAR;
}

sizing_server_advice_t sizing_server(const sizing_server_limits_t *limits,
                                     const sizing_server_t *now, sizing_server_memory_t *memory)
{
    sizing_server_advice_t advice = { 0, 0, false, SIZING_REPORT_NONE };
    int per_child = at_least(limits->threads_per_child, 1);
    int active = now->ready + now->starting;
    int most = processes_max(limits);
    int unmet = at_least(now->unmet_events, 0);
    int64_t exact = (int64_t)active * per_child - now->busy - unmet;
    int free_threads = exact < INT32_MIN / 2 ? INT32_MIN / 2 : (int)exact;
    int missing = divide_up(at_least(limits->min_spare_threads, 1) - free_threads, per_child);
    int wanted = at_most(at_least(missing, limits->min_processes - active),
                         at_least(most - active, 0));

    if (now->ready > 0 && now->full >= now->ready && now->starting <= 0 && active < most) {
        wanted = at_least(wanted, 1);
    }
    if (memory->window_us < limits->retire_us) {
        memory->window_us = limits->retire_us;
    }
    forget_mistakes(limits, now->now_us, memory);
    advice.start_processes = at_least(at_most(wanted, now->free_slots), 0);
    if (advice.start_processes) {
        note_start(limits, now->now_us, memory);
        window_restart(memory, now->now_us, free_threads);
    }
    else {
        advice.retire_processes = surplus_processes(limits, now, free_threads, memory);
    }
    if (missing == 0) {
        memset(memory->reported, 0, sizeof(memory->reported));
    }
    else if (missing > advice.start_processes) {
        advice.at_limit = free_threads + advice.start_processes * per_child <= 0;
        advice.report = report_once(shortage(wanted - advice.start_processes,
                                             now->free_slots - advice.start_processes,
                                             free_threads + advice.start_processes * per_child),
                                    now->now_us, memory);
    }
    return advice;
}

int sizing_starts(int wanted, int starting, int cores, int64_t start_us, int64_t now_us,
                  sizing_starts_t *memory)
{
    int now;

    if (wanted <= 0 || start_us < START_CHEAP_US) {
        memory->batch = 0;
        memory->used = false;
        return at_least(wanted, 0);
    }
    if (memory->batch == 0) {
        memory->batch = at_least(cores, 1);
        memory->since_us = now_us;
    }
    else if ((starting == 0 && memory->used) || now_us - memory->since_us >= START_PATIENCE_US) {
        memory->batch = at_most(memory->batch, INT32_MAX / 2) * 2;
        memory->since_us = now_us;
    }
    now = at_most(wanted, at_least(memory->batch - starting, 0));
    memory->used |= now > 0;
    return now;
}

int64_t sizing_restart_delay(const sizing_restart_limits_t *limits, int64_t lived_us,
                             sizing_restart_memory_t *memory)
{
    int64_t delay_us = limits->first_us;
    int doublings;

    if (lived_us >= limits->healthy_us) {
        memory->early_deaths = 0;
        return 0;
    }
    if (memory->early_deaths < 1000) {
        memory->early_deaths++;
    }
    if (memory->early_deaths < 2) {
        return 0;
    }
    for (doublings = memory->early_deaths - 2; doublings > 0 && delay_us < limits->max_us;
         doublings--) {
        delay_us *= 2;
    }
    return delay_us < limits->max_us ? delay_us : limits->max_us;
}
