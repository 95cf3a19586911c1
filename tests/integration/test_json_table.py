"""Every text of json_cases, as a value that nobody reads in a body that is signed and good else: taken with 202 and its one
decision, or refused with 400 and where; nothing between, and the relay lives on with the memory it had.
"""
from __future__ import annotations

from collections import Counter

from tests.support.grafana_bodies import alert, grafana_body
from tests.support.json_cases import REFUSED, TAKEN, all_cases
from tests.support.relay import SANITIZED, Relay


def test_what_is_json_is_taken_and_what_is_not_is_refused(relay: Relay) -> None:
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases) >= 318  # as many as the best known public suite has
    assert all(case.relay == {"y": TAKEN, "n": REFUSED}.get(case.standard, case.relay) for case in cases)
    before = relay.rss_kib()
    faults, seen = [], Counter[str]()
    for number, case in enumerate(cases):
        body = grafana_body(alert(f"m{number}"))
        assert body.endswith(b"}")
        answer = relay.post(body[:-1] + b',"extra":' + case.text + b"}")
        seen[f"{case.standard}: {answer.status}"] += 1
        if answer.status != (202 if case.relay == TAKEN else 400):
            faults.append(f"{case.name}: {case.text[:60]!r}: {answer.status} {answer.body[:200]!r}")
        elif case.relay == REFUSED and "line " not in answer.json()["detail"]:
            faults.append(f"{case.name}: it does not say where: {answer.body[:200]!r}")
    print(f"{len(cases)} texts: " + ", ".join(f"{what} × {n}" for what, n in sorted(seen.items())))
    assert not faults, "\n".join(faults)
    taken = sum(1 for case in cases if case.relay == TAKEN)
    assert relay.metrics().sum("drift_relay_alerts_total") == taken
    assert SANITIZED or relay.rss_kib() - before < 16 * 1024
