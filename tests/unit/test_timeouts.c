/* SPDX-License-Identifier: Apache-2.0 */
/* base/timeouts: order of expiry, against a plain array that is searched in full. */
#include "base/timeouts.h"
#include "unit.h"

#include <string.h>

enum { MANY = 3000 };

typedef struct {
    timeouts_entry_t entry; /* first, so that an entry's address is the item's */
    int64_t deadline_us;    /* what the model says */
    bool in;
} item_t;

static timeouts_t set;
static item_t items[MANY];

static void start(void)
{
    timeouts_init(&set);
    memset(items, 0, sizeof(items));
}

static item_t *item(timeouts_entry_t *e)
{
    return (item_t *)e;
}

static timeouts_entry_t *pop(void)
{
    return timeouts_pop_expired(&set, INT64_MAX);
}

static size_t entries(void)
{
    size_t n = set.heap.count;

    for (unsigned i = 0; i < set.durations; i++) {
        n += set.queues[i].count;
    }
    return n;
}

static bool in_set(const item_t *it)
{
    return it->entry.queue != NULL;
}

/* The first entry of the queue of this duration. */
static timeouts_entry_t *first_of(int64_t duration_us)
{
    for (unsigned i = 0; i < set.durations; i++) {
        if (set.queues[i].duration_us == duration_us) {
            return set.queues[i].first;
        }
    }
    return NULL;
}

START_TEST(an_empty_set_never_expires)
{
    start();
    ck_assert_ptr_null(timeouts_first(&set));
    ck_assert_ptr_null(pop());
    ck_assert_ptr_null(timeouts_pop_expired(&set, INT64_MAX));
    ck_assert_int_eq(timeouts_next(&set), TIMEOUTS_NEVER);
    ck_assert_int_eq(timeouts_wait(&set, 5), TIMEOUTS_NEVER);
    ck_assert_uint_eq(entries(), 0);
    ck_assert(!in_set(&items[0]));
    ck_assert(!timeouts_remove(&items[0].entry));
}
END_TEST

START_TEST(an_entry_expires_at_its_deadline_and_not_before)
{
    start();
    timeouts_add(&set, &items[0].entry, 100, 1000);
    ck_assert(in_set(&items[0]));
    ck_assert_int_eq(timeouts_deadline(&items[0].entry), 1100);
    ck_assert_int_eq(timeouts_next(&set), 1100);
    ck_assert_int_eq(timeouts_wait(&set, 1000), 100);
    ck_assert_int_eq(timeouts_wait(&set, 1101), 0);
    ck_assert_ptr_null(timeouts_pop_expired(&set, 1099));
    ck_assert_ptr_eq(timeouts_pop_expired(&set, 1100), &items[0].entry);
    ck_assert(!in_set(&items[0]));
    ck_assert_uint_eq(entries(), 0);
}
END_TEST

START_TEST(entries_of_one_duration_expire_in_order_of_arrival)
{
    start();
    for (int i = 0; i < 10; i++) {
        timeouts_add(&set, &items[i].entry, 50, 7);
    }
    ck_assert_ptr_eq(first_of(50), &items[0].entry);
    ck_assert_ptr_null(first_of(51));
    for (int i = 0; i < 10; i++) {
        ck_assert_ptr_eq(timeouts_pop_expired(&set, 57), &items[i].entry);
    }
}
END_TEST

START_TEST(each_duration_has_one_queue)
{
    start();
    for (int i = 0; i < 60; i++) {
        timeouts_add(&set, &items[i].entry, 100 * (1 + i % 3), i);
    }
    ck_assert_uint_eq(set.durations, 3);
    ck_assert_uint_eq(set.heap.count, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(first_of(100 * (1 + i)), &items[i].entry);
    }
}
END_TEST

START_TEST(any_entry_of_a_queue_can_leave)
{
    start();
    for (int i = 0; i < 5; i++) {
        timeouts_add(&set, &items[i].entry, 50, i);
    }
    ck_assert(timeouts_remove(&items[2].entry));
    ck_assert(!timeouts_remove(&items[2].entry));
    ck_assert(timeouts_remove(&items[0].entry));
    ck_assert(timeouts_remove(&items[4].entry));
    timeouts_add(&set, &items[2].entry, 50, 9);
    ck_assert_ptr_eq(pop(), &items[1].entry);
    ck_assert_ptr_eq(pop(), &items[3].entry);
    ck_assert_ptr_eq(pop(), &items[2].entry);
    ck_assert_ptr_null(pop());
}
END_TEST

START_TEST(an_own_deadline_comes_before_a_later_queue)
{
    start();
    timeouts_add(&set, &items[0].entry, 500, 0);
    timeouts_add_at(&set, &items[1].entry, 499);
    timeouts_add_until(&set, &items[2].entry, 500, 300, 0);
    timeouts_add_until(&set, &items[3].entry, 500, 501, 0);
    ck_assert_ptr_eq(pop(), &items[2].entry);
    ck_assert_ptr_eq(pop(), &items[1].entry);
    ck_assert_ptr_eq(pop(), &items[0].entry);
    ck_assert_ptr_eq(first_of(500), &items[3].entry);
    ck_assert_int_eq(timeouts_deadline(&items[3].entry), 500);
}
END_TEST

START_TEST(a_clock_that_lags_between_threads_keeps_the_order)
{
    start();
    timeouts_add(&set, &items[0].entry, 100, 1000);
    timeouts_add(&set, &items[1].entry, 100, 997);
    ck_assert_int_eq(timeouts_deadline(&items[1].entry), 1100);
    ck_assert_ptr_eq(timeouts_pop_expired(&set, 1100), &items[0].entry);
    ck_assert_ptr_eq(timeouts_pop_expired(&set, 1100), &items[1].entry);
}
END_TEST

START_TEST(a_duration_without_end_never_expires)
{
    start();
    timeouts_add(&set, &items[0].entry, INT64_MAX, 1000);
    ck_assert_int_eq(timeouts_deadline(&items[0].entry), TIMEOUTS_NEVER);
    ck_assert_ptr_null(timeouts_pop_expired(&set, INT64_MAX - 1));
    ck_assert_ptr_eq(pop(), &items[0].entry);
}
END_TEST

START_TEST(more_durations_than_queues_expire_in_order_all_the_same)
{
    int64_t before = 0;

    start();
    for (int i = 0; i < 3 * TIMEOUTS_DURATIONS; i++) {
        timeouts_add(&set, &items[i].entry, 1000 - 7 * i, i);
    }
    ck_assert_uint_eq(entries(), 3 * TIMEOUTS_DURATIONS);
    for (int i = 0; i < 3 * TIMEOUTS_DURATIONS; i++) {
        timeouts_entry_t *e = pop();

        ck_assert_ptr_nonnull(e);
        ck_assert_int_ge(timeouts_deadline(e), before);
        before = timeouts_deadline(e);
    }
    ck_assert_uint_eq(entries(), 0);
}
END_TEST

START_TEST(a_queue_left_empty_serves_a_new_duration)
{
    start();
    for (int i = 0; i < 1000; i++) {
        timeouts_add(&set, &items[0].entry, 1000 + i, 0);
        ck_assert_ptr_eq(first_of(1000 + i), &items[0].entry);
        ck_assert(timeouts_remove(&items[0].entry));
    }
    ck_assert_uint_le(set.durations, 1);
}
END_TEST

static uint32_t rank(const timeouts_entry_t *e)
{
    return e ? e->rank : 0;
}

/* Order, parents and the rank rule that bounds the right side; returns the number of entries. */
static size_t check_heap(const timeouts_entry_t *e, const timeouts_entry_t *parent)
{
    if (!e) {
        return 0;
    }
    ck_assert_ptr_eq(e->prev, parent);
    ck_assert_int_ge(e->deadline_us, parent ? parent->deadline_us : INT64_MIN);
    ck_assert_uint_ge(rank(e->next), rank(e->right));
    ck_assert_uint_eq(rank(e), rank(e->right) + 1);
    return 1 + check_heap(e->next, e) + check_heap(e->right, e);
}

static item_t *model_first(void)
{
    item_t *first = NULL;

    for (int i = 0; i < MANY; i++) {
        if (items[i].in && (!first || items[i].deadline_us < first->deadline_us)) {
            first = &items[i];
        }
    }
    return first;
}

static void add_some_way(item_t *it, uint64_t *seed, int64_t now_us)
{
    int64_t duration_us = 1000 * (1 + unit_random_below(seed, 40));

    switch (unit_random_below(seed, 3)) {
    case 0:
        timeouts_add(&set, &it->entry, duration_us, now_us);
        it->deadline_us = now_us + duration_us;
        break;
    case 1:
        it->deadline_us = now_us + unit_random_below(seed, 40000);
        timeouts_add_at(&set, &it->entry, it->deadline_us);
        break;
    default:
        it->deadline_us = now_us + unit_random_below(seed, 40000);
        timeouts_add_until(&set, &it->entry, duration_us, it->deadline_us, now_us);
        if (it->deadline_us > now_us + duration_us) {
            it->deadline_us = now_us + duration_us;
        }
        break;
    }
    it->in = true;
    ck_assert_int_eq(timeouts_deadline(&it->entry), it->deadline_us);
}

START_TEST(random_use_agrees_with_a_plain_search)
{
    uint64_t seed = 20240 + (uint64_t)_i;
    int64_t now_us = 0;
    size_t count = 0;

    start();
    for (int step = 0; step < 20000; step++) {
        item_t *it = &items[unit_random_below(&seed, _i % 2 ? 60 : 600)];

        now_us += unit_random_below(&seed, 50);
        if (!it->in) {
            add_some_way(it, &seed, now_us);
            count++;
        }
        else if (unit_random_below(&seed, 2)) {
            ck_assert(timeouts_remove(&it->entry));
            it->in = false;
            count--;
        }
        else {
            item_t *first = model_first();
            timeouts_entry_t *got = timeouts_pop_expired(&set, now_us);

            ck_assert(!got == !(first->deadline_us <= now_us));
            if (got) {
                ck_assert_int_eq(item(got)->deadline_us, first->deadline_us);
                item(got)->in = false;
                count--;
            }
            else {
                ck_assert_int_eq(timeouts_next(&set), first->deadline_us);
            }
        }
        ck_assert_uint_eq(entries(), count);
        if (step % 64 == 0) {
            ck_assert_uint_eq(check_heap(set.heap.first, NULL), set.heap.count);
        }
    }
}
END_TEST

static int way_right(const timeouts_entry_t *e)
{
    int n = 0;

    for (; e; e = e->right) {
        n++;
    }
    return n;
}

/* Rising, falling and equal deadlines are what makes plain trees degenerate. */
START_TEST(no_order_of_deadlines_makes_an_operation_slow)
{
    for (int kind = 0; kind < 4; kind++) {
        uint64_t seed = 9;

        start();
        for (int i = 0; i < MANY; i++) {
            int64_t at[] = { i, MANY - i, 5, unit_random_below(&seed, MANY) };

            timeouts_add_at(&set, &items[i].entry, at[kind]);
            ck_assert_int_le(way_right(set.heap.first), 12); /* log2(3000 + 1) */
        }
        for (int i = 0; i < MANY; i += 3) {
            timeouts_remove(&items[(i * 7) % MANY].entry);
            ck_assert_int_le(way_right(set.heap.first), 12);
        }
        ck_assert_uint_eq(check_heap(set.heap.first, NULL), set.heap.count);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timeouts");
    TCase *tc = tcase_create("random use agrees with a plain search");

    unit_add(suite, "empty", an_empty_set_never_expires);
    unit_add(suite, "deadline", an_entry_expires_at_its_deadline_and_not_before);
    unit_add(suite, "arrival", entries_of_one_duration_expire_in_order_of_arrival);
    unit_add(suite, "one queue", each_duration_has_one_queue);
    unit_add(suite, "leave", any_entry_of_a_queue_can_leave);
    unit_add(suite, "own deadline", an_own_deadline_comes_before_a_later_queue);
    unit_add(suite, "lag", a_clock_that_lags_between_threads_keeps_the_order);
    unit_add(suite, "never", a_duration_without_end_never_expires);
    unit_add(suite, "many durations", more_durations_than_queues_expire_in_order_all_the_same);
    unit_add(suite, "reuse", a_queue_left_empty_serves_a_new_duration);
    unit_add(suite, "balance", no_order_of_deadlines_makes_an_operation_slow);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, random_use_agrees_with_a_plain_search, 0, 6);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
