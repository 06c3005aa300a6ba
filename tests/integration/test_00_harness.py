# SPDX-License-Identifier: Apache-2.0
"""The harness itself: that it starts and clears away a server, and that its checks can fail."""
import os
import pwd
import subprocess

import pytest

import procs
from httpd import MPM, REPO
from procs import wait_until


def test_serves_a_file_and_leaves_nothing(httpd):
    server = httpd()
    assert server.get("/hello.txt") == b"hello\n"
    server.stop()
    assert server.problems() == []


def test_children_run_as_another_user_than_root(httpd):
    if os.geteuid() != 0:
        pytest.skip("needs root to have privileges to drop")
    server = httpd()
    user = pwd.getpwnam("www-data")
    assert server.children()
    for child in server.children():
        assert procs.status_field(child, "Uid") == [str(user.pw_uid)] * 4
        assert procs.status_field(child, "Gid") == [str(user.pw_gid)] * 4
        assert "0" not in procs.status_field(child, "Groups")
        assert int(procs.status_field(child, "CapEff")[0], 16) == 0


def test_scoreboard_is_read(httpd):
    server = httpd(modules=["test_scoreboard"])
    # A child may be on its way.
    wait_until(lambda: {p["pid"] for p in server.scoreboard().processes} >= set(server.children()), 5, "every child in it")
    board = server.scoreboard()
    assert board.busy == 0


def test_a_bad_line_in_the_error_log_is_a_problem_unless_announced(httpd):
    server = httpd()
    with open(server.root / "logs" / "error.log", "a") as log:
        log.write("[core:notice] [pid 1] AH00052: child pid 2 exit signal Segmentation fault (11)\n")
    assert len(server.bad_log_lines()) == 1
    server.expect_log("exit signal Segmentation")
    assert server.bad_log_lines() == []


def test_a_process_that_stays_is_a_problem(httpd):
    server = httpd()
    stray = subprocess.Popen(["/bin/sleep", "60"], env=server.env)
    try:
        # The kernel shows a program's environment a moment after exec() has let the caller go on.
        wait_until(lambda: stray.pid in server.processes(), 5, "the stray process")
    finally:
        stray.kill()
        stray.wait()


def test_the_running_mpm_is_the_chosen_one(httpd):
    server = httpd()
    assert server.auto()["ServerMPM"] == MPM


def test_a_test_that_passes_when_it_is_repeated_is_flaky_and_has_not_passed(tmp_path):
    first, repeated = tmp_path / "first.xml", tmp_path / "repeated.xml"
    first.write_text(
        '<testsuites><testsuite><testcase classname="test_a" name="test_good"/>'
        '<testcase classname="test_a" name="test_left_out"><skipped message="no"/></testcase>'
        '<testcase classname="x.test_a" name="test_now_and_then"><failure message="late"/></testcase>'
        '<testcase classname="test_a" name="test_bad"><failure message="one"/></testcase>'
        '<testcase classname="test_a" name="test_unclean"/>'
        '<testcase classname="test_a" name="test_unclean"><error message="left\nbehind"/></testcase>'
        "</testsuite></testsuites>")
    repeated.write_text(
        '<testsuites><testsuite><testcase classname="x.test_a" name="test_now_and_then"/>'
        '<testcase classname="test_a" name="test_bad"><failure message="two"/></testcase>'
        "</testsuite></testsuites>")

    def verdicts(*files):
        return subprocess.run([REPO / "tests" / "verdicts.py", *files], check=True, capture_output=True,
                              text=True).stdout.splitlines()

    assert verdicts(first, repeated) == [
        "failed: test_a::test_bad: one; repeated alone: two",
        "flaky: test_a::test_now_and_then: late; repeated alone it passed",
        "failed: test_a::test_unclean: left behind"]
    assert len([line for line in verdicts(first, tmp_path / "none.xml") if line.startswith("failed: ")]) == 3
