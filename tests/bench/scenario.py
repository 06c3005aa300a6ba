# SPDX-License-Identifier: Apache-2.0
"""A scenario: who competes, how one of them is measured once, what of it is shown. And the running of it, in turns.

Every round measures every contestant once; the next round begins with another one. A ratio is taken within a round,
between two measurements that lie next to each other in time, and the median over the rounds is what counts: what else
the machine does falls on both.
"""
import random
import statistics
import time
from dataclasses import dataclass, field

import measure
import servers
import settings

# A metric's column: heading, format, and whether a ratio of two of them says something.
METRICS = {
    "rps": ("req/s", "{:,.0f}", True),
    "conn_s": ("conn/s", "{:,.0f}", True),
    "cpu_us": ("CPU µs/req", "{:.1f}", True),
    "p50_ms": ("p50 ms", "{:.2f}", True),
    "p99_ms": ("p99 ms", "{:.2f}", True),
    "p999_ms": ("p99.9 ms", "{:.2f}", False),
    "max_ms": ("max ms", "{:.1f}", False),
    "slow_p99_ms": ("p99 of the 50 ms ms", "{:.1f}", False),
    "seconds": ("all done s", "{:.2f}", True),
    "failed": ("failed", "{:,.0f}", False),
    "answered": ("answered", "{:,.0f}", False),
    "lost_50": ("lost of 30,000, 50 connections", "{:,.0f}", False),
    "lost_500": ("lost of 5,000, 500 connections", "{:,.0f}", False),
    **{f"threads_{n}": (f"µs/req, {n:,} threads", "{:.1f}", True) for n in (10, 50, 200, 1000)},
    "threads_flat": ("1,000 : 10", "{:.2f}", False),
    "lost": ("lost", "{:,.0f}", False),
    "retryable": ("retryable", "{:,.0f}", False),
    "refused": ("refused", "{:,.0f}", False),
    "held": ("held", "{:,.0f}", False),
    "free_http_p99": ("http p99 before", "{:.2f}", False),
    "http_p99": ("http p99 beside", "{:.2f}", False),
    "free_https_p99": ("https p99 before", "{:.2f}", False),
    "https_p99": ("https p99 beside", "{:.2f}", False),
    "threads_more": ("threads more", "{:+.0f}", False),
    "kb_conn": ("KB/conn", "{:.1f}", True),
    "mb_100": ("MB more", "{:.1f}", True),
    "mb_all": ("MB in all", "{:.1f}", True),
    "kept": ("KB/conn kept", "{:.1f}", False),
    "cpu_100": ("µs/req, 100 idle", "{:.1f}", True),
    "cpu_5000": ("µs/req, 5000", "{:.1f}", True),
    "cpu_50000": ("µs/req, 50000", "{:.1f}", True),
    "flat": ("50000 : 100", "{:.2f}", False),
    "strangers": ("others %", "{:.0f}", False),
}
NOISY_PERCENT = 5
PAIRS = [("hybrid", m) for m in ("event", "worker", "prefork", "nginx")]


@dataclass
class Scenario:
    """`measure(server)` returns {metric: number}; `contestants()` the variants; `fresh`: a new server each time."""
    name: str
    title: str
    method: str
    contestants: callable
    measure: callable
    columns: list
    pairs: list = field(default_factory=lambda: PAIRS)
    fresh: bool = False
    together: callable = None       # instead of measure: of new servers, all at once; {row: {metric: number}}
    default: bool = True
    rounds: callable = lambda: settings.ROUNDS
    around: callable = None         # a context that the whole scenario runs in; its value is given to contestants()
    warm: callable = None           # run once with each server that is kept
    seconds: callable = lambda: settings.SECONDS
    pairwise: bool = False          # together: not all at once, but the two of each pair


def everyone(*without, **options):
    """A variant for each server that is to be compared."""
    return [servers.Variant(m, m, **{k: v for k, v in options.items() if m != "nginx" or k in ("cores", "port_conf")})
            for m in ("hybrid", "event", "worker", "prefork", "nginx") if m not in without and servers.available(m)]


def wanted(variants):
    return [v for v in variants if not settings.MPMS or v.mpm in settings.MPMS]


class Run:
    """One run of one scenario. `values`: {variant: {metric: [one number a round]}}. `complaints` are what the servers'
    logs and ends gave cause to; `faults` those of them that are ours to mend."""

    def __init__(self, scenario, say):
        self.scenario, self.say = scenario, say
        self.values, self.complaints, self.faults, self._open = {}, [], [], []

    def go(self):
        if self.scenario.around:
            with self.scenario.around() as value:
                return self._rounds(wanted(self.scenario.contestants(value)))
        return self._rounds(wanted(self.scenario.contestants()))

    def _rounds(self, variants):
        self.values = {v.name: {} for v in variants}
        if self.scenario.together:
            return self._together(variants)
        try:
            kept = {} if self.scenario.fresh else {v.name: self._start(v) for v in variants}
            if self.scenario.warm:
                for server in kept.values():
                    self.scenario.warm(server)
            for number in range(self.scenario.rounds()):
                turn = number % max(1, len(variants))
                for variant in variants[turn:] + variants[:turn]:
                    self.say(f"round {number + 1}: {variant.name}")
                    self._once(variant, kept.get(variant.name))
        finally:
            for server in self._open:
                self._close(server)
        return self

    def _groups(self, variants, number):
        """Who runs beside whom: everybody, or each pair by itself. In another order each round."""
        if not self.scenario.pairwise:
            return [random.sample(variants, len(variants))] if variants else []
        by_name = {v.name: v for v in variants}
        return [[by_name[name] for name in (pair if number % 2 == 0 else pair[::-1])]
                for pair in self.scenario.pairs if all(name in by_name for name in pair)]

    def _together(self, variants):
        """Where the memory of a process happens to lie makes a difference, too: each round is one of new processes."""
        for number in range(self.scenario.rounds()):
            for group in self._groups(variants, number):
                self.say(f"round {number + 1}: {', '.join(v.name for v in group)}")
                try:
                    for row, figures in self.scenario.together([self._start(v) for v in group]).items():
                        for metric, value in figures.items():
                            self.values.setdefault(row, {}).setdefault(metric, []).append(value)
                finally:
                    for server in self._open:
                        self._close(server)
                    self._open = []
        self.values = {row: figures for row, figures in self.values.items() if figures}
        return self

    def _close(self, server):
        found = server.close()
        self.complaints += found
        if server.variant.mpm == "hybrid":
            self.faults += found

    def _start(self, variant):
        server = variant.make(servers.root_for(variant))
        self._open.append(server)
        return server.start()

    def _once(self, variant, server):
        fresh = server is None
        if fresh:
            server = self._start(variant)
        try:
            for metric, value in self._quietest(server).items():
                self.values[variant.name].setdefault(metric, []).append(value)
        finally:
            if fresh:
                self._open.remove(server)
                self._close(server)

    def _quietest(self, server):
        """One measurement; where retries are asked for, the one in which others took least of the server's core."""
        best = self._watched(server)
        retries = 0 if self.scenario.fresh else settings.RETRIES
        while retries and best.get("strangers", 0) > NOISY_PERCENT:
            again = self._watched(server)
            best = min(best, again, key=lambda r: r.get("strangers", 0))
            retries -= 1
        return best

    def _watched(self, server):
        """The measurement, and how much of the server's first core others took meanwhile."""
        strangers = measure.Strangers(settings.SERVER_CORES, lambda: measure.cpu_seconds(server.pid))
        alone = server.variant.cores == 1 and settings.LOAD_CORES != settings.SERVER_CORES
        result = self.scenario.measure(server)
        if alone:
            result["strangers"] = strangers.percent()
        return result

    def result(self):
        """What is kept of it, for JSON."""
        return {"title": self.scenario.title, "together": bool(self.scenario.together), "method": self.scenario.method, "columns": self.scenario.columns,
                "pairs": self.scenario.pairs, "values": self.values, "complaints": self.complaints,
                "rounds": self.scenario.rounds(), "seconds": self.scenario.seconds(),
                "when": time.strftime("%Y-%m-%d %H:%M")}


def medians(result):
    """{variant: {metric: median}}"""
    return {name: {m: statistics.median(v) for m, v in metrics.items()} for name, metrics in result["values"].items()}


def ratios(result):
    """[(label, {metric: (median, lowest, highest) of the rounds' ratios})] for the pairs that were measured."""
    out = []
    for one, other in result["pairs"]:
        a, b = result["values"].get(one), result["values"].get(other)
        if not a or not b:
            continue
        row = {}
        for metric in result["columns"]:
            if metric not in a or metric not in b or not METRICS[metric][2]:
                continue
            each = [x / y for x, y in zip(a[metric], b[metric]) if y]
            if each:
                row[metric] = (statistics.median(each), min(each), max(each))
        out.append((f"{one} : {other}", row))
    return out


def confidence(result, one, other, metric):
    """Between what the median of a ratio lies with 95 %, by drawing the rounds anew; None where it was not measured."""
    a, b = (result["values"].get(v, {}).get(metric) for v in (one, other))
    each = [x / y for x, y in zip(a or [], b or []) if y]
    if len(each) < 5:
        return None
    dice = random.Random(1)
    drawn = sorted(statistics.median(dice.choices(each, k=len(each))) for _ in range(2000))
    return drawn[50], drawn[-51]


def ratio(result, one, other, metric):
    """Median over the rounds of one metric's ratio between two variants; None where it was not measured."""
    a, b = (result["values"].get(v, {}).get(metric) for v in (one, other))
    each = [x / y for x, y in zip(a or [], b or []) if y]
    return statistics.median(each) if each else None


def noisy(result):
    """The highest median share of the server's core that others took beside a contestant, where it is too much."""
    worst = max((m.get("strangers", 0) for m in medians(result).values()), default=0)
    return worst if worst > NOISY_PERCENT else 0
