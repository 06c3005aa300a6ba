# SPDX-License-Identifier: Apache-2.0
"""The same bytes give the same answers, the same input to a script and the same log lines as on a stock server."""
import os
import random
import re

import pytest

import comparison
import plans
import servers
import tls
from corpus import talks
from known import KNOWN

STANDARD_SEED = 13
SEED = int(os.environ.get("DIFFERENTIAL_SEED", STANDARD_SEED))
ONLY = os.environ.get("DIFFERENTIAL_ONLY")      # a pattern: plans of these names
ROUNDS = int(os.environ.get("DIFFERENTIAL_ROUNDS", 200)) if os.environ.get("SLOW") else 1
AT_RANDOM = 200         # plans of one round, beside those that are always there
# Settings in which the servers are compared: the module that runs scripts, and more configuration.
SETTINGS = {"cgid": ("cgid", ""), "cgi": ("cgi", ""), "small-window": ("cgid", "ReceiveBufferSize 8192")}


def always():
    """Each talk in one piece over each transport, with each of the client's ends, and to the listener without MPMBodyBuffer; and
    broken off at some of its last seams."""
    for talk in talks():
        for transport, port in (("tcp", "http"), ("tls", "https"), ("tcp", "bare")):
            for end in ("stay", "late-half") if port != "bare" else ("stay",):
                yield plans.whole(talk, transport, port, end)
        for at in talk.seams if talk.name in ("long-field", "chunk-too-long") else talk.seams[-13::4]:
            yield plans.cut_short(talk, "tcp", "http", "half", at)
        if len(talk.data) < 600:
            yield plans.byte_by_byte(talk, "tcp", "http", "stay")


def by_chance(rng, count):
    found = list(talks())
    for _ in range(count):
        transport, port = rng.choice((("tcp", "http"), ("tls", "https"), ("tcp", "bare")))
        yield plans.random(rng.choice(found), transport, port, rng)


def at_every_place(rng, count):
    """Cuts and early ends at each seam of each talk: all of them over the rounds of SLOW=1, some of them in one round."""
    found = []
    for talk in talks():
        for at in talk.seams:
            found += [plans.cut(talk, "tcp", "http", "stay", at), plans.cut(talk, "tls", "https", "stay", at),
                      plans.cut_short(talk, "tcp", "http", rng.choice(("half", "late-reset")), at)]
    yield from rng.sample(found, min(count, len(found)))


def chosen(setting, number):
    rng = random.Random(f"{SEED} {setting} {number}")
    out = list(always()) if number == 0 else []
    out += [*by_chance(rng, AT_RANDOM), *at_every_place(rng, AT_RANDOM)]
    return [plan for plan in out if not ONLY or re.search(ONLY, plan.name)]


_met, _finished = set(), set()      # entries of the table that explained something; settings that have been run


@pytest.fixture(scope="session")
def cgi(base_dir):
    return servers.compile_said(base_dir / f"said-{os.getpid()}")


@pytest.mark.timeout(0)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_bytes_do_the_same_as_on_stock(httpd, tls_dir, cgi, setting):
    module, more = SETTINGS[setting]
    fleet = comparison.Fleet(lambda: servers.start(httpd, cgi, module, more), tls.client_context(tls_dir))
    for number in range(ROUNDS):
        found = chosen(setting, number)
        differences, disagreed, void = comparison.compare(fleet, found)
        _met.update(d.known for d in differences if d.known)
        print(f"seed {SEED}, {setting}, round {number}: {len(found)} plans on six servers, stock disagreed with stock in {disagreed}, "
              f"{void} void, {len(differences)} differences, of these {sum(1 for d in differences if d.known)} known")
        unknown = [d for d in differences if not d.known]
        if unknown:
            pytest.fail(report(unknown), pytrace=False)
    _finished.add(setting)


def test_every_known_difference_is_still_one():
    if ONLY or SEED != STANDARD_SEED or _finished != set(SETTINGS):
        pytest.skip("the standard plans have not been run whole by this process")
    stale = [entry.plan for entry in KNOWN if entry not in _met]
    assert not stale, f"no longer different, take it out of known.py: {stale}"


def report(differences):
    """By model and talk: how many differ, and of each the first plan in full."""
    groups = {}
    for difference in differences:
        groups.setdefault((difference.model, difference.plan.talk.name, difference.parts), []).append(difference)
    lines = [f"{len(differences)} unknown differences (DIFFERENTIAL_SEED={SEED}; DIFFERENTIAL_ONLY=pattern picks plans by name):"]
    lines += [f"  {model}: {talk}: {', '.join(sorted(parts))} in {len(found)}, such as {found[0].plan.name}"
              for (model, talk, parts), found in groups.items()]
    lines += [str(found[0]) for found in groups.values()]
    return "\n".join(lines)
