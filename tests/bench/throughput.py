# SPDX-License-Identifier: Apache-2.0
"""Scenarios of steady load: requests a second, CPU time of the server for each, latencies."""
import loads
import measure
import settings
from scenario import PAIRS, Scenario, everyone
from servers import Variant, shipped_layout

HTTP_COLUMNS = ["rps", "cpu_us", "p50_ms", "p99_ms", "p999_ms", "max_ms", "failed", "strangers"]
_H2_RATE = 6000
_H2_LOST = {50: 30000, 500: 5000}       # connections: requests
_PINNED = "Server on one core, generator on another. CPU is that of all processes of the server, user and system."


def _with_cpu(server, run):
    """run() -> (report, number of requests); the report's figures with the CPU each request took."""
    before = measure.cpu_seconds(server.pid)
    report, requests = run()
    used = measure.cpu_seconds(server.pid) - before
    return {"cpu_us": used / requests * 1e6 if requests else 0.0, **report}


def _wrk(server, path, connections, tls=False, headers=()):
    url = f"https://127.0.0.1:{server.tls_port}" if tls else f"http://127.0.0.1:{server.port}"

    def run():
        r = loads.wrk(url + path, connections, settings.SECONDS, headers)
        return {**{k: r[k] for k in ("rps", "p50_ms", "p99_ms", "p999_ms", "max_ms")}, "failed": r["errors"]}, r["requests"]
    return _with_cpu(server, run)


def _wrk_scenario(name, title, path, connections, what, tls=False, contestants=everyone, **options):
    def measured(server):
        return _wrk(server, path, connections, tls=tls)

    def warm(server):
        url = f"https://127.0.0.1:{server.tls_port}" if tls else f"http://127.0.0.1:{server.port}"
        loads.wrk(url + path, connections, 1)
    return Scenario(name, title, f"wrk, one thread, {connections} connections. {what} {_PINNED}",
                    contestants, measured, HTTP_COLUMNS, warm=warm, **options)


def _keepalive(connections):
    def contestants():
        return [*everyone(), *_ours_otherwise()]
    return _wrk_scenario(f"keepalive-{connections}", f"1 KB static file, {connections} keep-alive connections",
                         "/1k.bin", connections, "Each MPM's configuration as shipped (Debian's; ours sets nothing); `hybrid, "
                         "event's` has the one of event, `hybrid, mod_status too` both modules of statistics.",
                         contestants=contestants,
                         pairs=[*PAIRS, ("hybrid, mod_status too", "event"), ("hybrid, event's", "event")])


def _ours_otherwise():
    """hybrid with event's directives, and as it is where nobody has disabled mod_status."""
    both = [Variant("hybrid, mod_status too", "hybrid", modules=("status",))] if settings.SET == "installed" else []
    return [*both, Variant("hybrid, event's", "hybrid", mpm_conf=shipped_layout("event"))]


def _mixed(server):
    def run():
        r = loads.load(64, [f"http:{server.port}/1k.bin*9", f"http:{server.port}/test/sleep?ms=50*1"],
                       seconds=settings.SECONDS)
        fast, slow = r["targets"]
        total = fast["answered"] + slow["answered"]
        return {"rps": total / r["seconds"], "p50_ms": fast["p50_ms"], "p99_ms": fast["p99_ms"],
                "p999_ms": fast["p999_ms"], "max_ms": fast["max_ms"], "slow_p99_ms": slow["p99_ms"],
                "failed": r["failed"]}, total
    return _with_cpu(server, run)


def _short(server, tls=False):
    target = f"https:{server.tls_port}/1k.bin" if tls else f"http:{server.port}/1k.bin"

    def run():
        r = loads.load(16, [target], seconds=settings.SECONDS, once=True)
        return {"conn_s": r["answered"] / r["seconds"], **{k: r["targets"][0][k] for k in
                ("p50_ms", "p99_ms", "p999_ms", "max_ms", "failed")}}, r["answered"]
    return _with_cpu(server, run)


def _h2_everyone():
    """Those that speak HTTP/2: mod_http2 does not under prefork."""
    return everyone("prefork", modules=("http2",))


def _h2(connections, streams):
    def measured(server):
        def run():
            r = loads.h2load(f"https://127.0.0.1:{server.tls_port}/1k.bin", connections, streams, server.root,
                             requests=round(settings.SECONDS * _H2_RATE))
            return {**{k: r[k] for k in ("rps", "p50_ms", "p99_ms", "p999_ms", "max_ms")}, "failed": r["errors"]}, r["requests"]
        return _with_cpu(server, run)
    return Scenario(f"h2-m{streams}-{connections}", f"HTTP/2 over TLS: {connections} connections with {streams} "
                    f"stream{'s' * (streams > 1)} at once each, 1 KB static file",
                    f"h2load, {_H2_RATE:,} requests for each second of a measurement on new connections. Each as shipped. {_PINNED}",
                    _h2_everyone, measured, HTTP_COLUMNS, warm=measured)


def _h2_lost(server):
    url = f"https://127.0.0.1:{server.tls_port}/1k.bin"
    return {f"lost_{c}": loads.h2load(url, c, 1, server.root, requests=n)["errors"] for c, n in _H2_LOST.items()}


def _proxies(origin):
    conf = f"ProxyPass /proxied/ http://127.0.0.1:{origin.port}/ keepalive=On"
    nginx = f"upstream origin {{ server 127.0.0.1:{origin.port}; keepalive 64; }}|location /proxied/ {{ " \
            "proxy_pass http://origin/; proxy_http_version 1.1; proxy_set_header Connection \"\"; }"
    return everyone(conf=conf, modules=("proxy_http",), port_conf=nginx)


def _scaled():
    conf = "SetOutputFilter DEFLATE\nDeflateCompressionLevel 6"
    nginx = "|gzip on;"
    return [Variant(f"{v.mpm}, {n} core{'s' * (n > 1)}", v.mpm, conf="" if v.mpm == "nginx" else conf, cores=n,
                    modules=() if v.mpm == "nginx" else ("deflate",), port_conf=nginx if v.mpm == "nginx" else "")
            for v in everyone() for n in (1, 2)] if len(settings.CORES) > 1 else []


def _scaling(server):
    return _wrk(server, "/text.txt", 32, headers=("Accept-Encoding: gzip",))


def _vhosts(number):
    return "".join(f"<VirtualHost 127.0.0.1:${{PORT}}>\nServerName v{i}.localhost\n</VirtualHost>\n"
                   for i in range(number))


def _idle_threads(mpm, whose, number):
    """One process with so many threads, those of mod_http2 included, on connections that leave nearly all of them idle."""
    own = 10 if whose == "mod_http2's" else number
    h2 = max(1, number - own)
    return Variant(f"{mpm}, {whose}, {number}", mpm, modules=("status", "http2"),
                   mpm_conf={"StartServers": 1, "ServerLimit": 1, "ThreadLimit": own, "ThreadsPerChild": own, "MinSpareThreads": own,
                             "MaxSpareThreads": 2 * own, "MaxRequestWorkers": own, "AsyncRequestWorkerFactor": 10},
                   conf=f"ExtendedStatus On\nH2MinWorkers {h2}\nH2MaxWorkers {h2}")


_IDLE_THREADS = (10, 50, 200, 1000)
_WHOSE = [(mpm, whose) for whose in ("own workers", "mod_http2's") for mpm in ("hybrid", "event")]


def _beside_threads(servers):
    """All at once, in turns; a row for each kind of server, a column for each number of threads."""
    loads.turns(servers, 16, _STATS_REQUESTS, 0.5)
    us, _ = loads.turns(servers, 16, _STATS_REQUESTS, 3 * settings.SECONDS)
    rows = {f"{mpm}, {whose}": {} for mpm, whose in _WHOSE}
    for server, one in zip(servers, us):
        row, _, number = server.name.rpartition(", ")
        found = measure.thread_count(server.children())
        if not int(number) <= found <= 1.1 * int(number) + 10:
            raise RuntimeError(f"{server.name}: {found} threads")
        rows[row][f"threads_{number}"] = one
    return {name: {**row, "threads_flat": row["threads_1000"] / row["threads_10"]} for name, row in rows.items() if row}


def _http2_loaded(name, who, default):
    """`who`: servers, with modules beside those of the set."""
    return Scenario(name, f"What an HTTP/1.1 request costs on {next(iter(who))} where mod_http2 is loaded",
                    f"{_TURNS} Each as shipped, with mod_http2 and without. {_PINNED}",
                    lambda: [variant for what, more in who.items()
                             for variant in (Variant(what, what.partition(",")[0], modules=(*more, "http2")),
                                             Variant(f"{what}, no mod_http2", what.partition(",")[0], modules=more, without=("http2",)))],
                    None, ["cpu_us"], together=_in_turns, default=default, rounds=lambda: max(10, settings.ROUNDS),
                    seconds=lambda: 3 * settings.SECONDS, pairs=[(what, f"{what}, no mod_http2") for what in who])


# What is loaded, and what it is told.
_STATS = (("without", (), ""), ("as loaded", ("mpmstats",), ""), ("counting only", ("mpmstats",), "ExtendedStatus Off"),
          ("mod_status", ("status",), "ExtendedStatus On"))
_STATS_CONNECTIONS, _STATS_REQUESTS = 64, 1000
_TURNS = f"turns.c: {_STATS_CONNECTIONS} keep-alive connections to each server, which get load in turns of {_STATS_REQUESTS} " \
    "requests for a 1 KB static file each; the median of a server's turns is its CPU time, a ratio is one of two servers in the " \
    "same round, each round has new processes."


def _in_turns(servers):
    """Differences of a percent, on machines whose speed changes by ten: in turns of some 30 ms."""
    loads.turns(servers, _STATS_CONNECTIONS, _STATS_REQUESTS, 0.5)      # they start their processes and threads
    us, _ = loads.turns(servers, _STATS_CONNECTIONS, _STATS_REQUESTS, 3 * settings.SECONDS)
    return {server.name: {"cpu_us": one} for server, one in zip(servers, us)}


def _stats():
    def scenario(mpm, name, default):
        return Scenario(
            name, f"What mod_mpmstats costs on {mpm}, beside mod_status and neither",
            f"{_TURNS} `counting only` is with ExtendedStatus Off, mod_status "
            f"with On as always. {_PINNED}",
            lambda: [Variant(f"{mpm} {what}", mpm, modules=modules, without=("status", "mpmstats"), conf=conf)
                     for what, modules, conf in _STATS],
            None, ["cpu_us"], together=_in_turns, default=default, rounds=lambda: max(10, settings.ROUNDS),
            seconds=lambda: 3 * settings.SECONDS,
            pairs=[(f"{mpm} {a}", f"{mpm} {b}") for a, b in (("as loaded", "without"), ("counting only", "without"),
                   ("mod_status", "without"), ("as loaded", "mod_status"))])
    return [scenario("hybrid", "stats", True), scenario("event", "stats-event", False)]


SCENARIOS = [
    _keepalive(16),
    _keepalive(64),
    _keepalive(256),
    Scenario("mixed", "64 keep-alive connections, every tenth request sleeps 50 ms in its handler",
             "load.c; each connection draws its next request: 9 of 10 a 1 KB static file, whose latencies are shown, 1 of "
             f"10 a handler that sleeps 50 ms. Each as shipped. {_PINNED}",
             lambda: everyone("nginx", modules=("test_handlers",)), _mixed,
             ["rps", "cpu_us", "p50_ms", "p99_ms", "p999_ms", "max_ms", "slow_p99_ms", "failed", "strangers"],
             warm=_mixed),
    Scenario("short", "1 KB static file, a new connection for each request",
             f"load.c, 16 connections at once, each closed by the server after its response. {_PINNED}",
             everyone, _short,
             ["conn_s", "cpu_us", "p50_ms", "p99_ms", "p999_ms", "max_ms", "failed", "strangers"]),
    _wrk_scenario("file-100k", "100 KB static file, 64 keep-alive connections", "/100k.bin", 64, "No sendfile."),
    _wrk_scenario("tls", "1 KB static file over TLS 1.3, 64 keep-alive connections", "/1k.bin", 64, "", tls=True),
    Scenario("handshakes", "A full TLS 1.3 handshake for each request (ECDSA P-256)",
             f"load.c, 16 connections at once, no session resumption, 1 KB static file. {_PINNED} The client's side of a "
             "handshake costs more than the server's: where the generator's core is the bottleneck the CPU tells more "
             "than the rate.",
             everyone, lambda server: _short(server, tls=True),
             ["conn_s", "cpu_us", "p50_ms", "p99_ms", "p999_ms", "max_ms", "failed", "strangers"]),
    *[_h2(connections, streams) for streams in (1, 32) for connections in (16, 64)],
    Scenario("h2-lost", "HTTP/2 over TLS: requests lost under many connections, one stream at a time",
             "h2load; " + ", ".join(f"{n:,} requests over {c} connections" for c, n in _H2_LOST.items()) + ". Each as shipped.",
             _h2_everyone, _h2_lost, [f"lost_{c}" for c in _H2_LOST], pairs=[]),
    _wrk_scenario("proxied", "1 KB through mod_proxy_http, 64 keep-alive connections", "/proxied/x", 64,
                  "The origin (origin.c, keep-alive) shares the generator's core.", around=lambda: loads.Origin(1024),
                  contestants=_proxies),
    Scenario("scaling", "Two server cores against one: 100 KB of text, compressed by each request",
             "wrk, 32 connections, gzip level 6: the work is the server's, the generator needs hardly any CPU; on a machine "
             "with two cores it runs beside the server.",
             _scaled, _scaling, ["rps", "cpu_us", "p50_ms", "p99_ms", "failed"],
             pairs=[(f"{m}, 2 cores", f"{m}, 1 core") for m in ("hybrid", "event", "worker", "prefork", "nginx")],
             warm=_scaling),
    _wrk_scenario("async-head", "Reading heads without a worker, on and off: 64 keep-alive connections", "/1k.bin", 64,
                  "MPMAsyncHead On and Off.", pairs=[("head on", "head off")],
                  rounds=lambda: max(6, settings.ROUNDS),
                  contestants=lambda: [Variant("head on", "hybrid", conf="MPMAsyncHead On"),
                                       Variant("head off", "hybrid", conf="MPMAsyncHead Off")]),
    *_stats(),
    _wrk_scenario("vhosts", "500 virtual hosts against one: 64 keep-alive connections", "/1k.bin", 64, "", default=False,
                  pairs=[(f"{mpm}, 500 vhosts", f"{mpm}, 1 vhost") for mpm in ("hybrid", "event")],
                  contestants=lambda: [Variant(f"{mpm}, {n} vhost{'s' * (n > 1)}", mpm, conf=_vhosts(n))
                                       for mpm in ("hybrid", "event") for n in (1, 500)]),
    _http2_loaded("http2-loaded", {"hybrid": (), "hybrid, mod_status too": ("status",)}, True),
    _http2_loaded("http2-loaded-event", {"event": ()}, False),
    Scenario("threads", "CPU per request beside 10, 50, 200 and 1,000 idle threads in the process",
             f"turns.c: 16 keep-alive connections to each of the servers, which get load in turns of {_STATS_REQUESTS} requests for "
             "a 1 KB static file. One process; ExtendedStatus On and mod_status on all. `own workers`: ThreadsPerChild and "
             "MinSpareThreads are the number, H2MinWorkers and H2MaxWorkers 1. `mod_http2's`: ThreadsPerChild 10, the others are "
             f"H2MinWorkers and H2MaxWorkers; HTTP/2 is not spoken. {_PINNED}",
             lambda: [_idle_threads(mpm, whose, n) for mpm, whose in _WHOSE for n in _IDLE_THREADS],
             None, [*(f"threads_{n}" for n in _IDLE_THREADS), "threads_flat"], together=_beside_threads, default=False,
             rounds=lambda: max(5, settings.ROUNDS), seconds=lambda: 3 * settings.SECONDS,
             pairs=[(f"hybrid, {whose}", f"event, {whose}") for whose in ("own workers", "mod_http2's")]),
]
