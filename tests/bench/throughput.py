# SPDX-License-Identifier: Apache-2.0
"""Scenarios of steady load: requests a second, CPU time of the server for each, latencies."""
import loads
import measure
import settings
from scenario import PAIRS, Scenario, everyone
from servers import Variant, shipped_layout

HTTP_COLUMNS = ["rps", "cpu_us", "p50_ms", "p99_ms", "p999_ms", "max_ms", "failed", "strangers"]
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


def _wrk_scenario(name, title, path, connections, what, workers=150, tls=False, contestants=None, **options):
    def measured(server):
        return _wrk(server, path, connections, tls=tls)

    def warm(server):
        url = f"https://127.0.0.1:{server.tls_port}" if tls else f"http://127.0.0.1:{server.port}"
        loads.wrk(url + path, connections, 1)
    return Scenario(name, title, f"wrk, one thread, {connections} connections. {what} {_PINNED}",
                    contestants or (lambda: everyone(workers=workers)), measured, HTTP_COLUMNS, warm=warm, **options)


def _keepalive(connections, workers):
    layout = "Each MPM's configuration as shipped (Debian's; ours sets nothing), MaxKeepAliveRequests 0; `hybrid, " \
        "event's` has the one of event."
    if workers != 150:
        layout += f" MaxRequestWorkers {workers} for all, so that worker and prefork have one for each connection."

    def contestants():
        as_event = Variant("hybrid, event's", "hybrid", mpm_conf=shipped_layout("event", workers))
        return [*everyone(workers=workers), as_event]
    return _wrk_scenario(f"keepalive-{connections}", f"1 KB static file, {connections} keep-alive connections",
                         "/1k.bin", connections, layout, contestants=contestants,
                         pairs=[*PAIRS, ("hybrid, event's", "event")])


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


def _h2(server):
    def run():
        r = loads.h2load(f"https://127.0.0.1:{server.tls_port}/1k.bin", 16, 10, settings.SECONDS, server.root)
        return {**{k: r[k] for k in ("rps", "p50_ms", "p99_ms", "p999_ms", "max_ms")}, "failed": r["errors"]}, r["requests"]
    return _with_cpu(server, run)


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


def _threads(per_child):
    return {"StartServers": 1, "ServerLimit": max(1, 100 // per_child), "ThreadLimit": per_child,
            "ThreadsPerChild": per_child, "MinSpareThreads": 2, "MaxSpareThreads": 2 * per_child,
            "MaxRequestWorkers": max(per_child, 100)}


# What is loaded, and what it is told.
_STATS = (("without", (), ""), ("as loaded", ("mpmstats",), ""), ("counting only", ("mpmstats",), "ExtendedStatus Off"),
          ("mod_status", ("status",), "ExtendedStatus On"))
_STATS_CONNECTIONS, _STATS_REQUESTS = 64, 1000


def _stats():
    """Differences of a percent, on machines whose speed changes by ten: in turns of some 30 ms."""
    def measured(servers):
        loads.turns(servers, _STATS_CONNECTIONS, _STATS_REQUESTS, 0.5)      # they start their processes and threads
        us, _ = loads.turns(servers, _STATS_CONNECTIONS, _STATS_REQUESTS, 3 * settings.SECONDS)
        return {server.name: {"cpu_us": one} for server, one in zip(servers, us)}

    def scenario(mpm, name, default):
        return Scenario(
            name, f"What mod_mpmstats costs on {mpm}, beside mod_status and neither",
            f"turns.c: {_STATS_CONNECTIONS} keep-alive connections to each server, which get load in turns of {_STATS_REQUESTS} "
            "requests for a 1 KB static file each; the median of a server's turns is its CPU time, a ratio is one of two "
            "servers in the same round, each round has new processes. `counting only` is with ExtendedStatus Off, mod_status "
            f"with On as always. {_PINNED}",
            lambda: [Variant(f"{mpm} {what}", mpm, modules=modules, conf=conf) for what, modules, conf in _STATS],
            None, ["cpu_us"], together=measured, default=default, rounds=lambda: max(10, settings.ROUNDS),
            seconds=lambda: 3 * settings.SECONDS,
            pairs=[(f"{mpm} {a}", f"{mpm} {b}") for a, b in (("as loaded", "without"), ("counting only", "without"),
                   ("mod_status", "without"), ("as loaded", "mod_status"))])
    return [scenario("hybrid", "stats", True), scenario("event", "stats-event", False)]


SCENARIOS = [
    _keepalive(16, 150),
    _keepalive(64, 150),
    _keepalive(512, 600),
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
    Scenario("h2", "HTTP/2 over TLS: 16 connections, 10 streams each, 1 KB static file", f"h2load. {_PINNED}",
             lambda: everyone("prefork", modules=("http2",), conf="Protocols h2 http/1.1"), _h2, HTTP_COLUMNS, warm=_h2),
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
    _wrk_scenario("threads", "ThreadsPerChild from 2 to 1000: 64 keep-alive connections", "/1k.bin", 64,
                  "MaxRequestWorkers 100, or ThreadsPerChild where that is more.", default=False,
                  pairs=[(f"hybrid, {n}", f"event, {n}") for n in (2, 25, 100, 1000)],
                  contestants=lambda: [Variant(f"{mpm}, {n}", mpm, mpm_conf=_threads(n))
                                       for mpm in ("hybrid", "event") for n in (2, 25, 100, 1000)]),
]
