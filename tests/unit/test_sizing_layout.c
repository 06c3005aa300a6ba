/* SPDX-License-Identifier: Apache-2.0 */
/* mpm/policy/sizing_layout: whatever is set, what comes out fits together. */
#include "mpm/policy/sizing.h"
#include "unit.h"

static void check_fits(const sizing_layout_t *l)
{
    int processes;

    ck_assert_int_ge(l->threads_per_child, 1);
    ck_assert_int_le(l->threads_per_child, l->thread_limit);
    ck_assert_int_eq(l->max_request_workers % l->threads_per_child, 0);
    processes = l->max_request_workers / l->threads_per_child;
    ck_assert_int_ge(processes, 1);
    ck_assert_int_le(processes, l->server_limit);
    ck_assert_int_ge(l->min_spare_threads, 1);
    ck_assert_int_le(l->min_spare_threads, l->max_spare_threads);
    ck_assert_int_le(l->max_spare_threads, l->max_request_workers);
    ck_assert_int_ge(l->start_servers, 1);
    ck_assert_int_le(l->start_servers, processes);
}

START_TEST(nothing_set_gives_a_process_per_core)
{
    for (int cores = 1; cores <= 256; cores++) {
        sizing_layout_t l = { 0 };
        int processes;

        sizing_layout(cores, &l);
        check_fits(&l);
        processes = l.max_request_workers / l.threads_per_child;
        ck_assert_int_ge(l.max_request_workers, cores <= 4 ? 400 : 100 * (cores < 64 ? cores : 64));
        ck_assert_int_ge(processes, cores < 64 ? cores : 64);
        ck_assert_int_le(processes, 2 * cores);
        ck_assert_int_le(l.min_spare_threads, 75);
    }
}
END_TEST

START_TEST(a_small_machine_gets_few_processes_and_few_spares)
{
    for (int cores = 1; cores <= 2; cores++) {
        sizing_layout_t l = { 0 };

        sizing_layout(cores, &l);
        ck_assert_int_eq(l.max_request_workers, 400);
        ck_assert_int_eq(l.threads_per_child, 400 / cores);
        ck_assert_int_eq(l.thread_limit, 400 / cores);
        ck_assert_int_eq(l.server_limit, 16);
        ck_assert_int_eq(l.start_servers, cores);
        ck_assert_int_eq(l.min_spare_threads, 4 * cores);
        ck_assert_int_eq(l.max_spare_threads, 16 * cores);
    }
}
END_TEST

START_TEST(enough_processes_start_for_the_spares)
{
    sizing_layout_t exact = { .threads_per_child = 25, .min_spare_threads = 75 };
    sizing_layout(2, &exact);
    ck_assert_int_eq(exact.start_servers, 3);

    sizing_layout_t more = { .threads_per_child = 25, .min_spare_threads = 76 };
    sizing_layout(2, &more);
    ck_assert_int_eq(more.start_servers, 4);
}
END_TEST

START_TEST(max_request_workers_alone_is_offered_in_full)
{
    static const int cores[] = { 1, 2, 3, 4, 8, 16, 48 };

    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        sizing_layout_t l = { .max_request_workers = 1500 };

        sizing_layout(cores[i], &l);
        check_fits(&l);
        ck_assert_int_eq(l.max_request_workers, 1500);
    }
    sizing_layout_t prime = { .max_request_workers = 1499 };
    sizing_layout(8, &prime);
    check_fits(&prime);
    ck_assert_int_gt(prime.max_request_workers, 1499 - 16);

    sizing_layout_t limited = { .max_request_workers = 1500, .thread_limit = 64 };
    sizing_layout(2, &limited);
    check_fits(&limited);
    ck_assert_int_eq(limited.max_request_workers, 1500);
    ck_assert_int_eq(limited.thread_limit, 64);

    sizing_layout_t exact = { .max_request_workers = 1500, .thread_limit = 750 };
    sizing_layout(2, &exact);
    ck_assert_int_eq(exact.threads_per_child, 750);

    /* 104 workers on 5 cores: 8 is the next number that divides them. */
    sizing_layout_t twice = { .max_request_workers = 8 * 13 };
    sizing_layout(5, &twice);
    ck_assert_int_eq(twice.threads_per_child, 13);
}
END_TEST

START_TEST(debians_own_configuration_stays_as_it_is)
{
    sizing_layout_t l = { .start_servers = 2,
                          .min_spare_threads = 25,
                          .max_spare_threads = 75,
                          .thread_limit = 64,
                          .threads_per_child = 25,
                          .max_request_workers = 150 };

    sizing_layout(2, &l);
    check_fits(&l);
    ck_assert_int_eq(l.start_servers, 2);
    ck_assert_int_eq(l.min_spare_threads, 25);
    ck_assert_int_eq(l.max_spare_threads, 75);
    ck_assert_int_eq(l.thread_limit, 64);
    ck_assert_int_eq(l.threads_per_child, 25);
    ck_assert_int_eq(l.max_request_workers, 150);
    ck_assert_int_ge(l.server_limit, 6);
}
END_TEST

START_TEST(contradictions_are_settled_as_event_settles_them)
{
    sizing_layout_t few = { .max_request_workers = 10, .threads_per_child = 25 };
    sizing_layout(2, &few);
    check_fits(&few);
    ck_assert_int_eq(few.max_request_workers, 25);

    sizing_layout_t rest = { .max_request_workers = 160, .threads_per_child = 25 };
    sizing_layout(2, &rest);
    check_fits(&rest);
    ck_assert_int_eq(rest.max_request_workers, 150);

    sizing_layout_t servers = { .max_request_workers = 1500,
                                .threads_per_child = 25,
                                .server_limit = 16 };
    sizing_layout(2, &servers);
    check_fits(&servers);
    ck_assert_int_eq(servers.max_request_workers, 400);

    sizing_layout_t threads = { .threads_per_child = 100, .thread_limit = 64 };
    sizing_layout(2, &threads);
    check_fits(&threads);
    ck_assert_int_eq(threads.threads_per_child, 64);

    sizing_layout_t spares = { .min_spare_threads = 100, .max_spare_threads = 50 };
    sizing_layout(2, &spares);
    check_fits(&spares);
    ck_assert_int_eq(spares.min_spare_threads, 100);
}
END_TEST

START_TEST(any_combination_fits_together)
{
    uint64_t seed = 4;

    for (int round = 0; round < 200000; round++) {
        int *set[7];
        sizing_layout_t l = { 0 };

        set[0] = &l.start_servers;
        set[1] = &l.server_limit;
        set[2] = &l.thread_limit;
        set[3] = &l.threads_per_child;
        set[4] = &l.max_request_workers;
        set[5] = &l.min_spare_threads;
        set[6] = &l.max_spare_threads;
        for (int i = 0; i < 7; i++) {
            if (unit_random_below(&seed, 2)) {
                *set[i] = 1
                    + (int)unit_random_below(&seed, unit_random_below(&seed, 2) ? 20 : 20000);
            }
        }
        sizing_layout((int)unit_random_below(&seed, 300), &l);
        check_fits(&l);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sizing_layout");

    unit_add(suite, "nothing set", nothing_set_gives_a_process_per_core);
    unit_add(suite, "small", a_small_machine_gets_few_processes_and_few_spares);
    unit_add(suite, "spares", enough_processes_start_for_the_spares);
    unit_add(suite, "MaxRequestWorkers", max_request_workers_alone_is_offered_in_full);
    unit_add(suite, "Debian", debians_own_configuration_stays_as_it_is);
    unit_add(suite, "contradictions", contradictions_are_settled_as_event_settles_them);
    unit_add(suite, "combinations", any_combination_fits_together);
    return unit_main(suite);
}
