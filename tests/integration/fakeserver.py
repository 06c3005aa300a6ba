# SPDX-License-Identifier: Apache-2.0
"""Servers that answer mpmstats as no apache2 would, and the status documents they answer with.

`FakeServer` speaks HTTP(S) on 127.0.0.1 or a unix-domain socket; what a path answers is an `Answer`.
`RawServer` gives a connection to a function, for what is no HTTP at all. Both are context managers.
"""
import json
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler

from httpd import REPO

_STATES = {"_": "idle", "S": "starting", "R": "reading", "W": "writing", "K": "keepalive", "C": "closing", "G": "finishing"}


_PHASES = ["head", "queue", "handler", "write", "total", "tls_handshake", "keepalive_gap"]


def _latency(count):
    return {"count": count, "sum_us": count * 1500, "p50_us": 1000, "p90_us": 4000, "p99_us": 8000, "p999_us": 8100, "max_us": 8190}


def document(**changes):
    """A status document of a busy server on mpm_hybrid. `changes` replace members by path: totals__saturated=True."""
    boards = ["_W_K__R.", "WWWWWWWW", "_S__G_._"]
    kinds = ["new", "handshake", "head", "body", "keepalive", "running", "write", "linger", "suspended", "waitio"]
    processes, workers = [], []
    for slot, board in enumerate(boards):
        busy = sum(letter in "RWKDCL" for letter in board)
        processes.append({
            "slot": slot, "pid": 4000 + slot, "generation": 2, "state": ["ready", "not_accepting", "quiescing"][slot],
            "started_us": 1_700_000_100_000_000, "connections": 40 + slot,
            "connections_by_state": {kind: slot + i for i, kind in enumerate(kinds)},
            "workers": {"busy": busy, "idle": board.count("_"), "max": 8}, "scoreboard": board,
            "workers_peak": 8, "accepted": 1000, "dispatched": 3000, "promotions": 7, "shed": 0})
        for thread, letter in enumerate(board):
            if letter == ".":
                continue
            workers.append({
                "slot": slot, "thread": thread, "pid": 4000 + slot, "generation": 2, "state": letter,
                "state_name": _STATES[letter], "since_us": (slot + 1) * 1_000_000 + thread * 1000, "requests": 10, "bytes": 5000,
                "client": f"192.0.2.{thread}", "vhost": f"v{slot}.example.org", "protocol": "http/1.1",
                "request": f"GET /{slot}/{thread} HTTP/1.1", "last_duration_us": 1500})
    out = {
        "schema": 1,
        "server": {"version": "Apache/2.4.71 (Debian)", "built": "2026-01-01T00:00:00", "name": "www.example.org:80",
                   "mpm": "hybrid", "model": "event", "pid": 3999, "generation": 2, "config_generation": 3,
                   "now_us": 1_700_090_000_123_456, "started_us": 1_700_000_000_000_000,
                   "restarted_us": 1_700_080_000_000_000, "counters_since_us": 1_700_000_000_000_000,
                   "uptime_s": 90000, "threaded": True, "async": True, "extended_status": True,
                   "load1": 0.42, "load5": 1.5, "load15": 2.25},
        "limits": {"max_request_workers": 40, "server_limit": 5, "thread_limit": 64, "threads_per_child": 8,
                   "min_spare_threads": 5, "max_spare_threads": 20, "max_connections_per_child": 0, "start_servers": 2,
                   "concurrency": 1, "connections_per_process": 200},
        "totals": {"processes": 3, "processes_quiescing": 1,
                   "workers_busy": sum(p["workers"]["busy"] for p in processes),
                   "workers_idle": sum(p["workers"]["idle"] for p in processes), "workers_starting": 1,
                   "workers_finishing": 1,
                   "connections": 123, "requests": 1_234_567, "bytes": 10 * 2**30, "saturated": False,
                   "connections_by_state": {kind: 10 + i for i, kind in enumerate(kinds)}},
        "processes": processes,
        "workers": workers,
        "latency": {phase: {**_latency(3000), "buckets": [[1023, 2000], [8191, 1000]]} for phase in _PHASES},
        "vhosts": [{"name": f"v{i}.example.org:80", "retired": False, "requests": 1000 - i, "in_flight": i, "in_flight_peak": 9,
                    "responses_2xx": 900, "responses_5xx": 100 - i, "sent_bytes": 2**20,
                    "latency": {phase: _latency(1000) for phase in _PHASES[:5]}} for i in range(3)],
        "handlers": [{"name": "default-handler", "busy": 2, "busy_peak": 7, "requests": 3000, "time_us": 9_000_000, "longest_us": 800_000}],
        "listeners": [{"address": "*:80", "queue": 0, "queue_limit": 511, "queue_peak": 12}],
        "events": [{"number": 2, "time_us": 1_700_090_000_000_000, "kind": "saturated", "words": "Saturated: 40 of 40 workers busy"},
                   {"number": 1, "time_us": 1_700_000_000_000_000, "kind": "start", "words": "Server started"}],
    }
    for path, value in changes.items():
        *levels, last = path.split("__")
        place = out
        for level in levels:
            place = place[level]
        place[last] = value
    return out


def stock_document():
    """The least a server may tell when all of it is asked for: what the schema requires and nothing else."""
    schema = json.loads((REPO / "docs" / "status.schema.json").read_text())
    schema["required"] += ["limits", "totals", "processes", "workers"]
    return _required(schema, document())


def _required(schema, value):
    if isinstance(value, list):
        return [_required(schema.get("items", {}), item) for item in value]
    if isinstance(value, dict) and "required" in schema:
        return {key: _required(schema["properties"][key], value[key]) for key in schema["required"]}
    return value


class Answer:
    """What a path answers; `body` is a str, bytes, or a document."""

    def __init__(self, body=b"", status=200, type="application/json", headers=(), chunks=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.body = body if isinstance(body, bytes) else body.encode()
        self.status, self.type, self.headers = status, type, dict(headers)
        self.chunks = chunks    # an iterator of bytes, sent without a length


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.requests.append(self)
        answer = server.answers.get(self.path.split("?")[0]) or Answer("nothing here", 404, "text/plain")
        if callable(answer):
            answer = answer(self)
        self.send_response(answer.status)
        if answer.type:
            self.send_header("Content-Type", answer.type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunks is None:
            self.send_header("Content-Length", str(len(answer.body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        try:
            self.wfile.write(answer.body)
            for chunk in answer.chunks or ():
                self.wfile.write(chunk)
        except OSError:
            self.close_connection = True

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_):
        pass


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class FakeServer:
    def __init__(self, answers, socket_path=None, certificate=None):
        """`answers`: {path: Answer, or a function of the request handler}; `certificate`: (file, key file) for https."""
        self.socket_path = socket_path
        self.scheme = "https" if certificate else "http"
        self.server = _Unix(str(socket_path), _Handler) if socket_path else _Tcp(("127.0.0.1", 0), _Handler)
        self.server.answers = answers
        self.server.requests = []
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def requests(self):
        return self.server.requests

    @property
    def port(self):
        return self.server.server_address[1]

    def url(self, path="/mpm-status"):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


class RawServer:
    """Calls `talk(socket)` for each connection and closes it."""

    def __init__(self, talk):
        self.talk = talk
        self.listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection:
            try:
                self.talk(connection)
            except OSError:
                pass

    def url(self, path="/mpm-status"):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}{path}"
