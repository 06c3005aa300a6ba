/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/sizing: single decisions, and decisions over simulated time. The simulated
 * server is as simple as it can be: a process takes 20 ms to start, a retired one
 * 300 ms to leave, work goes to whoever has room.
 */
#include "mpm/policy/sizing.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

/* ---- one process ---- */

static const sizing_process_limits_t process_limits = {
    .ceiling_threads = 25,
    .min_spare_threads = 2,
    .max_spare_threads = 5,
    .surplus_us = 1000,
};

static sizing_process_advice_t process(int workers, int starting, int idle, int events,
                                       int idle_low, int64_t window_us)
{
    sizing_process_t now = { workers, starting, idle, events, idle_low, window_us };

    return sizing_process(&process_limits, &now);
}

START_TEST(a_process_creates_what_events_and_spares_need)
{
    ck_assert_int_eq(process(0, 0, 0, 0, 0, 0).create_threads, 2);
    ck_assert_int_eq(process(4, 0, 0, 3, 0, 0).create_threads, 5);
    ck_assert_int_eq(process(4, 0, 1, 3, 0, 0).create_threads, 4);
    ck_assert_int_eq(process(4, 3, 1, 3, 0, 0).create_threads, 1); /* three are on their way */
    ck_assert_int_eq(process(9, 0, 5, 3, 0, 0).create_threads, 0);
    ck_assert_int_eq(process(4, 0, 0, 3, 0, 0).unmet_events, 0);
}
END_TEST

START_TEST(a_process_stops_at_its_ceiling_and_says_what_is_left_over)
{
    sizing_process_advice_t a = process(20, 0, 0, 30, 0, 0);

    ck_assert_int_eq(a.create_threads, 5);
    ck_assert_int_eq(a.unmet_events, 25);
    a = process(25, 0, 0, 1, 0, 0);
    ck_assert_int_eq(a.create_threads, 0);
    ck_assert_int_eq(a.unmet_events, 1);
    a = process(25, 0, 0, 0, 0, 0); /* only spares are missing: nobody waits */
    ck_assert_int_eq(a.unmet_events, 0);
    a = process(30, 0, 0, 1, 0, 0); /* more than the ceiling, after a restart with less */
    ck_assert_int_eq(a.create_threads, 0);
    a = process(0, 0, 0, INT32_MAX, 0, 0);
    ck_assert_int_eq(a.create_threads, 25);
    ck_assert_int_eq(a.unmet_events, INT32_MAX - 25);
}
END_TEST

START_TEST(workers_leave_only_when_they_were_not_needed_for_the_whole_window)
{
    ck_assert_int_eq(process(20, 0, 20, 0, 20, 999).leave_threads, 0);
    ck_assert_int_eq(process(20, 0, 20, 0, 20, 1000).leave_threads, 15);
    ck_assert_int_eq(process(20, 0, 20, 0, 8, 1000).leave_threads, 3);
    ck_assert_int_eq(process(20, 0, 20, 0, 5, 1000).leave_threads, 0);
    /* never more than are idle now */
    ck_assert_int_eq(process(20, 0, 6, 0, 20, 1000).leave_threads, 1);
    /* nor while some are missing */
    ck_assert_int_eq(process(20, 0, 20, 19, 20, 1000).leave_threads, 0);
}
END_TEST

START_TEST(somebody_always_waits_for_events)
{
    sizing_process_limits_t none = { .ceiling_threads = 4 };
    sizing_process_t now = { 0 };

    ck_assert_int_eq(sizing_process(&none, &now).create_threads, 1);
    now.workers = now.idle = now.idle_low = 1;
    ck_assert_int_eq(sizing_process(&none, &now).create_threads, 0);
    ck_assert_int_eq(sizing_process(&none, &now).leave_threads, 0);
}
END_TEST

START_TEST(shares_add_up_and_are_even)
{
    for (int total = 0; total < 200; total++) {
        for (int processes = 1; processes < 40; processes++) {
            int sum = 0, low = INT32_MAX, high = 0;

            for (int i = 0; i < processes; i++) {
                int share = sizing_share(total, processes, i);

                sum += share;
                low = share < low ? share : low;
                high = share > high ? share : high;
            }
            ck_assert_int_eq(sum, total);
            ck_assert_int_le(high - low, 1);
        }
    }
    ck_assert_int_eq(sizing_share(5, 0, 0), 0);
    ck_assert_int_eq(sizing_share(-5, 2, 0), 0);
    ck_assert_int_eq(sizing_share(5, 2, 2), 0);
}
END_TEST

START_TEST(concurrency_is_cores_over_processes_and_never_none)
{
    ck_assert_int_eq(sizing_concurrency(8, 2), 4);
    ck_assert_int_eq(sizing_concurrency(2, 16), 1);
    ck_assert_int_eq(sizing_concurrency(0, 0), 1);
}
END_TEST

enum { NOTERS = 4, NOTES = 100000 };
static sizing_low_t low;

static void *note_many(void *arg)
{
    int least = *(int *)arg;

    for (int i = 0; i < NOTES; i++) {
        sizing_low_note(&low, least + (i * 7919) % NOTES);
    }
    return NULL;
}

START_TEST(the_least_value_of_all_threads_is_kept)
{
    pthread_t threads[NOTERS];
    int least[NOTERS];

    sizing_low_init(&low, INT32_MAX);
    for (int i = 0; i < NOTERS; i++) {
        least[i] = 1000 - i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, &least[i]), 0);
    }
    for (int i = 0; i < NOTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(sizing_low_take(&low, 5000), 1000 - (NOTERS - 1));
    sizing_low_note(&low, 50);
    sizing_low_note(&low, 60);
    ck_assert_int_eq(sizing_low_take(&low, 70), 50);
    ck_assert_int_eq(sizing_low_take(&low, 10), 10);
}
END_TEST

/* ---- single decisions for the server ---- */

static const sizing_server_limits_t server_limits = {
    .server_limit = 16,
    .max_request_workers = 400,
    .threads_per_child = 25,
    .min_spare_threads = 25,
    .max_spare_threads = 75,
    .min_processes = 2,
    .retire_us = 10000000,
    .retire_max_us = 320000000,
};

static sizing_server_advice_t once(int ready, int starting, int free_slots, int busy, int unmet)
{
    sizing_server_memory_t memory = { 0 };
    sizing_server_t now = { 1, ready, 0, 0, starting, free_slots, busy, unmet };

    return sizing_server(&server_limits, &now, &memory);
}

START_TEST(as_many_processes_start_at_once_as_are_missing)
{
    ck_assert_int_eq(once(0, 0, 16, 0, 0).start_processes, 2);  /* min_processes */
    ck_assert_int_eq(once(2, 0, 14, 25, 0).start_processes, 0); /* 25 are free */
    ck_assert_int_eq(once(2, 0, 14, 26, 0).start_processes, 1);
    ck_assert_int_eq(once(2, 0, 14, 50, 100).start_processes, 5); /* 100 wait, 25 to spare */
    ck_assert_int_eq(once(2, 5, 9, 50, 100).start_processes, 0);  /* they are on their way */
    ck_assert_int_eq(once(2, 0, 14, 50, 100000).start_processes, 14);
    ck_assert_int_eq(once(2, 0, 3, 50, 100000).start_processes, 3);
    ck_assert_int_eq(once(16, 0, 4, 400, 1000).start_processes, 0);
    ck_assert_int_eq(once(2, 0, 14, 50, INT32_MAX).start_processes, 14);
}
END_TEST

START_TEST(another_process_starts_when_all_are_full_though_workers_are_idle)
{
    sizing_server_memory_t memory = { 0 };
    sizing_server_t now = { .now_us = 1, .ready = 3, .full = 2, .free_slots = 13 };

    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).start_processes, 0);
    now.full = 3;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).start_processes, 1);
    now.starting = 1;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).start_processes, 0);
    now.starting = 0;
    now.free_slots = 0;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).start_processes, 0);
    now = (sizing_server_t){ .now_us = 1, .ready = 16, .full = 16, .free_slots = 16 };
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).start_processes, 0);
}
END_TEST

START_TEST(surplus_processes_stay_when_the_others_could_not_hold_their_connections)
{
    sizing_server_memory_t memory = { 0 };
    sizing_server_t now = { .now_us = 1, .ready = 8, .full = 5, .filled = 5250, .free_slots = 8 };

    sizing_server(&server_limits, &now, &memory);
    now.now_us += 2 * server_limits.retire_us;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).retire_processes, 1);
    now.ready = 7; /* none is full any more, but together they have as much as before */
    now.full = 0;
    now.now_us += 2 * server_limits.retire_us;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).retire_processes, 0);
    now.filled = 100;
    now.now_us += 2 * server_limits.retire_us;
    ck_assert_int_eq(sizing_server(&server_limits, &now, &memory).retire_processes, 4);
}
END_TEST

START_TEST(the_reason_for_a_shortage_is_reported)
{
    ck_assert_int_eq(once(16, 0, 4, 400, 1).report, SIZING_REPORT_FULL);
    ck_assert(once(16, 0, 4, 400, 1).at_limit);
    ck_assert_int_eq(once(16, 0, 4, 400, 0).report, SIZING_REPORT_FULL);
    ck_assert(once(16, 0, 4, 400, 0).at_limit);
    /* more slots would not help */
    ck_assert_int_eq(once(16, 0, 0, 400, 5).report, SIZING_REPORT_FULL);
    ck_assert(!once(4, 0, 12, 10, 0).at_limit);
    ck_assert_int_eq(once(16, 0, 4, 390, 0).report, SIZING_REPORT_NEAR);
    ck_assert(!once(16, 0, 4, 390, 0).at_limit);
    ck_assert_int_eq(once(4, 0, 0, 100, 9).report, SIZING_REPORT_SLOTS);
    ck_assert_int_eq(once(4, 0, 1, 100, 200).report, SIZING_REPORT_SLOTS);
    ck_assert_int_eq(once(4, 0, 12, 100, 9).report, SIZING_REPORT_NONE);
    ck_assert_int_eq(once(4, 0, 12, 10, 0).report, SIZING_REPORT_NONE);
}
END_TEST

START_TEST(a_shortage_is_reported_once_and_again_only_after_it_was_gone_for_a_minute)
{
    sizing_server_memory_t memory = { 0 };
    sizing_server_t full = { 1000, 16, 0, 0, 0, 4, 400, 5 }, calm = { 2000, 16, 0, 0, 0, 4, 10, 0 };
    int reports = 0;

    for (int i = 0; i < 1000; i++) {
        full.now_us += 1000000;
        reports += (sizing_server(&server_limits, &full, &memory).report != SIZING_REPORT_NONE);
    }
    ck_assert_int_eq(reports, 1);
    for (int i = 0; i < 1000; i++) { /* on and off, ten times a second */
        calm.now_us = full.now_us += 50000;
        sizing_server(&server_limits, &calm, &memory);
        full.now_us += 50000;
        reports += (sizing_server(&server_limits, &full, &memory).report != SIZING_REPORT_NONE);
    }
    ck_assert_int_ge(reports, 2);
    ck_assert_int_le(reports, 4);
}
END_TEST

/* ---- simulated time ---- */

enum { STEP_US = 10000, PROCESSES = 64 };
#define SECONDS(n) ((int64_t)(n)*1000000)

typedef struct {
    sizing_server_limits_t limits;
    sizing_server_memory_t memory;
    int64_t now_us;
    int ready;
    int64_t ready_at_us[PROCESSES]; /* of starting ones; 0: none */
    int64_t gone_at_us[PROCESSES];  /* of leaving ones; 0: none */
    int slots;
    int starts, retires;
    int load;
    int ready_most;
    /* longest time that work waited while MaxRequestWorkers had room for it */
    int64_t waited_us;
    int64_t waiting_since_us;
} sim_t;

static int busy_places(const int64_t *at)
{
    int n = 0;

    for (int i = 0; i < PROCESSES; i++) {
        n += (at[i] != 0);
    }
    return n;
}

static int elapsed(int64_t *at, int64_t now_us)
{
    int n = 0;

    for (int i = 0; i < PROCESSES; i++) {
        if (at[i] && at[i] <= now_us) {
            at[i] = 0;
            n++;
        }
    }
    return n;
}

static void put(int64_t *at, int n, int64_t when_us)
{
    for (int i = 0; i < PROCESSES && n > 0; i++) {
        if (!at[i]) {
            at[i] = when_us;
            n--;
        }
    }
    if (n > 0) {
        ck_abort_msg("no place for %d processes", n);
    }
}

static void sim_init(sim_t *s)
{
    memset(s, 0, sizeof(*s));
    s->limits = server_limits;
    s->slots = 32;
    s->now_us = SECONDS(1000);
}

/* What holds for every decision. (One assertion: there are millions of them.) */
static void sim_check(const sim_t *s, const sizing_server_t *now, const sizing_server_advice_t *a)
{
    int active = s->ready + now->starting + a->start_processes;

    if (now->free_slots < 0 || a->start_processes < 0 || a->retire_processes < 0
        || (a->start_processes && a->retire_processes) || a->start_processes > now->free_slots
        || active > s->limits.server_limit
        || active * s->limits.threads_per_child > s->limits.max_request_workers
        || (a->retire_processes && s->ready - a->retire_processes < s->limits.min_processes)) {
        ck_abort_msg("at %ld ms: ready %d starting %d free slots %d: start %d, retire %d",
                     (long)(s->now_us / 1000), s->ready, now->starting, now->free_slots,
                     a->start_processes, a->retire_processes);
    }
}

static void sim_step(sim_t *s, int load)
{
    sizing_server_t now = { 0 };
    sizing_server_advice_t a;
    int capacity;

    s->now_us += STEP_US;
    s->ready += elapsed(s->ready_at_us, s->now_us);
    elapsed(s->gone_at_us, s->now_us);
    s->load = load;
    capacity = s->ready * s->limits.threads_per_child;
    now.now_us = s->now_us;
    now.ready = s->ready;
    now.starting = busy_places(s->ready_at_us);
    now.free_slots = s->slots - s->ready - now.starting - busy_places(s->gone_at_us);
    now.busy = load < capacity ? load : capacity;
    now.unmet_events = load - now.busy;
    a = sizing_server(&s->limits, &now, &s->memory);
    sim_check(s, &now, &a);
    put(s->ready_at_us, a.start_processes, s->now_us + 20000);
    put(s->gone_at_us, a.retire_processes, s->now_us + 300000);
    s->ready -= a.retire_processes;
    s->starts += a.start_processes;
    s->retires += a.retire_processes;
    s->ready_most = s->ready > s->ready_most ? s->ready : s->ready_most;

    if (now.unmet_events && capacity < s->limits.max_request_workers) {
        if (!s->waiting_since_us) {
            s->waiting_since_us = s->now_us;
        }
        if (s->now_us - s->waiting_since_us > s->waited_us) {
            s->waited_us = s->now_us - s->waiting_since_us;
        }
    }
    else {
        s->waiting_since_us = 0;
    }
}

static void sim_run(sim_t *s, int load, int64_t for_us)
{
    for (int64_t t = 0; t < for_us; t += STEP_US) {
        sim_step(s, load);
    }
}

/* Work that waits never waits longer than one decision and the start of a process. */
static void check_reaction(const sim_t *s)
{
    ck_assert_int_le(s->waited_us, 20000 + STEP_US);
}

START_TEST(a_burst_gets_all_it_needs_in_one_decision)
{
    sim_t s;

    sim_init(&s);
    sim_run(&s, 0, SECONDS(1));
    ck_assert_int_eq(s.ready, 2);
    sim_run(&s, 370, SECONDS(1));
    ck_assert_int_eq(s.ready, 16);
    ck_assert_int_eq(s.starts, 16);
    check_reaction(&s);
}
END_TEST

START_TEST(after_a_burst_only_the_surplus_leaves_and_only_after_a_while)
{
    sim_t s;

    sim_init(&s);
    sim_run(&s, 370, SECONDS(2));
    sim_run(&s, 0, SECONDS(9));
    ck_assert_int_eq(s.retires, 0);
    sim_run(&s, 0, SECONDS(30));
    /* MaxSpareThreads 75: three processes without work may stay. */
    ck_assert_int_eq(s.ready, 3);
    ck_assert_int_eq(s.retires, 13);
    sim_run(&s, 0, SECONDS(3600));
    ck_assert_int_eq(s.ready, 3);
    ck_assert_int_eq(s.starts, 16);
}
END_TEST

START_TEST(min_processes_stay_whatever_the_spare_limits)
{
    sim_t s;

    sim_init(&s);
    s.limits.threads_per_child = 200;
    s.limits.min_spare_threads = 8;
    s.limits.max_spare_threads = 32;
    sim_run(&s, 0, SECONDS(600));
    ck_assert_int_eq(s.ready, 2);
    ck_assert_int_eq(s.starts, 2);
}
END_TEST

/* Half the period of the oscillation, from ten a second to one in ten minutes. */
static const int64_t half_us[] = { 50000,    500000,   3000000,   9000000,
                                   15000000, 40000000, 100000000, 300000000 };

START_TEST(an_oscillating_load_does_not_make_processes_come_and_go)
{
    enum { EXTRA = 13 }; /* processes that the high load needs beside those of the low one */
    int cycles = half_us[_i] < SECONDS(60) ? 100 : 20, half_way = 0;
    sim_t s;

    sim_init(&s);
    for (int i = 0; i < cycles; i++) {
        sim_run(&s, 350, half_us[_i]);
        sim_run(&s, 5, half_us[_i]);
        half_way = (i == cycles / 2) ? s.retires : half_way;
    }
    check_reaction(&s);
    if (half_us[_i] < s.limits.retire_us) {
        ck_assert_int_eq(s.retires, 0);
    }
    else if (half_us[_i] < 8 * s.limits.retire_us) {
        /* Some mistakes, then none any more. */
        ck_assert_msg(s.retires <= 5 * EXTRA, "half period %d ms: %d retired",
                      (int)(half_us[_i] / 1000), s.retires);
        ck_assert_int_eq(s.retires, half_way);
    }
    else {
        /* So slow that memory is worth it: once a cycle. */
        ck_assert_int_le(s.retires, cycles * EXTRA);
    }
    sim_run(&s, 0, 3 * s.limits.retire_max_us);
    ck_assert_int_eq(s.ready, 3);
}
END_TEST

START_TEST(mistakes_are_forgotten_when_the_load_is_calm)
{
    sim_t s;
    int retires;

    sim_init(&s);
    for (int i = 0; i < 200; i++) {
        sim_run(&s, 350, SECONDS(25));
        sim_run(&s, 5, SECONDS(25));
    }
    ck_assert_int_gt(s.memory.window_us, s.limits.retire_us);
    sim_run(&s, 100, 2 * s.limits.retire_max_us);
    ck_assert_int_eq(s.memory.window_us, s.limits.retire_us);
    sim_run(&s, 370, SECONDS(2));
    retires = s.retires;
    sim_run(&s, 0, 2 * s.limits.retire_us + SECONDS(1));
    ck_assert_int_gt(s.retires, retires);
}
END_TEST

START_TEST(a_process_missed_only_after_a_long_time_was_no_mistake)
{
    sim_t s;
    int retires;

    sim_init(&s);
    sim_run(&s, 350, SECONDS(2));
    while (s.retires == 0) {
        sim_step(&s, 0);
    }
    retires = s.retires;
    sim_run(&s, 0, 8 * s.limits.retire_us);
    sim_run(&s, 350, SECONDS(2));
    ck_assert_int_eq(s.memory.window_us, s.limits.retire_us);
    while (s.retires == retires) {
        sim_step(&s, 0);
    }
    sim_run(&s, 350, SECONDS(2));
    ck_assert_int_eq(s.memory.window_us, 2 * s.limits.retire_us);
}
END_TEST

START_TEST(a_rising_load_is_followed_without_waiting_and_without_retiring)
{
    sim_t s;

    sim_init(&s);
    for (int load = 0; load <= 400; load++) {
        sim_run(&s, load, SECONDS(1) / 4);
    }
    check_reaction(&s);
    ck_assert_int_eq(s.ready, 16);
    ck_assert_int_eq(s.starts, 16);
    ck_assert_int_eq(s.retires, 0);
    /* The spares come before they are needed: a ramp never waits at all. */
    ck_assert_int_eq(s.waited_us, 0);
    for (int load = 400; load >= 0; load--) {
        sim_run(&s, load, SECONDS(1) / 4);
    }
    ck_assert_int_eq(s.starts, 16);
    sim_run(&s, 0, SECONDS(30));
    ck_assert_int_eq(s.ready, 3);
}
END_TEST

START_TEST(random_bursts_are_served_at_once_with_bounded_churn)
{
    uint64_t seed = 31 + (uint64_t)_i;
    int bursts = 0;
    sim_t s;

    sim_init(&s);
    while (s.now_us < SECONDS(1000 + 7200)) {
        sim_run(&s, (int)unit_random_below(&seed, 30), SECONDS(1 + unit_random_below(&seed, 60)));
        sim_run(&s, 100 + (int)unit_random_below(&seed, 300),
                SECONDS(1 + unit_random_below(&seed, 10)));
        bursts++;
    }
    check_reaction(&s);
    ck_assert_int_gt(bursts, 100);
    /* Starting from nothing for each burst would be some 8 processes each. */
    ck_assert_msg(s.starts < bursts, "%d started for %d bursts", s.starts, bursts);
}
END_TEST

START_TEST(leaving_processes_that_hold_all_slots_are_reported_and_waited_for)
{
    sim_t s;

    sim_init(&s);
    s.slots = 16;
    sim_run(&s, 370, SECONDS(2));
    while (s.retires == 0) {
        sim_step(&s, 0);
    }
    ck_assert_int_eq(s.ready, 3);
    sim_step(&s, 370);
    ck_assert(s.memory.reported[SIZING_REPORT_SLOTS]);
    sim_run(&s, 370, SECONDS(1));
    ck_assert_int_eq(s.ready, 16);
}
END_TEST

START_TEST(a_dead_process_is_replaced)
{
    sim_t s;

    sim_init(&s);
    sim_run(&s, 0, SECONDS(1));
    s.ready--;
    sim_run(&s, 0, SECONDS(1));
    ck_assert_int_eq(s.ready, 2);
    ck_assert_int_eq(s.starts, 3);
}
END_TEST

/* ---- children that take long to start ---- */

START_TEST(children_that_start_cheaply_start_all_at_once)
{
    sizing_starts_t memory = { 0 };

    ck_assert_int_eq(sizing_starts(20, 0, 2, 2000, 1, &memory), 20);
    ck_assert_int_eq(sizing_starts(20, 7, 2, 9999, 2, &memory), 20);
    ck_assert_int_eq(sizing_starts(-3, 0, 2, 2000, 3, &memory), 0);
}
END_TEST

START_TEST(children_that_take_long_start_in_batches_that_grow_while_they_are_wanted)
{
    sizing_starts_t memory = { 0 };

    ck_assert_int_eq(sizing_starts(20, 0, 2, 300000, 1, &memory), 2);
    ck_assert_int_eq(sizing_starts(18, 2, 2, 300000, 5000, &memory), 0);
    ck_assert_int_eq(sizing_starts(18, 1, 2, 300000, 290000, &memory), 1);
    ck_assert_int_eq(sizing_starts(17, 0, 2, 300000, 600000, &memory), 4);
    ck_assert_int_eq(sizing_starts(13, 0, 2, 300000, 900000, &memory), 8);
    ck_assert_int_eq(sizing_starts(0, 8, 2, 300000, 950000, &memory), 0);
    ck_assert_int_eq(sizing_starts(9, 0, 2, 300000, 960000, &memory), 2);
}
END_TEST

START_TEST(a_batch_of_which_none_was_started_does_not_grow)
{
    sizing_starts_t memory = { 0 };

    ck_assert_int_eq(sizing_starts(20, 3, 2, 300000, 1, &memory), 0);
    ck_assert_int_eq(sizing_starts(20, 0, 2, 300000, 5000, &memory), 2);
}
END_TEST

START_TEST(children_that_never_get_ready_do_not_stop_others_from_starting)
{
    sizing_starts_t memory = { 0 };

    ck_assert_int_eq(sizing_starts(20, 0, 2, 300000, 1, &memory), 2);
    ck_assert_int_eq(sizing_starts(20, 2, 2, 300000, 999999, &memory), 0);
    ck_assert_int_eq(sizing_starts(20, 2, 2, 300000, 1000001, &memory), 2);
    ck_assert_int_eq(sizing_starts(20, 4, 2, 300000, 2000001, &memory), 4);
}
END_TEST

/* ---- crash loops ---- */

static const sizing_restart_limits_t restart_limits = { .first_us = 100000,
                                                        .max_us = 5000000,
                                                        .healthy_us = 10000000 };

START_TEST(a_crash_loop_is_slowed_down_more_and_more_up_to_the_cap)
{
    sizing_restart_memory_t memory = { 0 };
    int64_t before = -1, all = 0;

    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 5, &memory), 0);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 5, &memory), 100000);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 5, &memory), 200000);
    for (int i = 0; i < 5000; i++) {
        int64_t delay_us = sizing_restart_delay(&restart_limits, 0, &memory);

        ck_assert_int_ge(delay_us, before);
        ck_assert_int_le(delay_us, 5000000);
        before = delay_us;
        all += delay_us;
    }
    ck_assert_int_eq(before, 5000000);
    ck_assert_int_gt(all, INT64_C(4900) * 5000000);
}
END_TEST

START_TEST(a_healthy_time_ends_a_crash_loop)
{
    sizing_restart_memory_t memory = { 0 };

    for (int i = 0; i < 10; i++) {
        sizing_restart_delay(&restart_limits, 0, &memory);
    }
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 10000000, &memory), 0);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 9999999, &memory), 0);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 9999999, &memory), 100000);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 10000000, &memory), 0);
    ck_assert_int_eq(sizing_restart_delay(&restart_limits, 0, &memory), 0);
}
END_TEST

static void add_loop(Suite *suite, const char *name, const TTest *test, int n)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, test, 0, n);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    Suite *suite = suite_create("sizing");

    unit_add(suite, "create", a_process_creates_what_events_and_spares_need);
    unit_add(suite, "ceiling", a_process_stops_at_its_ceiling_and_says_what_is_left_over);
    unit_add(suite, "leave", workers_leave_only_when_they_were_not_needed_for_the_whole_window);
    unit_add(suite, "somebody", somebody_always_waits_for_events);
    unit_add(suite, "share", shares_add_up_and_are_even);
    unit_add(suite, "concurrency", concurrency_is_cores_over_processes_and_never_none);
    unit_add(suite, "low", the_least_value_of_all_threads_is_kept);
    unit_add(suite, "start", as_many_processes_start_at_once_as_are_missing);
    unit_add(suite, "full", another_process_starts_when_all_are_full_though_workers_are_idle);
    unit_add(suite, "filled",
             surplus_processes_stay_when_the_others_could_not_hold_their_connections);
    unit_add(suite, "cheap starts", children_that_start_cheaply_start_all_at_once);
    unit_add(suite, "batches",
             children_that_take_long_start_in_batches_that_grow_while_they_are_wanted);
    unit_add(suite, "unused batch", a_batch_of_which_none_was_started_does_not_grow);
    unit_add(suite, "never ready", children_that_never_get_ready_do_not_stop_others_from_starting);
    unit_add(suite, "report", the_reason_for_a_shortage_is_reported);
    unit_add(suite, "report once",
             a_shortage_is_reported_once_and_again_only_after_it_was_gone_for_a_minute);
    unit_add(suite, "burst", a_burst_gets_all_it_needs_in_one_decision);
    unit_add(suite, "after a burst", after_a_burst_only_the_surplus_leaves_and_only_after_a_while);
    unit_add(suite, "min_processes", min_processes_stay_whatever_the_spare_limits);
    unit_add(suite, "forgotten", mistakes_are_forgotten_when_the_load_is_calm);
    unit_add(suite, "no mistake", a_process_missed_only_after_a_long_time_was_no_mistake);
    unit_add(suite, "ramp", a_rising_load_is_followed_without_waiting_and_without_retiring);
    unit_add(suite, "slots", leaving_processes_that_hold_all_slots_are_reported_and_waited_for);
    unit_add(suite, "replaced", a_dead_process_is_replaced);
    unit_add(suite, "crash loop", a_crash_loop_is_slowed_down_more_and_more_up_to_the_cap);
    unit_add(suite, "healthy", a_healthy_time_ends_a_crash_loop);
    add_loop(suite, "oscillation", an_oscillating_load_does_not_make_processes_come_and_go,
             (int)(sizeof(half_us) / sizeof(half_us[0])));
    add_loop(suite, "bursts", random_bursts_are_served_at_once_with_bounded_churn, 4);
    return unit_main(suite);
}
