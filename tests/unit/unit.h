/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test program shares: running one suite.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "unit_random.h"

/*
 * Runs the suite. Each test gets its own process, so that a crash or an endless
 * loop is one failure; under a sanitizer all run in this one, so that it sees
 * them. CK_FORK=no asks for the same.
 */
static inline int unit_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    srunner_set_fork_status(runner, CK_NOFORK);
#endif
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One test case of the suite, of one test function. */
static inline void unit_add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test);
    suite_add_tcase(suite, tc);
}

#endif
