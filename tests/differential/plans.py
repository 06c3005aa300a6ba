# SPDX-License-Identifier: Apache-2.0
"""How the bytes of a Talk are sent: in which pieces, with which pauses, and how the client's side ends.

A Plan is a list of steps (pause before it in seconds, what, data):

  send     these bytes in one write (over TLS: one record each 16 KB)
  split    the same, over TLS with a pause in the middle of what is on the wire; over TCP in two pieces
  await    the server's answer up to this text
  half     FIN, without TLS's close_notify; reading goes on
  notify   TLS's close_notify, then FIN; reading goes on
  reset    RST

`hello` is the share of the ClientHello that is sent before a pause (1: no pause).
"""
from dataclasses import dataclass

PAUSE = 0.05            # long enough for the server to have read what came before, unless the machine is starved
ENDS = ("stay", "half", "late-half", "late-reset")
TRANSPORTS = ("tcp", "tls")


@dataclass(frozen=True)
class Plan:
    name: str
    talk: object
    transport: str      # tcp, tls
    port: str           # the listener: a key of servers.PORTS
    steps: tuple
    hello: float = 1.0

    @property
    def resets(self):
        return any(kind == "reset" for _, kind, _ in self.steps)

    @property
    def leaves(self):
        """Whether the client ends the connection in one of its ways."""
        return any(kind in ("half", "notify", "reset") for _, kind, _ in self.steps)

    def __str__(self):
        sent = ", ".join(f"{pause:g}s {kind} {len(data) if kind != 'await' else data!r}" for pause, kind, data in self.steps)
        return f"{self.name}: {sent}" + (f"; {self.hello:.0%} of the ClientHello first" if self.hello < 1 else "")


def _pieces(talk, cuts, pauses, until=None, kind="send"):
    """Steps that send talk.data up to `until`, cut at `cuts`; the piece after the cut i waits pauses[i]."""
    end = len(talk.data) if until is None else until
    waits = {at: text for at, text in talk.waits.items() if at < end}
    places = sorted({c for c in cuts if 0 < c < end} | set(waits))
    steps, at = [], 0
    for number, place in enumerate([*places, end]):
        pause = pauses[(number - 1) % len(pauses)] if number and pauses else 0
        if at in waits:
            steps.append((0, "await", waits[at]))
            pause = 0
        if place > at:
            steps.append((pause, kind, talk.data[at:place]))
        at = place
    return steps


def _end(how):
    """Steps of the client's end."""
    return {"stay": [], "half": [(0, "half", b"")], "late-half": [(PAUSE, "half", b"")],
            "notify": [(0, "notify", b"")], "reset": [(0, "reset", b"")], "late-reset": [(PAUSE, "reset", b"")]}[how]


def _plan(name, talk, transport, port, steps, end, hello=1.0):
    cut = "" if hello == 1 else f"/hello-{hello:.2f}"
    return Plan(f"{talk.name}/{name}/{end}/{port}{cut}", talk, transport, port, tuple([*steps, *_end(end)]), hello)


def whole(talk, transport, port, end):
    return _plan("whole", talk, transport, port, _pieces(talk, [], []), end)


def byte_by_byte(talk, transport, port, end):
    """Without pauses: for the server they come as they come."""
    return _plan("bytes", talk, transport, port, _pieces(talk, range(len(talk.data)), [0]), end)


def cut(talk, transport, port, end, at):
    return _plan(f"cut-{at}", talk, transport, port, _pieces(talk, [at], [PAUSE]), end)


def cut_short(talk, transport, port, end, at):
    """Only the bytes before `at`; what the client does then is its end."""
    return _plan(f"short-{at}", talk, transport, port, _pieces(talk, [], [], until=at), end)


def random(talk, transport, port, rng):
    """One of all plans, by chance; most cuts are at seams, where faults are."""
    size = len(talk.data)

    def place():
        return rng.choice(talk.seams) if talk.seams and rng.random() < 0.7 else rng.randrange(1, size)

    cuts = sorted({place() for _ in range(rng.choice((1, 1, 2, 3, 8)))})
    pauses = [rng.choice((0, 0, 0.003, PAUSE)) for _ in cuts]
    end = rng.choice([*ENDS, "half", "reset"] + (["notify"] if transport == "tls" else []))
    hello = rng.uniform(0.05, 0.95) if transport == "tls" and rng.random() < 0.2 else 1.0
    until = place() if rng.random() < 0.2 else None
    kind = "split" if rng.random() < 0.3 else "send"
    name = f"{kind}-" + "-".join(f"{c}:{p:g}" for c, p in zip(cuts, pauses)) + (f"-short-{until}" if until else "")
    return _plan(name, talk, transport, port, _pieces(talk, cuts, pauses, until, kind), end, hello)
