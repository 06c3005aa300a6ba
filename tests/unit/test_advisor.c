/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/advisor: what is recommended follows from the figures, and nothing is recommended without
 * them.
 */
#include "tune/advisor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define MIB (1024.0 * 1024)

/* A minute of an event server with 400 workers of which few are busy: nothing to change. */
static advisor_input_t calm(advisor_mpm_e mpm)
{
    advisor_input_t in;

    advisor_input_init(&in);
    in.mpm = mpm;
    in.wait = mpm == ADVISOR_PREFORK ? ADVISOR_WAIT_PROCESS
        : mpm == ADVISOR_WORKER      ? ADVISOR_WAIT_THREAD
                                     : ADVISOR_WAIT_FREE;
    in.cores = 4;
    in.max_request_workers = 400;
    in.threads_per_child = mpm == ADVISOR_PREFORK ? 1 : 25;
    in.thread_limit = mpm == ADVISOR_PREFORK ? 1 : 64;
    in.server_limit = mpm == ADVISOR_PREFORK ? 400 : 16;
    in.start_servers = 3;
    in.min_spare_threads = 75;
    in.max_spare_threads = 250;
    in.min_spare_servers = 5;
    in.max_spare_servers = 10;
    in.max_connections_per_child = 0;
    in.keep_alive_timeout_s = 5;
    in.max_keep_alive_requests = 100;
    in.listen_backlog = 511;
    in.somaxconn = 4096;
    in.seconds = 60;
    in.looks = 240;
    in.requests = 60000;
    in.busy = (advisor_spread_t){ 20, 18, 60, 70 };
    in.demand = (advisor_spread_t){ 20, 18, 60, 72 };
    in.burst = 20;
    in.saturated_share = 0;
    in.held_share = 0.05;
    in.cpu_cores = 0.8;
    in.backlog_max = 3;
    in.overflows = 0;
    in.process_bytes = 4 * MIB;
    in.worker_bytes = 0.5 * MIB;
    in.budget_bytes = 4096 * MIB;
    return in;
}

/* 20 workers for 200 clients: nearly all of them wait. */
static advisor_input_t swamped(advisor_mpm_e mpm)
{
    advisor_input_t in = calm(mpm);

    in.max_request_workers = 20;
    in.threads_per_child = mpm == ADVISOR_PREFORK ? 1 : 10;
    in.busy = (advisor_spread_t){ 20, 20, 20, 20 };
    in.demand = (advisor_spread_t){ 190, 195, 200, 200 };
    in.saturated_share = 0.98;
    in.cpu_cores = 0.1;
    in.requests = 24000;
    return in;
}

static advisor_advice_t advise(const advisor_input_t *in)
{
    advisor_advice_t advice;

    advisor_advise(in, false, &advice);
    return advice;
}

static const advisor_item_t *item(const advisor_advice_t *advice, const char *directive)
{
    const advisor_item_t *found = advisor_item(advice, directive);

    ck_assert_msg(found != NULL, "no item for %s", directive);
    return found;
}

static int number(const advisor_advice_t *advice, const char *directive)
{
    return (int)strtol(item(advice, directive)->recommended, NULL, 10);
}

static int changes(const advisor_advice_t *advice)
{
    int count = 0;

    for (size_t i = 0; i < advice->count; i++) {
        count += advice->items[i].verdict == ADVISOR_CHANGE;
    }
    return count;
}

#define ASSERT_KEPT(advice, directive) \
    ck_assert_int_eq(item(advice, directive)->verdict, ADVISOR_KEEP)
#define ASSERT_SAYS(advice, directive, text) \
    ck_assert_msg(strstr(item(advice, directive)->why, text) != NULL, "%s: %s", directive, \
                  item(advice, directive)->why)

/* ---- enough data ---- */

static void assert_missing(const advisor_input_t *in, const char *word)
{
    advisor_advice_t advice = advise(in);

    ck_assert(!advice.enough);
    ck_assert_uint_eq(advice.count, 0);
    ck_assert_msg(strstr(advice.missing, word) != NULL, "%s", advice.missing);
}

START_TEST(too_little_data_is_said_and_gives_no_advice)
{
    advisor_input_t in = calm(ADVISOR_EVENT);

    in.looks = 9;
    assert_missing(&in, "9 looks");
    in = calm(ADVISOR_EVENT);
    in.seconds = 4.9;
    assert_missing(&in, "4.9 s; at least 10 looks and 5 s");
    in = calm(ADVISOR_EVENT);
    in.requests = 99;
    assert_missing(&in, "99 requests");
    in.requests = NAN;
    assert_missing(&in, "not known");
    in = calm(ADVISOR_EVENT);
    in.seconds = 4.999; /* what is too little does not look like enough */
    assert_missing(&in, "240 looks in 4.9 s");
    in = calm(ADVISOR_EVENT);
    in.seconds = NAN;
    assert_missing(&in, "0.0 s");
    in = calm(ADVISOR_EVENT);
    in.busy.max = NAN;
    assert_missing(&in, "busy");
    in = calm(ADVISOR_OTHER);
    assert_missing(&in, "MPM");
    in = calm(ADVISOR_EVENT);
    in.max_request_workers = 0;
    assert_missing(&in, "MPM");
    advisor_input_init(&in);
    assert_missing(&in, "MPM");
}
END_TEST

START_TEST(workers_that_all_hang_are_no_reason_for_more)
{
    advisor_input_t in = swamped(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.requests = 0;
    assert_missing(&in, "hang");
    in.requests = 18; /* of 20 workers */
    assert_missing(&in, "more workers would wait as well");
    in.requests = 20; /* slow, and saturated because of it: more of them would do more */
    advice = advise(&in);
    ck_assert_int_gt(number(&advice, "MaxRequestWorkers"), 20);
    in = swamped(ADVISOR_WORKER);
    in.requests = 8; /* held by clients between two requests: nobody hangs */
    in.held_share = 0.9;
    ck_assert(advise(&in).enough);
}
END_TEST

START_TEST(what_is_not_told_is_not_called_too_little_data)
{
    advisor_input_t in = calm(ADVISOR_HYBRID);
    advisor_advice_t advice;

    in.max_connections_per_child = -1;
    in.growth_connections = 5000;
    in.growth_bytes = 0;
    in.keep_alive_timeout_s = NAN;
    in.gap_count = 5000;
    in.gap_p50_s = in.gap_p90_s = in.gap_p99_s = 0.3;
    advice = advise(&in);
    ASSERT_SAYS(&advice, "MaxConnectionsPerChild", "does not report");
    ASSERT_SAYS(&advice, "KeepAliveTimeout", "does not report");
}
END_TEST

START_TEST(few_requests_of_a_saturated_server_are_enough)
{
    advisor_input_t in = swamped(ADVISOR_EVENT);

    in.requests = 25;
    ck_assert(advise(&in).enough);
}
END_TEST

START_TEST(a_calm_server_is_left_alone)
{
    static const advisor_mpm_e mpms[] = { ADVISOR_HYBRID, ADVISOR_EVENT, ADVISOR_WORKER };

    for (size_t i = 0; i < 3; i++) {
        advisor_input_t in = calm(mpms[i]);
        advisor_advice_t advice;

        in.start_servers = 8;
        advice = advise(&in);
        ck_assert(advice.enough);
        ck_assert_int_eq(changes(&advice), 0);
        ASSERT_KEPT(&advice, "MaxRequestWorkers");
        ASSERT_SAYS(&advice, "MaxRequestWorkers", "70 of 400");
        ck_assert_str_eq(item(&advice, "MaxRequestWorkers")->now, "400");
        ck_assert_str_eq(item(&advice, "MaxRequestWorkers")->recommended, "400");
        ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_HIGH);
    }
}
END_TEST

START_TEST(confidence_grows_with_the_sample)
{
    advisor_input_t in = swamped(ADVISOR_HYBRID);
    advisor_advice_t advice = advise(&in);

    ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_HIGH);
    in.seconds = 15;
    advice = advise(&in);
    ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_MEDIUM);
    in.seconds = 6;
    advice = advise(&in);
    ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_LOW);
}
END_TEST

/* ---- workers ---- */

static void assert_layout(const advisor_input_t *in, const advisor_advice_t *advice)
{
    int workers = number(advice, "MaxRequestWorkers"), threads = number(advice, "ThreadsPerChild");

    ck_assert_int_eq(workers % threads, 0);
    ck_assert_int_le(threads, in->thread_limit);
    ck_assert_int_le(workers / threads, in->server_limit);
}

START_TEST(a_swamped_server_gets_what_the_demand_asks_for_and_a_quarter)
{
    static const advisor_mpm_e mpms[] = { ADVISOR_HYBRID, ADVISOR_EVENT, ADVISOR_WORKER };

    for (size_t i = 0; i < 3; i++) {
        advisor_input_t in = swamped(mpms[i]);
        advisor_advice_t advice = advise(&in);

        ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->verdict, ADVISOR_CHANGE);
        ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 250);
        ck_assert_int_le(number(&advice, "MaxRequestWorkers"), 260);
        assert_layout(&in, &advice);
        ASSERT_SAYS(&advice, "MaxRequestWorkers", "98 %");
        ASSERT_SAYS(&advice, "MaxRequestWorkers", "200 requests");
        ck_assert_ptr_null(advisor_item(&advice, "ServerLimit"));
    }
    advisor_input_t in = swamped(ADVISOR_PREFORK);
    advisor_advice_t advice = advise(&in);

    ck_assert_int_eq(number(&advice, "MaxRequestWorkers"), 250);
    ck_assert_ptr_null(advisor_item(&advice, "ThreadsPerChild"));
}
END_TEST

START_TEST(demand_close_to_the_limit_is_given_room_before_anything_waits)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.busy = in.demand = (advisor_spread_t){ 200, 190, 350, 380 };
    advice = advise(&in);
    ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 437);
    in.busy = in.demand = (advisor_spread_t){ 200, 190, 310, 380 };
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxRequestWorkers");
}
END_TEST

START_TEST(requests_that_wait_while_workers_are_free_ask_for_no_more_workers)
{
    advisor_input_t in = calm(ADVISOR_HYBRID);
    advisor_advice_t advice;

    in.demand = (advisor_spread_t){ 600, 600, 900, 1000 };
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxRequestWorkers");
    in.queue_p99_us = 25000;
    in.target_queue_p99_us = 10000;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxRequestWorkers");
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "more than 25 ms (target 10 ms)");
}
END_TEST

START_TEST(where_waiting_requests_cannot_be_seen_the_limit_is_doubled_with_little_confidence)
{
    advisor_input_t in = swamped(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.demand = (advisor_spread_t){ NAN, NAN, NAN, NAN };
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MaxRequestWorkers"), 40);
    ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_LOW);
}
END_TEST

START_TEST(full_processors_get_no_more_workers)
{
    advisor_input_t in = swamped(ADVISOR_HYBRID);
    advisor_advice_t advice;

    in.cpu_cores = 3.9;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxRequestWorkers");
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "3.9 of 4 processors");
    /* nor when somebody else has them */
    in.cpu_cores = 1;
    in.cpu_delay_cores = 12;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxRequestWorkers");
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "1.0 of 4 processors busy and would use 12.0 more");
    in.cpu_cores = 2;
    in.cpu_delay_cores = 0;
    /* half full: twice as many and a quarter are of use */
    advice = advise(&in);
    ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 45);
    ck_assert_int_le(number(&advice, "MaxRequestWorkers"), 60);
}
END_TEST

START_TEST(more_than_the_memory_holds_is_never_recommended)
{
    static const advisor_mpm_e mpms[] = { ADVISOR_HYBRID, ADVISOR_EVENT, ADVISOR_WORKER,
                                          ADVISOR_PREFORK };

    for (size_t i = 0; i < 4; i++) {
        advisor_input_t in = swamped(mpms[i]);
        advisor_advice_t advice;
        int workers, threads;

        in.process_bytes = 20 * MIB;
        in.worker_bytes = 1 * MIB;
        in.budget_bytes = 300 * MIB;
        advice = advise(&in);
        workers = number(&advice, "MaxRequestWorkers");
        threads = mpms[i] == ADVISOR_PREFORK ? 1 : number(&advice, "ThreadsPerChild");
        ck_assert_double_le((double)workers / threads * 20 * MIB
                                + (mpms[i] == ADVISOR_PREFORK ? 0 : workers * MIB),
                            300 * MIB);
        if (mpms[i] == ADVISOR_PREFORK) {
            ck_assert_int_eq(workers, 15); /* what it has takes more already */
            ASSERT_SAYS(&advice, "MaxRequestWorkers", "400 MiB");
            ASSERT_SAYS(&advice, "MaxRequestWorkers", "demand is 250");
        }
        else {
            ck_assert_int_gt(workers, 20);
            ASSERT_SAYS(&advice, "MaxRequestWorkers", "300 MiB");
        }
    }
}
END_TEST

START_TEST(limits_that_would_burst_the_memory_are_lowered_though_nothing_waits)
{
    advisor_input_t in = calm(ADVISOR_PREFORK);
    advisor_advice_t advice;

    in.busy = in.demand = (advisor_spread_t){ 5, 5, 8, 9 };
    in.process_bytes = 50 * MIB;
    in.budget_bytes = 2000 * MIB;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MaxRequestWorkers"), 40);
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "20 GiB");
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "2.0 GiB");
    /* and where the demand does not fit, that is said */
    in.busy = in.demand = (advisor_spread_t){ 50, 50, 80, 90 };
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MaxRequestWorkers"), 40);
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "demand is 100");
}
END_TEST

START_TEST(unknown_memory_bounds_nothing_and_lowers_the_confidence)
{
    advisor_input_t in = swamped(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.process_bytes = in.worker_bytes = NAN;
    advice = advise(&in);
    ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 250);
    ck_assert_int_eq(item(&advice, "MaxRequestWorkers")->confidence, ADVISOR_MEDIUM);
    ASSERT_SAYS(&advice, "MaxRequestWorkers", "not measured");
}
END_TEST

START_TEST(what_a_graceful_restart_cannot_reach_takes_a_stop)
{
    static const advisor_mpm_e mpms[] = { ADVISOR_HYBRID, ADVISOR_EVENT, ADVISOR_WORKER,
                                          ADVISOR_PREFORK };

    for (size_t i = 0; i < 4; i++) {
        bool prefork = mpms[i] == ADVISOR_PREFORK;
        advisor_input_t in = swamped(mpms[i]);
        advisor_advice_t advice;

        in.server_limit = prefork ? 100 : 4;
        in.thread_limit = prefork ? 1 : 25;
        advice = advise(&in);
        ck_assert_int_eq(number(&advice, "MaxRequestWorkers"), 100);
        ASSERT_SAYS(&advice, "MaxRequestWorkers", "demand is 250");
        ck_assert_int_eq(item(&advice, "ServerLimit")->effect, ADVISOR_STOP);
        ck_assert_int_ge(number(&advice, "ServerLimit")
                             * (prefork ? 1 : number(&advice, "ThreadsPerChild")),
                         250);
        if (!prefork) {
            assert_layout(&in, &advice);
        }

        advisor_advise(&in, true, &advice);
        ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 250);
        if (mpms[i] != ADVISOR_HYBRID) {
            ck_assert_int_ge(number(&advice, "ServerLimit")
                                 * (prefork ? 1 : number(&advice, "ThreadsPerChild")),
                             250);
        }
    }
}
END_TEST

START_TEST(processes_stay_few)
{
    advisor_input_t in = swamped(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.demand = (advisor_spread_t){ 700, 700, 800, 800 };
    in.server_limit = 100;
    advice = advise(&in);
    ck_assert_int_ge(number(&advice, "MaxRequestWorkers"), 1000);
    ck_assert_int_le(number(&advice, "MaxRequestWorkers") / number(&advice, "ThreadsPerChild"), 16);
    assert_layout(&in, &advice);

    in = swamped(ADVISOR_HYBRID);
    in.cores = 2;
    in.thread_limit = 200;
    advice = advise(&in);
    ck_assert_int_le(number(&advice, "MaxRequestWorkers") / number(&advice, "ThreadsPerChild"), 4);
}
END_TEST

START_TEST(servers_start_with_what_half_of_the_time_needs)
{
    advisor_input_t in = calm(ADVISOR_HYBRID);
    advisor_advice_t advice;

    in.busy.p50 = 150;
    in.min_spare_threads = 25;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "StartServers"), 7);
    ASSERT_SAYS(&advice, "StartServers", "150 workers");
    in.start_servers = 8;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "StartServers");
    in.start_servers = 0;
    in.mpm = ADVISOR_EVENT;
    advice = advise(&in);
    ck_assert_str_eq(item(&advice, "StartServers")->now, "");
    in.busy.p50 = 10;
    advice = advise(&in);
    ck_assert_ptr_null(advisor_item(&advice, "StartServers"));
}
END_TEST

START_TEST(bursts_larger_than_the_spare_workers_raise_them)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.burst = 118;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MinSpareThreads"), 120);
    ASSERT_SAYS(&advice, "MinSpareThreads", "118");
    ck_assert_ptr_null(advisor_item(&advice, "MaxSpareThreads"));
    in.burst = 1000;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MinSpareThreads"), 200); /* half of MaxRequestWorkers */
    in.max_spare_threads = 210;
    advice = advise(&in);
    ck_assert_int_ge(number(&advice, "MaxSpareThreads"), 225);
    in = calm(ADVISOR_PREFORK);
    in.burst = 33;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MinSpareServers"), 35);
    ck_assert_int_ge(number(&advice, "MaxSpareServers"), 36);
    in = calm(ADVISOR_HYBRID);
    in.burst = 1000;
    advice = advise(&in);
    /* it creates them when they are needed */
    ck_assert_ptr_null(advisor_item(&advice, "MinSpareThreads"));
}
END_TEST

/* ---- connections ---- */

static advisor_input_t with_gaps(advisor_mpm_e mpm, double p90, double p99)
{
    advisor_input_t in = calm(mpm);

    in.gap_count = 5000;
    in.gap_p50_s = p90 / 4;
    in.gap_p90_s = p90;
    in.gap_p99_s = p99;
    in.closed_by_timeout = 0;
    return in;
}

START_TEST(keep_alive_is_shortened_where_it_holds_workers_and_only_there)
{
    advisor_input_t in = with_gaps(ADVISOR_PREFORK, 1.4, 4);
    advisor_advice_t advice;

    in.held_share = 0.6;
    in.keep_alive_timeout_s = 15;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "KeepAliveTimeout"), 2);
    ASSERT_SAYS(&advice, "KeepAliveTimeout", "60 %");
    ASSERT_SAYS(&advice, "KeepAliveTimeout", "1.4 s");
    in.held_share = 0.1;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "KeepAliveTimeout");
    in = with_gaps(ADVISOR_EVENT, 1.4, 4);
    in.keep_alive_timeout_s = 15;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "KeepAliveTimeout");
    ck_assert_str_eq(item(&advice, "KeepAliveTimeout")->recommended, "15");
}
END_TEST

START_TEST(keep_alive_is_lengthened_where_it_is_free_and_cuts_clients_off)
{
    advisor_input_t in = with_gaps(ADVISOR_HYBRID, 3, 12);
    advisor_advice_t advice = advise(&in);

    ASSERT_KEPT(&advice, "KeepAliveTimeout");
    in.closed_by_timeout = 2000;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "KeepAliveTimeout"), 15);
    ASSERT_SAYS(&advice, "KeepAliveTimeout", "2000 connections");
}
END_TEST

START_TEST(gaps_that_were_not_measured_are_not_guessed)
{
    advisor_input_t in = calm(ADVISOR_HYBRID);
    advisor_advice_t advice = advise(&in);

    ck_assert_int_eq(item(&advice, "KeepAliveTimeout")->verdict, ADVISOR_UNKNOWN);
    ck_assert_str_eq(item(&advice, "KeepAliveTimeout")->recommended, "");
    ASSERT_SAYS(&advice, "KeepAliveTimeout", "Not enough data");
    in = with_gaps(ADVISOR_HYBRID, 3, 12);
    in.gap_count = 99;
    advice = advise(&in);
    ck_assert_int_eq(item(&advice, "KeepAliveTimeout")->verdict, ADVISOR_UNKNOWN);
    /* but a prefork that mostly waits is told so */
    in = calm(ADVISOR_PREFORK);
    in.held_share = 0.7;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "KeepAliveTimeout"), 2);
    ck_assert_int_eq(item(&advice, "KeepAliveTimeout")->confidence, ADVISOR_LOW);
}
END_TEST

START_TEST(a_request_count_that_closes_many_connections_is_raised)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.closed_by_count = 500;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MaxKeepAliveRequests"), 1000);
    in.closed_by_count = 20;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxKeepAliveRequests");
    in.max_keep_alive_requests = 0;
    advice = advise(&in);
    ck_assert_ptr_null(advisor_item(&advice, "MaxKeepAliveRequests"));
}
END_TEST

START_TEST(the_backlog_is_lengthened_when_it_overflows)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice = advise(&in);

    ASSERT_KEPT(&advice, "ListenBacklog");
    in.backlog_max = 512;
    in.overflows = 37;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "ListenBacklog"), 1024);
    ASSERT_SAYS(&advice, "ListenBacklog", "37 connections");
    in.somaxconn = 512;
    advice = advise(&in);
    ASSERT_SAYS(&advice, "ListenBacklog", "somaxconn");
    /* full because nobody serves it: that is another cause */
    in = swamped(ADVISOR_EVENT);
    in.backlog_max = 500;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "ListenBacklog");
    ASSERT_SAYS(&advice, "ListenBacklog", "workers were missing");
    in.backlog_max = NAN;
    advice = advise(&in);
    ck_assert_int_eq(item(&advice, "ListenBacklog")->verdict, ADVISOR_UNKNOWN);
}
END_TEST

/* ---- processes ---- */

START_TEST(processes_that_grow_are_replaced_in_time)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.growth_connections = 50000;
    in.growth_bytes = 1024;
    advice = advise(&in);
    /* 4 MiB and 25 workers of 512 KiB: doubled after 16,896 connections */
    ck_assert_int_eq(number(&advice, "MaxConnectionsPerChild"), 16000);
    ASSERT_SAYS(&advice, "MaxConnectionsPerChild", "1.0 KiB");
    in.max_connections_per_child = 10000;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxConnectionsPerChild");

    in = calm(ADVISOR_HYBRID);
    in.growth_connections = 50000;
    in.growth_bytes = 1024;
    in.max_memory_per_child_bytes = 0;
    advice = advise(&in);
    ck_assert_str_eq(item(&advice, "MaxMemoryPerChild")->recommended, "33M");
    ASSERT_KEPT(&advice, "MaxConnectionsPerChild");
}
END_TEST

START_TEST(processes_that_do_not_grow_live_on)
{
    advisor_input_t in = calm(ADVISOR_EVENT);
    advisor_advice_t advice;

    in.growth_connections = 50000;
    in.growth_bytes = 0;
    in.max_connections_per_child = 100;
    in.process_life_s = 7;
    advice = advise(&in);
    ck_assert_int_eq(number(&advice, "MaxConnectionsPerChild"), 0);
    ASSERT_SAYS(&advice, "MaxConnectionsPerChild", "7 s");
    in.process_life_s = 3600;
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MaxConnectionsPerChild");
    in.growth_connections = 10;
    advice = advise(&in);
    ck_assert_int_eq(item(&advice, "MaxConnectionsPerChild")->verdict, ADVISOR_UNKNOWN);
}
END_TEST

START_TEST(workers_held_by_waiting_clients_speak_for_another_model)
{
    advisor_input_t in = calm(ADVISOR_WORKER);
    advisor_advice_t advice;

    in.held_share = 0.5;
    advice = advise(&in);
    ck_assert_str_eq(item(&advice, "the MPM")->recommended, "event or hybrid");
    ck_assert_int_eq(item(&advice, "the MPM")->effect, ADVISOR_BY_HAND);
    in.mpm = ADVISOR_HYBRID;
    advice = advise(&in);
    ck_assert_str_eq(item(&advice, "MPMModel")->recommended, "event");
    in.prefork_only = "mod_php.c";
    advice = advise(&in);
    ASSERT_KEPT(&advice, "MPMModel");
    in = calm(ADVISOR_EVENT);
    in.held_share = 0.9;
    advice = advise(&in);
    ck_assert_ptr_null(advisor_item(&advice, "the MPM"));
}
END_TEST

/* ---- whatever comes in ---- */

static double any(uint64_t *random, double most)
{
    switch (unit_random_below(random, 8)) {
    case 0:
        return NAN;
    case 1:
        return 0;
    case 2:
        return most;
    default:
        return most * (double)unit_random_below(random, 1000) / 1000;
    }
}

static advisor_spread_t any_spread(uint64_t *random, double most)
{
    advisor_spread_t spread = { any(random, most), any(random, most), any(random, most),
                                any(random, most) };

    return spread;
}

static advisor_input_t anything(uint64_t *random)
{
    advisor_input_t in = calm((advisor_mpm_e)(1 + unit_random_below(random, 4)));
    bool prefork = in.wait == ADVISOR_WAIT_PROCESS;

    in.cores = (int)unit_random_below(random, 65);
    in.thread_limit = prefork ? 1 : (int)unit_random_below(random, 200);
    in.threads_per_child = prefork
        ? 1
        : 1 + (int)unit_random_below(random, in.thread_limit ? (unsigned)in.thread_limit : 64);
    in.server_limit = (int)unit_random_below(random, 300);
    in.max_request_workers = in.threads_per_child
        * (1 + (int)unit_random_below(random, in.server_limit ? (unsigned)in.server_limit : 16));
    in.start_servers = (int)unit_random_below(random, 20);
    in.min_spare_threads = (int)unit_random_below(random, 300);
    in.max_spare_threads = (int)unit_random_below(random, 300);
    in.looks = 10 + (int)unit_random_below(random, 200);
    in.seconds = 5 + (double)unit_random_below(random, 1000);
    in.requests = any(random, 1e12);
    in.busy = any_spread(random, in.max_request_workers);
    in.demand = any_spread(random, 1e7);
    in.burst = any(random, 1e7);
    in.saturated_share = any(random, 1);
    in.held_share = any(random, 1);
    in.cpu_cores = any(random, 70);
    in.cpu_delay_cores = any(random, 70);
    in.queue_p99_us = any(random, 1e7);
    in.target_queue_p99_us = any(random, 1e5);
    in.backlog_max = any(random, 70000);
    in.overflows = any(random, 1e6);
    in.listen_backlog = (int)unit_random_below(random, 70000);
    in.keep_alive_timeout_s = any(random, 300);
    in.max_keep_alive_requests = (int)unit_random_below(random, 1000) - 1;
    in.closed_by_count = any(random, 1e9);
    in.closed_by_timeout = any(random, 1e9);
    in.gap_count = any(random, 1e9);
    in.gap_p90_s = any(random, 1000);
    in.gap_p99_s = any(random, 1000);
    in.process_bytes = any(random, 1e11);
    in.worker_bytes = any(random, 1e10);
    in.budget_bytes = any(random, 1e12);
    in.growth_bytes = any(random, 1e9);
    in.growth_connections = any(random, 1e9);
    in.process_life_s = any(random, 1e6);
    in.max_connections_per_child = (int)unit_random_below(random, 3) - 1;
    in.max_memory_per_child_bytes = any(random, 1e10);
    return in;
}

static void check_item(const advisor_item_t *each)
{
    char *end;

    ck_assert_str_ne(each->directive, "");
    ck_assert_str_ne(each->why, "");
    ck_assert_msg(strlen(each->why) < sizeof(each->why) - 1, "cut: %s", each->why);
    ck_assert_msg(strstr(each->why, "nan") == NULL && strstr(each->why, "inf") == NULL, "%s",
                  each->why);
    ck_assert_msg(strchr(each->recommended, 'n') == NULL || strstr(each->recommended, "event")
                      || strstr(each->recommended, "prefork"),
                  "%s %s", each->directive, each->recommended);
    if (each->verdict == ADVISOR_KEEP) {
        ck_assert_str_eq(each->now, each->recommended);
    }
    if (each->verdict == ADVISOR_CHANGE) {
        ck_assert_str_ne(each->now, each->recommended);
        ck_assert_str_ne(each->recommended, "");
    }
    if (each->verdict == ADVISOR_UNKNOWN) {
        ck_assert_str_eq(each->recommended, "");
    }
    strtol(each->recommended, &end, 10);
    ck_assert(each->effect == ADVISOR_BY_HAND || strcmp(each->directive, "MPMModel") == 0
              || *end == '\0' || *end == 'M' || *end == '.');
}

static void check_workers(const advisor_input_t *in, const advisor_advice_t *advice,
                          bool stop_allowed)
{
    const advisor_item_t *workers = item(advice, "MaxRequestWorkers");
    const advisor_item_t *threads = advisor_item(advice, "ThreadsPerChild");
    int count = number(advice, "MaxRequestWorkers"),
        each = threads ? number(advice, "ThreadsPerChild") : 1;

    ck_assert_int_ge(count, 1);
    ck_assert_int_ge(each, 1);
    if (workers->verdict == ADVISOR_CHANGE) {
        ck_assert_int_eq(count % each, 0);
        if (!stop_allowed && in->server_limit > 0) {
            ck_assert_int_le(count / each, in->server_limit);
        }
        if (!stop_allowed && threads && in->thread_limit > 0) {
            ck_assert_int_le(each, in->thread_limit);
        }
    }
    else {
        ck_assert_int_eq(count, in->max_request_workers);
    }
    /* more than there was only when it fits */
    if (count > in->max_request_workers && !isnan(in->process_bytes) && !isnan(in->budget_bytes)
        && (threads == NULL || !isnan(in->worker_bytes))) {
        ck_assert_double_le(ceil((double)count / each) * in->process_bytes
                                + (threads ? count * in->worker_bytes : 0),
                            in->budget_bytes);
    }
}

START_TEST(whatever_was_measured_the_advice_is_sound)
{
    uint64_t random = 7;

    for (int i = 0; i < 20000; i++) {
        advisor_input_t in = anything(&random);
        bool stop_allowed = unit_random_below(&random, 2);
        advisor_advice_t advice;

        advisor_advise(&in, stop_allowed, &advice);
        ck_assert_uint_lt(advice.count, ADVISOR_ITEMS_MAX);
        if (!advice.enough) {
            ck_assert_str_ne(advice.missing, "");
            continue;
        }
        for (size_t k = 0; k < advice.count; k++) {
            check_item(&advice.items[k]);
        }
        check_workers(&in, &advice, stop_allowed);
    }
}
END_TEST

/* ---- before and after ---- */

START_TEST(better_worse_and_the_same_are_told_apart)
{
    advisor_input_t before = swamped(ADVISOR_EVENT), after = calm(ADVISOR_EVENT);
    char why[200];

    after.busy = after.demand = (advisor_spread_t){ 190, 195, 200, 200 };
    after.requests = 200000;
    ck_assert_int_eq(advisor_compare(&before, &after, why, sizeof(why)), ADVISOR_BETTER);
    ck_assert_ptr_nonnull(strstr(why, "400 requests/s before, 3333 now"));
    ck_assert_ptr_nonnull(strstr(why, "170.0 waited"));
    ck_assert_int_eq(advisor_compare(&after, &before, why, sizeof(why)), ADVISOR_WORSE);
    ck_assert_ptr_nonnull(strstr(why, "98 %"));
    ck_assert_int_eq(advisor_compare(&before, &before, why, sizeof(why)), ADVISOR_SAME);
    ck_assert_int_eq(advisor_compare(&after, &after, why, sizeof(why)), ADVISOR_SAME);
}
END_TEST

START_TEST(each_thing_that_may_get_worse_is_seen)
{
    advisor_input_t before = calm(ADVISOR_HYBRID), after = before;
    char why[200];

    after.demand.mean = 60;
    ck_assert_int_eq(advisor_compare(&before, &after, why, sizeof(why)), ADVISOR_WORSE);
    ck_assert_ptr_nonnull(strstr(why, "40 requests wait"));
    after = before;
    after.requests = before.requests / 2;
    ck_assert_int_eq(advisor_compare(&before, &after, why, sizeof(why)), ADVISOR_WORSE);
    ck_assert_ptr_nonnull(strstr(why, "500 requests/s"));
    /* unless there was less to do */
    after.busy = after.demand = (advisor_spread_t){ 5, 5, 8, 9 };
    ck_assert_int_eq(advisor_compare(&before, &after, why, sizeof(why)), ADVISOR_SAME);
    after = before;
    before.queue_p99_us = 2000;
    after.queue_p99_us = 9000;
    ck_assert_int_eq(advisor_compare(&before, &after, why, sizeof(why)), ADVISOR_WORSE);
    ck_assert_ptr_nonnull(strstr(why, "9.0 ms"));
    ck_assert_int_eq(advisor_compare(&after, &before, why, sizeof(why)), ADVISOR_BETTER);
}
END_TEST

START_TEST(nothing_measured_is_neither_better_nor_worse)
{
    advisor_input_t nothing;
    char why[8];

    advisor_input_init(&nothing);
    ck_assert_int_eq(advisor_compare(&nothing, &nothing, why, sizeof(why)), ADVISOR_SAME);
    ck_assert_uint_lt(strlen(why), sizeof(why));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("advisor");

    unit_add(suite, "little data", too_little_data_is_said_and_gives_no_advice);
    unit_add(suite, "hanging", workers_that_all_hang_are_no_reason_for_more);
    unit_add(suite, "not told", what_is_not_told_is_not_called_too_little_data);
    unit_add(suite, "saturated", few_requests_of_a_saturated_server_are_enough);
    unit_add(suite, "calm", a_calm_server_is_left_alone);
    unit_add(suite, "confidence", confidence_grows_with_the_sample);
    unit_add(suite, "swamped", a_swamped_server_gets_what_the_demand_asks_for_and_a_quarter);
    unit_add(suite, "close", demand_close_to_the_limit_is_given_room_before_anything_waits);
    unit_add(suite, "other causes",
             requests_that_wait_while_workers_are_free_ask_for_no_more_workers);
    unit_add(suite, "unseen",
             where_waiting_requests_cannot_be_seen_the_limit_is_doubled_with_little_confidence);
    unit_add(suite, "processors", full_processors_get_no_more_workers);
    unit_add(suite, "memory", more_than_the_memory_holds_is_never_recommended);
    unit_add(suite, "overcommitted",
             limits_that_would_burst_the_memory_are_lowered_though_nothing_waits);
    unit_add(suite, "unknown memory", unknown_memory_bounds_nothing_and_lowers_the_confidence);
    unit_add(suite, "reach", what_a_graceful_restart_cannot_reach_takes_a_stop);
    unit_add(suite, "few processes", processes_stay_few);
    unit_add(suite, "start", servers_start_with_what_half_of_the_time_needs);
    unit_add(suite, "bursts", bursts_larger_than_the_spare_workers_raise_them);
    unit_add(suite, "held workers", keep_alive_is_shortened_where_it_holds_workers_and_only_there);
    unit_add(suite, "cut off", keep_alive_is_lengthened_where_it_is_free_and_cuts_clients_off);
    unit_add(suite, "no gaps", gaps_that_were_not_measured_are_not_guessed);
    unit_add(suite, "count", a_request_count_that_closes_many_connections_is_raised);
    unit_add(suite, "backlog", the_backlog_is_lengthened_when_it_overflows);
    unit_add(suite, "growth", processes_that_grow_are_replaced_in_time);
    unit_add(suite, "no growth", processes_that_do_not_grow_live_on);
    unit_add(suite, "model", workers_held_by_waiting_clients_speak_for_another_model);
    unit_add(suite, "anything", whatever_was_measured_the_advice_is_sound);
    unit_add(suite, "compare", better_worse_and_the_same_are_told_apart);
    unit_add(suite, "worse", each_thing_that_may_get_worse_is_seen);
    unit_add(suite, "nothing", nothing_measured_is_neither_better_nor_worse);
    return unit_main(suite);
}
