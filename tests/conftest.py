"""Fixtures of every tier: a stand-in for GitHub and relays that talk to it."""
from __future__ import annotations

from typing import Any, Callable, Iterator, Optional

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.relay import BINARY, Relay
from tests.support.relay_config import base_config, merged


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """Leaves each phase's report on the test, so that fixtures know whether it failed."""
    outcome: Any = yield
    report = outcome.get_result()
    setattr(item, "report_" + report.when, report)


def _failed(request: Any) -> bool:
    return any(getattr(getattr(request.node, "report_" + when, None), "failed", False) for when in ("setup", "call"))


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """GitHub with the repository acme/kospi, whose runs succeed at once."""
    with StandIn() as github:
        github.set(queued_s=0, in_progress_s=0)
        yield github


@pytest.fixture
def make_relay(request: Any, standin: StandIn) -> Iterator[Callable[..., Relay]]:
    """Makes relays that are not started yet; their logs are printed when the test fails."""
    assert BINARY.exists(), f"{BINARY} is not built"
    made: list[Relay] = []

    def make(changes: Optional[dict[str, Any]] = None, *, text: Optional[str] = None,
             env: Optional[dict[str, str]] = None, env_only: bool = False, before_exec: Any = None) -> Relay:
        relay = Relay(env=env, before_exec=before_exec)
        made.append(relay)
        if not env_only:
            relay.write_config(text or merged(base_config(relay.folder, standin.url, TOKEN), changes))
        return relay

    yield make
    if _failed(request):
        for relay in made:
            print(f"\n=== log of {relay.folder}\n{relay.log_tail()}")
        print(f"\n=== judge\n{standin.judge()}")
    faults = []
    for relay in made:
        try:
            relay.close()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture
def relay(make_relay: Callable[..., Relay]) -> Relay:
    """A running relay with the base config."""
    return make_relay().start()
