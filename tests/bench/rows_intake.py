"""The relay's intake, beside what it could be."""
from __future__ import annotations

import statistics
import threading
from typing import Iterator

from tests.bench.programs import Bare, BenchRelay, Webhook, load, loop, sync_times_us
from tests.bench.table import Row, in_turns, ratio, spread

SECONDS = 2


def intake() -> Iterator[Row]:
    """Durable notifications a second, each with a key of its own that begins a hold."""
    with Bare() as bare, Webhook() as webhook:
        for connections in (1, 8, 32, 128):
            with BenchRelay() as relay:
                options = {"connections": connections, "seconds": SECONDS}
                found = in_turns(lambda: relay.load(**options).rate, lambda: loop(10000, 0),
                                 lambda: bare.load(**options).rate,
                                 lambda: webhook.load(want=200, **options).rate)
                ours, *others = found
                for beside, values, least in zip(("HMAC + parser + rows, 64 a commit", "bare libmicrohttpd", "webhook"),
                                                 others, (0.6, 0.2, 3)):
                    # One connection cannot be batched: it waits for the disk alone.
                    yield Row(f"notifications/s, {connections} connection{'s' * (connections > 1)}", spread(ours), f"{beside}: {spread(values)}",
                              ratio(ours, values), least if connections >= 32 else None)
    yield lost()


def lost() -> Row:
    """kill -9 in the middle of a load: of the 202s, how many are not on disk."""
    with BenchRelay() as relay:
        timer = threading.Timer(1.5, relay.relay.kill9)
        timer.start()
        try:
            said = load(relay.port, want=None, connections=32, seconds=3, **relay.secret)
        finally:
            timer.join()
        relay.start()
        assert relay.relay.term() == 0
        answered, kept = int(said["status"].get("202", 0)), relay.stored()
        return Row("202s that kill -9 lost", f"{max(0, answered - kept)} of {answered:,}", target="0", met=kept >= answered)


def latency() -> Iterator[Row]:
    """From the moment a notification is due to its 202."""
    with BenchRelay() as relay:
        most = statistics.median(relay.load(connections=32, seconds=SECONDS).rate for _ in range(3))
        for name, rate, connections in (("1,000/s", 1000, 32), (f"{most / 2:,.0f}/s, half the most", most / 2, 32)):
            p99s, limits, p50s = [], [], []
            for _ in range(5):
                sync = sync_times_us(200)
                said = relay.load(connections=connections, rate=rate, seconds=3)
                p50s.append(said["p50_us"] / 1000)
                p99s.append(said["p99_us"] / 1000)
                limits.append(3 * sync[int(0.99 * len(sync))] / 1000 + 1)
            yield Row(f"latency at {name}: p50", spread(p50s, " ms", 2))
            yield Row(f"latency at {name}: p99", spread(p99s, " ms", 2),
                      f"3 × fdatasync p99 + 1 ms: {spread(limits, ' ms', 2)}", ratio(p99s, limits), most=1)
        idle, limits = [], []
        for _ in range(5):
            sync = sync_times_us(200)
            idle.append(relay.load(connections=1, rate=40, seconds=2)["p50_us"] / 1000)
            limits.append(2 * sync[len(sync) // 2] / 1000 + 0.3)
        yield Row("latency of one notification, idle: p50", spread(idle, " ms", 2),
                  f"2 × fdatasync p50 + 0.3 ms: {spread(limits, ' ms', 2)}", ratio(idle, limits), most=1)


def paths() -> Iterator[Row]:
    """What is suppressed, known, or refused."""
    options = {"connections": 32, "seconds": SECONDS}
    # Where senders fail, they are slowed down; here they may fail at will.
    with Bare() as bare, BenchRelay({"limits": {"failures": 0}}) as relay:
        relay.load(models=20, requests=2000)
        accepted, suppressed, duplicate = in_turns(
            lambda: relay.load(**options).rate, lambda: relay.load(models=20, **options).rate,
            lambda: relay.load(what="same", **options).rate)
        yield Row("suppressed/s", spread(suppressed), f"accepted/s: {spread(accepted)}", ratio(suppressed, accepted), 1.3)
        yield Row("duplicates/s", spread(duplicate), f"accepted/s: {spread(accepted)}", ratio(duplicate, accepted), 1.3)
        forged, taken = in_turns(lambda: relay.load(what="forged", want=401, **options).rate,
                                 lambda: bare.load(**options).rate)
        yield Row("wrong MACs refused/s", spread(forged), f"bare libmicrohttpd: {spread(taken)}", ratio(forged, taken), 0.7)
        large, refused = in_turns(lambda: relay.load(what="large", want=413, **options).rate,
                                  lambda: bare.load(what="large", want=413, **options).rate)
        yield Row("too large, refused/s", spread(large), f"bare libmicrohttpd: {spread(refused)}", ratio(large, refused),
                  0.7)
