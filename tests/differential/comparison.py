# SPDX-License-Identifier: Apache-2.0
"""Runs plans on all six servers and tells where one of ours did what no stock server does.

What stock does with some plans depends on chance (a reset that comes while an answer is written, a script that is
killed). So what one of ours did is compared with what any stock server did, and before it is called a difference the
stock servers are asked REPEATS times more, with nothing else running beside it. Ours is not: once is enough to be wrong.
An exchange in which this machine was too late with a step is void, and is repeated for all.
"""
from dataclasses import dataclass

import exchange
import outcome
import servers
from known import reason

REPEATS = 4
MOST_REPEATED = 40      # plans; of more, the first differences tell enough
LATE_S = 0.25
VOID_ROUNDS = 3


@dataclass
class Difference:
    plan: object
    model: str
    ours: object
    stock: list
    known: object

    @property
    def parts(self):
        """What differs from the stock server that came nearest."""
        return frozenset(min((self.ours.differs(o) for o in self.stock), key=len))

    def __str__(self):
        stock = "\n".join(f"    a stock server:\n{outcome.text(o, self.ours)}" for o in self.stock[:3])
        return f"{self.model}, {self.plan}\n    {self.model}:\n{outcome.text(self.ours, self.stock[0])}\n{stock}"


class Fleet:
    """Six servers, started by `start()`; an exchange has a number that is used once in their life."""

    def __init__(self, start, tls):
        self.start, self.tls = start, tls

    def round(self, plans, names=servers.STOCK + servers.OURS):
        """[{name: Outcome}] of the plans, None where the client was late. Servers start before and stop after it, so that
        their logs are whole."""
        fleet, jobs, keys = self.start(), [], {}
        for number, plan in enumerate(plans):
            for name in names:
                keys[number, name] = key = len(jobs)
                jobs.append((key, servers.port_of(fleet[name], plan.port), self.tls if plan.transport == "tls" else None, plan))
        seen = exchange.run(jobs)
        for server in fleet.values():
            server.graceful_stop(wait=False)
        noted = {}
        for name, server in fleet.items():
            server.wait_stopped(30)
            noted[name] = servers.notes(server)
        out = [{} for _ in plans]
        for (number, name), key in keys.items():
            log, script = (part.get(exchange.address(key), []) for part in noted[name])
            late = seen[key].late_s > LATE_S
            out[number][name] = None if late else outcome.of(plans[number], seen[key], log, script)
        return out


def compare(fleet, plans):
    """(differences, number of plans in which stock differed from stock, number of void exchanges)."""
    results, void = _without_void(fleet, plans)
    suspects = [(n, name) for n, result in enumerate(results) for name in servers.OURS
                if result and not any(outcome.same(plans[n], result[name], result[s]) for s in servers.STOCK)]
    disagreed = sum(1 for result in results if result and len({result[s] for s in servers.STOCK}) > 1)
    stock = {n: [results[n][s] for s in servers.STOCK] for n, _ in suspects}
    asked = [n for n in sorted(stock) if not _all_known(suspects, results, plans, n)][:MOST_REPEATED]
    if asked:
        again = fleet.round([plans[n] for n in asked for _ in range(REPEATS)], servers.STOCK)
        for i, result in enumerate(again):
            stock[asked[i // REPEATS]] += [o for o in result.values() if o]
    differences = []
    for n, name in suspects:
        ours = results[n][name]
        if not any(outcome.same(plans[n], ours, o) for o in stock[n]):
            differences.append(Difference(plans[n], name, ours, list(dict.fromkeys(stock[n])), _known(name, plans[n], ours, stock[n])))
    return differences, disagreed, void


def _without_void(fleet, plans):
    results, void, missing = [None] * len(plans), 0, list(range(len(plans)))
    for _ in range(VOID_ROUNDS):
        for n, result in zip(missing, fleet.round([plans[n] for n in missing])):
            if None in result.values():
                void += 1
            else:
                results[n] = result
        missing = [n for n in missing if results[n] is None]
        if not missing:
            break
    assert len(missing) <= len(plans) // 20, f"{len(missing)} of {len(plans)} plans could not be carried out in time: this machine is too busy"
    return results, void


def _known(name, plan, ours, stock):
    return next((entry for other in stock if (entry := reason(name, plan, ours.differs(other)))), None)


def _all_known(suspects, results, plans, n):
    stock = [results[n][s] for s in servers.STOCK]
    return all(_known(name, plans[n], results[n][name], stock) for m, name in suspects if m == n)
