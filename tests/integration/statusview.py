# SPDX-License-Identifier: Apache-2.0
"""What the tests of mpm-status share: servers to look at, requests that stay under way, and the JSON, checked."""
import json

import jsonschema

from clients import Client, request
from httpd import REPO, STOCK_MPMS, module_path
from procs import wait_until

MPMS = [mpm for mpm in (*STOCK_MPMS, "hybrid") if module_path("mpm_" + mpm).exists()]
CONF = """
HttpProtocolOptions Unsafe
TraceEnable Off
MPMStatsAllowHost *
<Location /t>
  SetHandler test-handlers
</Location>
<Location /deep/below/mpm-status>
  SetHandler mpm-status
</Location>
"""
SCHEMA = json.loads((REPO / "docs" / "status.schema.json").read_text())


def closed(schema):
    """The schema with every object closed: what it does not name is an error."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        out["additionalProperties"] = False
    return out


VALIDATOR = jsonschema.Draft202012Validator(closed(SCHEMA))


def checked(body):
    """The JSON as a dict, valid against the schema and in agreement with itself."""
    status = json.loads(body.decode("utf-8", errors="strict"))
    VALIDATOR.validate(status)
    assert {"limits", "totals", "processes", "workers"} <= status.keys()
    for process in status["processes"]:
        letters = "".join(w["state"] for w in status["workers"] if w["slot"] == process["slot"])
        assert letters == process["scoreboard"].replace(".", ""), process
        assert process["workers"]["busy"] == sum(letter in "RWKDCL" for letter in letters)
        assert process["workers"]["idle"] == letters.count("_")
    totals = status["totals"]
    assert len(status["workers"]) == sum(totals["workers_" + role] for role in ("busy", "idle", "starting", "finishing"))
    assert totals["processes"] == len(status["processes"])
    assert totals.get("processes_finishing", 0) == len(status.get("finishing", []))
    if "connections" in totals:
        # a process of a stock MPM that has just been forked has no record yet
        shown = sum(p.get("connections", 0) for p in status["processes"] + status.get("finishing", []))
        # prefork: some are in the lobby, which is none of these
        assert totals["connections"] >= shown if status["server"].get("model") == "prefork" else totals["connections"] == shown
    return status


def status_of(server):
    return checked(server.get("/mpm-status?json"))


def get(server, path, method="GET", **options):
    with Client(server.port) as client:
        return client.send(request(path, method, **options)).response(method)


class Busy:
    """A request to the sleeping handler that is under way until the block is left."""

    def __init__(self, server, path=b"/t/sleep", ms=3000):
        self.client = Client(server.port)
        self.client.send(b"GET " + path + b"?ms=%d HTTP/1.1\r\nHost: test.localhost\r\n\r\n" % ms)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        assert self.client.response().status == 200
        self.client.close()


def worker_with(server, text):
    """The busy worker whose request contains `text`, once there is one."""
    def look():
        status = status_of(server)
        return next(((w, status) for w in status["workers"]
                     if w["state"] == "W" and text in w.get("request", "")), None)
    return wait_until(look, 5, f"a worker running {text!r}")


def own_server(factory, mpm, modules=(), conf="", **options):
    """A server with the status pages and the sleeping handler; options as for httpd.Httpd."""
    # prefork starts one more process a second: too late for a test that needs two
    options.setdefault("mpm_conf", {"StartServers": 4} if mpm == "prefork" else {})
    return factory(mpm=mpm, modules=["test_handlers", *modules], conf=CONF + conf, **options)
