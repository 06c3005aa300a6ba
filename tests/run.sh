#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The one test command's driver: builds with -Werror, runs every suite, adds up.
#
#   tests/run.sh             called by `make -f Makefile.apxs check`, which sets the
#                            environment: MAKE, BUILD, and what `make help` names
#
# The last line is "N passed, N failed, N skipped" over all suites. A program that
# crashes, is killed by its time limit or says nothing of its result counts as one
# failure; so does a suite in which nothing ran, and a test that failed once and
# passed when it was repeated: the lines before the last name it as flaky. The exit
# code is 0 only when something passed and nothing failed. Logs lie in BUILD/check.
# shellcheck disable=SC2317 # suites are called by name
set -u
cd "$(dirname "$0")/.." || exit 1
export BUILD=${BUILD:-build} PYTHONDONTWRITEBYTECODE=1
MAKE=${MAKE:-make -f Makefile.apxs}
SUITES=${SUITES:-lint unit fuzz integration debug models differential browser}
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
LOGS=$BUILD/check
CPUS=$(nproc)

passed=0 failed=0 skipped=0
note=
what_failed=()

# The closing line comes whatever happens; make's own complaint about our exit
# code can only follow on stderr.
finish() {
    local code=$?
    trap - EXIT
    if ((failed)); then
        echo "What failed (more above; logs: $LOGS):"
        printf '  %s\n' "${what_failed[@]}"
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    ((code == 0 && failed == 0 && passed > 0))
    exit $?
}
trap finish EXIT
trap 'failed=$((failed + 1)); what_failed+=(interrupted); exit 130' INT TERM HUP

# What the last lines name again, for whoever sees only these: of pytest each test that failed or is flaky, with its
# message (LOGS/NAME.verdicts), else the program.
remember() {
    local lines=()
    mapfile -t lines < <(cut -c1-700 "$LOGS/$1.verdicts" 2>/dev/null | head -n 12)
    ((${#lines[@]})) || lines=("${note:-see above}")
    what_failed+=("${lines[@]/#/$1: }")
}

# tally NAME PASSED FAILED SKIPPED LOG: add one program's or suite's result and show it.
tally() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    if (($3)); then
        remember "$1"
    fi
    printf '%-34s %5d passed %3d failed %3d skipped%s\n' "$1" "$2" "$3" "$4" "${note:+   ($note)}"
    # What of pytest failed is on the screen already.
    if (($3)) && [[ -s $5 && $5 != *.tests.log ]]; then
        echo "---- the end of $5"
        tail -n "${6:-40}" "$5"
        echo "----"
    fi
    note=
}

# limit SECONDS COMMAND...: ends a program that hangs. In the foreground, so that Ctrl-C
# reaches it; by SIGINT, on which pytest still stops the servers it started.
limit() {
    timeout --foreground --signal=INT --kill-after=60 "$@"
}

# tests_of GLOB...: the files there are.
tests_of() {
    compgen -G "$1" | sort
}

# nothing NAME: a suite without a test proves nothing, and must not look as if it did.
nothing() {
    note="there is no test in this suite"
    tally "$1" 0 1 0 /dev/null
}

# ---- the build ---------------------------------------------------------------

build() {
    local log=$LOGS/build.log jobs=()
    [[ ${MAKEFLAGS:-} == *-j* ]] || jobs=(-j "$CPUS")
    # shellcheck disable=SC2086 # MAKE is a command with arguments
    if $MAKE "${jobs[@]}" WERROR=-Werror all test-modules unit fuzz >"$log" 2>&1 \
        && $MAKE "${jobs[@]}" BUILD="$BUILD/debug" DEBUG=1 ANALYZE=1 WERROR=-Werror all test-modules >>"$log" 2>&1; then
        tally "build -Werror" 1 0 0 "$log"
    else
        tally "build -Werror" 0 1 0 "$log" 60
        exit 1
    fi
}

# ---- lint: one program, one test ---------------------------------------------

suite_lint() {
    local test name log
    [[ $(tests_of 'tests/lint/*') ]] || nothing lint
    for test in tests/lint/*; do
        [[ -f $test && -x $test ]] || continue
        name=lint/$(basename "$test")
        log=$LOGS/${name/\//-}.log
        if limit 120 "$test" >"$log" 2>&1 </dev/null; then
            tally "$name" 1 0 0 "$log"
        else
            tally "$name" 0 1 0 "$log"
        fi
    done
}

# ---- unit: Check programs, plain and under the sanitizers ---------------------

# check_program NAME LOG COMMAND...: Check ends with "N%: Checks: N, Failures: N, Errors: N",
# one such line for each runner in the program.
check_program() {
    local name=$1 log=$2 code sums checks=0 bad=0
    shift 2
    limit 300 "$@" >"$log" 2>&1 </dev/null
    code=$?
    sums=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$log")
    if [[ $sums ]]; then
        checks=$(awk '{n += $1} END {print n}' <<<"$sums")
        bad=$(awk '{n += $2 + $3} END {print n}' <<<"$sums")
    fi
    if ((checks == 0)); then
        note="exit code $code and no test counted"
        tally "$name" 0 1 0 "$log"
    elif ((code != 0 && bad == 0)); then
        note="exit code $code"
        tally "$name" "$checks" 1 0 "$log"
    else
        tally "$name" $((checks - bad)) "$bad" 0 "$log"
    fi
}

# ThreadSanitizer's address map does not suit every kernel's randomisation; without
# randomisation it does, where personality(2) is allowed.
without_aslr() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        echo setarch "$(uname -m)" -R
    fi
}

suite_unit() {
    local source name kind run
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    [[ $(tests_of 'tests/unit/test_*.c') ]] || nothing unit
    for source in $(tests_of 'tests/unit/test_*.c'); do
        name=$(basename "$source" .c)
        for kind in plain asan tsan; do
            run=()
            export CK_TIMEOUT_MULTIPLIER=1
            [[ $kind == plain ]] || CK_TIMEOUT_MULTIPLIER=10
            [[ $kind != tsan ]] || read -ra run <<<"$(without_aslr)"
            check_program "unit/$name $kind" "$LOGS/unit-$name-$kind.log" "${run[@]}" "$BUILD/unit/$kind/$name"
        done
    done
}

# ---- fuzz: each target for FUZZ_SECONDS, starting from its corpus -------------

# New inputs are kept in BUILD between runs; the committed corpus is only read.
fuzz_one() {
    local name=$1 grown=$BUILD/fuzz/corpus/$1 seeds=tests/unit/fuzz/corpus/${1#fuzz_}
    mkdir -p "$grown"
    [[ -d $seeds ]] || seeds=tests/unit/fuzz/corpus/$name
    [[ -d $seeds ]] || seeds=
    limit $((FUZZ_SECONDS + 120)) "$BUILD/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$LOGS/$name-" \
        "$grown" ${seeds:+"$seeds"} >"$LOGS/$name.log" 2>&1 </dev/null
    echo "exit code $?" >>"$LOGS/$name.log"
}

suite_fuzz() {
    local source name log
    [[ $(tests_of 'tests/unit/fuzz/fuzz_*.c') ]] || nothing fuzz
    for source in $(tests_of 'tests/unit/fuzz/fuzz_*.c'); do
        while (($(jobs -rp | wc -l) >= CPUS)); do
            wait -n
        done
        fuzz_one "$(basename "$source" .c)" &
    done
    wait
    for source in $(tests_of 'tests/unit/fuzz/fuzz_*.c'); do
        name=$(basename "$source" .c)
        log=$LOGS/$name.log
        note=$(sed -n 's/^Done \([1-9][0-9]* runs\) in.*/\1/p' "$log")
        if [[ $note && $(tail -n 1 "$log") == "exit code 0" ]]; then
            tally "fuzz/$name" 1 0 0 "$log"
        else
            tally "fuzz/$name" 0 1 0 "$log"
        fi
    done
}

# ---- pytest ------------------------------------------------------------------

# attribute NAME XML: of the first <testsuite>.
attribute() {
    local n
    n=$(grep -o '<testsuite [^>]*>' "$2" 2>/dev/null | head -n 1 | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p")
    echo "${n:-0}"
}

# Most tests wait: for time-outs, restarts, the kernel. So there are more of them at once than cores.
# PYTEST_ARGS="-n 0" runs one after the other.
at_once() {
    [[ " ${PYTEST_ARGS:-} " == *" -n"* ]] || echo "-n $((CPUS + 1))"
}

# run_pytest NAME SECONDS ARGUMENT...: pytest with these arguments, on the modules in PYTEST_BUILD or else BUILD; leaves LOGS/NAME.tests.log and NAME.xml. The system's Python is
# the one Debian's packages belong to.
run_pytest() {
    local name=$1 seconds=$2
    shift 2
    rm -f "$LOGS/$name.xml"
    COLUMNS=200 MPM_BUILD=$(realpath "${PYTEST_BUILD:-$BUILD}") limit "$seconds" /usr/bin/python3 -m pytest -q -rfEs --junitxml="$LOGS/$name.xml" \
        "$@" 2>&1 </dev/null | tee "$LOGS/$name.tests.log"
    return "${PIPESTATUS[0]}"
}

# Up to this many failures of a suite are repeated one by one with nothing beside them. That tells the ones that fail
# again from the flaky ones; it does not make these good: both are counted as failed and named (tests/verdicts.py).
REPEATED=5

# failed_tests CACHE: those that pytest remembers there, a line each. It names them from the directory of its pytest.ini.
failed_tests() {
    /usr/bin/python3 - "$1/v/cache/lastfailed" <<'END'
import json, pathlib, sys
for test in json.load(open(sys.argv[1])):
    for root in ("tests/integration", "tests/differential", "tests/browser", "."):
        if pathlib.Path(root, test.split("::")[0]).exists():
            print(f"{root}/{test}")
            break
END
}

# suite_pytest NAME SECONDS [ARGUMENT...]: pytest with these arguments, or on tests/NAME; the summary is read from the
# JUnit file, which a run that broke off does not leave.
suite_pytest() {
    local name=$1 seconds=$2 xml=$LOGS/$1.xml cache code total bad left_out flaky tests
    shift 2
    cache=(-o cache_dir="$(realpath "$LOGS")/cache-$name")
    if (($# == 0)); then
        [[ $(tests_of "tests/$name/test_*.py") ]] || { nothing "$name"; return; }
        set -- "tests/$name"
    fi
    # shellcheck disable=SC2086,SC2046 # PYTEST_ARGS is a list
    run_pytest "$name" "$seconds" "${cache[@]}" $(at_once) ${PYTEST_ARGS:-} "$@"
    code=$?
    total=$(attribute tests "$xml")
    bad=$(($(attribute failures "$xml") + $(attribute errors "$xml")))
    left_out=$(attribute skipped "$xml")
    if ((code == 1 && bad > 0 && bad <= REPEATED)); then
        echo "$bad of $total failed beside others; now by themselves:"
        mapfile -t tests < <(failed_tests "$LOGS/cache-$name")
        # shellcheck disable=SC2086 # PYTEST_ARGS is a list
        run_pytest "$name-repeated" "$seconds" "${cache[@]}" ${PYTEST_ARGS:-} -n 0 "${tests[@]}"
    fi
    tests/verdicts.py "$xml" "$LOGS/$name-repeated.xml" >"$LOGS/$name.verdicts"
    flaky=$(grep -c '^flaky: ' "$LOGS/$name.verdicts")
    ((flaky == 0)) || note="of these $flaky flaky"
    if ((code != 0 && bad == 0)); then
        bad=1 note="pytest's exit code $code"
        total=$((total + 1))
    fi
    if ((total == 0)); then
        bad=1 total=1 note="nothing ran"
    fi
    tally "$name" $((total - bad - left_out < 0 ? 0 : total - bad - left_out)) "$bad" "$left_out" "$LOGS/$name.tests.log"
}

# The modules as they are shipped: what else is shipped with them, what people see, and what every server has to do.
suite_integration() {
    local t=tests/integration
    suite_pytest integration 3600 "$t"/test_0[013]_*.py "$t"/test_[!0-9]*.py
}

# Everything about the server on the build in which what comments promise is checked (base/must_hold.h): a broken promise
# is a process that aborts, which no test lets pass.
suite_debug() {
    local t=tests/integration some
    some=("$t"/test_[0-9]*.py)
    [[ -z ${SLOW:-} ]] || some+=("$t"/test_cli*.py "$t"/test_status*.py)
    PYTEST_BUILD=$BUILD/debug suite_pytest debug 3600 "${some[@]}"
}

# What must hold on every MPM, on the two models that `integration` does not run on: a part of it, or
# with MODELS=all or SLOW=1 all of it.
suite_models() {
    local model t=tests/integration some
    some=("$t/test_01_lifecycle.py" "$t/test_03_requests.py" "$t/test_04_slow_clients.py" "$t/test_06_scoreboard.py"
        "$t/test_11_mpm_api.py"
        "$t/test_02_signals.py::test_usr1_lets_it_finish_while_a_new_generation_serves"
        "$t/test_07_faults.py::test_processes_are_started_at_once_when_every_worker_is_taken"
        "$t/test_07_faults.py::test_a_handler_that_crashes_under_load_takes_only_its_process_along"
        "$t/test_13_exhaustion.py::test_a_connection_that_one_process_cannot_accept_is_accepted_by_another"
        "$t/test_13_exhaustion.py::test_a_restart_that_cannot_fork_leaves_the_old_children_at_work"
        "$t/test_09_restarts.py::test_graceful_restarts_under_load_lose_nothing"
        "$t/test_09_restarts.py::test_an_idle_connection_is_answered_once_more_with_close_after_a_restart"
        "$t/test_09_restarts.py::test_restarts_of_both_kinds_and_kills_mixed_under_load_leave_nothing"
        "$t/test_31_recorded.py::test_requests_are_counted_by_status_and_method_with_their_bytes"
        "$t/test_31_recorded.py::test_the_end_of_each_connection_has_its_reason"
        "$t/test_31_recorded.py::test_a_crash_takes_its_own_requests_and_nothing_else")
    if [[ ${MODELS:-} == all || ${SLOW:-} ]]; then
        some=("$t"/test_0*.py "$t"/test_1*.py "$t"/test_3*.py)
    fi
    for model in worker prefork; do
        MPM=hybrid-$model suite_pytest "models-$model" 3600 "${some[@]}"
    done
}

# The same bytes to the stock servers and to ours. One after the other: other load would make its clients late.
suite_differential() {
    local seconds=900
    [[ -z ${SLOW:-} ]] || seconds=36000
    suite_pytest differential "$seconds" -n 0 -s tests/differential
}

# ------------------------------------------------------------------------------

mkdir -p "$LOGS" || exit 1
rm -rf "$LOGS"/*.log "$LOGS"/*.xml "$LOGS"/*.verdicts "$LOGS"/cache-*
if ! tools/deps.sh build demo test ${SLOW:+consumers}; then
    note="packages are missing"
    tally deps 0 1 0 /dev/null
    exit 1
fi
build
for suite in $SUITES; do
    case $suite in
        lint | unit | fuzz) "suite_$suite" ;;
        integration) suite_integration ;;
        debug) suite_debug ;;
        browser) suite_pytest browser 900 ;;
        models) suite_models ;;
        differential) suite_differential ;;
        *) note="no such suite"; tally "$suite" 0 1 0 /dev/null ;;
    esac
done
exit 0
