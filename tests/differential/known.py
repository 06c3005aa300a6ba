# SPDX-License-Identifier: Apache-2.0
"""The table of known differences: where one of our models does not do what any stock server does, and why.

A difference is known when each part that differs (answers, end, script, log) is in `parts`, the model is in `models`, and the
plan's name matches `plan`. An entry that a run with the standard seed does not meet is stale, and fails the run.
"""
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    models: tuple       # event, worker, prefork
    plan: str           # a pattern that is found in the plan's name
    parts: tuple
    reason: str


KNOWN = [
    Known(("event", "worker"), r"^long-(field|line)/(?:send-[^/]*-)?short-\d+/half", ("answers", "log"),
          "A line or field that is longer than its limit is refused with httpd's text for that when the limit is passed. Stock has it "
          "when the line's end comes, and says no more than 400 where the client's end comes first."),
    Known(("event", "worker", "prefork"), r"^chunk-too-long/(?:send-[^/]*-)?short-\d+/half", ("answers", "log"),
          "A chunk's size that no number holds is refused with 413, as stock does where the line goes on; stock says 400 where the client's end "
          "comes with it."),
]


def reason(model, plan, parts):
    """The entry that explains it, else None."""
    for entry in KNOWN:
        if model.removeprefix("hybrid-") in entry.models and parts <= set(entry.parts) and re.search(entry.plan, plan.name):
            return entry
    return None
