/* SPDX-License-Identifier: Apache-2.0 */
/* mpm/policy/handler_history: what is learnt of a kind of request, and how fast. */
#include <pthread.h>
#include <stdio.h>

#include "mpm/policy/handler_history.h"
#include "unit.h"

static handler_history_t handler_history;

static void fresh(void)
{
    memset(&handler_history, 0, sizeof(handler_history));
}

/* Let @a runs of one kind run, every @a nth of which blocks. */
static void run_some(int kind, int runs, int nth)
{
    int i;

    for (i = 1; i <= runs; i++) {
        handler_history_note(&handler_history, kind, nth > 0 && i % nth == 0);
    }
}

START_TEST(nothing_is_expected_to_block_before_it_did)
{
    int kind;

    for (kind = 0; kind < HANDLER_HISTORY_KINDS; kind++) {
        ck_assert(!handler_history_blocks(&handler_history, kind));
    }
}
END_TEST

START_TEST(a_kind_that_always_blocks_is_known_after_three_runs)
{
    int kind = handler_history_kind("proxy-server");

    run_some(kind, 2, 1);
    ck_assert(!handler_history_blocks(&handler_history, kind));
    run_some(kind, 1, 1);
    ck_assert(handler_history_blocks(&handler_history, kind));
}
END_TEST

START_TEST(one_in_four_is_enough_one_in_twenty_is_not)
{
    int often = handler_history_kind("often"), seldom = handler_history_kind("seldom");

    ck_assert_int_ne(often, seldom);
    run_some(often, 100, 4);
    run_some(seldom, 1000, 20);
    ck_assert(handler_history_blocks(&handler_history, often));
    ck_assert(!handler_history_blocks(&handler_history, seldom));
}
END_TEST

START_TEST(what_no_longer_blocks_is_forgotten_in_some_forty_runs)
{
    int kind = handler_history_kind("cgi-script");

    run_some(kind, 100000, 1);
    ck_assert(handler_history_blocks(&handler_history, kind));
    run_some(kind, 50, 0);
    ck_assert(!handler_history_blocks(&handler_history, kind));
}
END_TEST

START_TEST(kinds_do_not_disturb_each_other)
{
    int slow = handler_history_kind("proxy-server"), fast = handler_history_kind("default-handler");

    ck_assert_int_ne(slow, fast);
    run_some(slow, 100, 1);
    ck_assert(!handler_history_blocks(&handler_history, fast));
    ck_assert(!handler_history_blocks(&handler_history, handler_history_kind(NULL)));
}
END_TEST

START_TEST(every_name_has_a_place)
{
    char name[64];
    int i;

    ck_assert_int_eq(handler_history_kind(NULL), handler_history_kind(NULL));
    for (i = 0; i < 10000; i++) {
        int kind;

        snprintf(name, sizeof(name), "handler-\xff-%d", i);
        kind = handler_history_kind(name);
        ck_assert_int_ge(kind, 0);
        ck_assert_int_lt(kind, HANDLER_HISTORY_KINDS);
        ck_assert_int_eq(kind, handler_history_kind(name));
    }
}
END_TEST

static void *note_many(void *kind)
{
    int i;

    for (i = 0; i < 100000; i++) {
        handler_history_note(&handler_history, *(int *)kind, i % 2);
        (void)handler_history_blocks(&handler_history, *(int *)kind);
    }
    return NULL;
}

START_TEST(many_threads_may_note_at_once)
{
    int kind = handler_history_kind("busy");
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, &kind), 0);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert(handler_history_blocks(&handler_history, kind));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handler_history");
    TCase *tc = tcase_create("handler_history");

    tcase_add_checked_fixture(tc, fresh, NULL);
    tcase_add_test(tc, nothing_is_expected_to_block_before_it_did);
    tcase_add_test(tc, a_kind_that_always_blocks_is_known_after_three_runs);
    tcase_add_test(tc, one_in_four_is_enough_one_in_twenty_is_not);
    tcase_add_test(tc, what_no_longer_blocks_is_forgotten_in_some_forty_runs);
    tcase_add_test(tc, kinds_do_not_disturb_each_other);
    tcase_add_test(tc, every_name_has_a_place);
    tcase_add_test(tc, many_threads_may_note_at_once);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
