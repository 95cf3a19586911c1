"""HTTPS on both listeners: what a client may speak, who is let in by certificate, and a change of certificate."""
from __future__ import annotations

import shutil
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from tests.support import http
from tests.support.grafana_bodies import grafana_body
from tests.support.relay import ROOT, Relay, signed_headers
from tests.support.wait import until

DATA = ROOT / "tests" / "data" / "tls"
EXPIRY = "drift_relay_tls_certificate_expiry_timestamp_seconds"


def _install(folder: Path, certificate: str, key: str = "server.key") -> dict[str, str]:
    """A certificate and its key where the relay finds them, each replaced whole."""
    for name, source, mode in (("tls.crt", certificate, 0o644), ("tls.key", key, 0o600)):
        new = folder / (name + ".new")
        shutil.copy(DATA / source, new)
        new.chmod(mode)
        new.replace(folder / name)
    return {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}


@pytest.fixture
def https_relay(make_relay: Callable[..., Relay]) -> Callable[..., Relay]:
    """A running relay with HTTPS on both listeners."""

    def make(changes: Optional[dict[str, Any]] = None, client_ca: Optional[str] = None) -> Relay:
        relay = make_relay(changes)
        assert isinstance(relay.config, dict)
        tls = _install(relay.folder, "server.crt")
        relay.config["admin"]["tls"] = tls
        relay.config["listen"]["tls"] = {**tls, "client_ca": client_ca}
        relay.write_config(relay.config)
        return relay.start()

    return make


def _context(certificate: str = "server.crt", client: Optional[str] = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(DATA / certificate))
    if client is not None:
        context.load_cert_chain(DATA / client, DATA / "client.key")
    return context


def _connect(port: int, context: ssl.SSLContext) -> http.Connection:
    connection = http.Connection(port, 30)
    try:
        connection.socket = context.wrap_socket(connection.socket, server_hostname="127.0.0.1")
    except BaseException:
        connection.socket.close()
        raise
    return connection


def _post(port: int, context: ssl.SSLContext, headers: Optional[dict[str, str]] = None,
          path: str = "/hooks/grafana") -> http.Answer:
    body = grafana_body()
    send = signed_headers(body) if headers is None else headers
    with _connect(port, context) as connection:
        connection.send(http.request_bytes("POST", path, send, body))
        answer = connection.answer()
    assert answer is not None
    return answer


def _admin(relay: Relay, path: str, certificate: str = "server.crt") -> bytes:
    with _connect(relay.admin_port, _context(certificate)) as connection:
        connection.send(http.request_bytes("GET", path))
        answer = connection.answer()
    assert answer is not None and answer.status == 200
    return answer.body


def test_a_signed_notification_and_a_scrape_over_https(https_relay: Callable[..., Relay]) -> None:
    relay = https_relay()
    assert _post(relay.port, _context()).status == 202
    assert _post(relay.port, _context(), {"Content-Type": "application/json"}).status == 401
    assert _admin(relay, "/healthz") == b"ok\n"
    metrics = _admin(relay, "/metrics").decode()
    for listener in ("webhook", "admin"):
        assert f'{EXPIRY}{{listener="{listener}"}} 4733510400\n' in metrics  # 2120-01-01
    # The socket stays plain: who may open it is the file's affair.
    assert relay.cli("status", "--admin", str(relay.folder / "admin.sock")).returncode == 0
    assert b"HTTP/1.1" not in relay.raw_bytes(http.request_bytes("GET", "/"))


# OpenSSL refuses the old versions and ciphers itself at its usual security level.
def _old(minimum: ssl.TLSVersion, ciphers: str = "ALL") -> ssl.SSLContext:
    context = _context()
    context.minimum_version = context.maximum_version = minimum
    context.set_ciphers(ciphers + ":@SECLEVEL=0")
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions(https_relay: Callable[..., Relay]) -> None:
    relay = https_relay()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert _post(relay.port, _old(version)).status == 202
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLZeroReturnError):  # the relay ends it
            _post(relay.port, _old(version))


def test_only_authenticated_ciphers_with_forward_secrecy(https_relay: Callable[..., Relay]) -> None:
    relay = https_relay()
    taken = set()
    for cipher in _old(ssl.TLSVersion.TLSv1_2).get_ciphers():
        if cipher["protocol"] == "TLSv1.3":
            continue
        try:
            with _connect(relay.port, _old(ssl.TLSVersion.TLSv1_2, cipher["name"])):
                taken.add(cipher["name"])
        except (ssl.SSLError, ConnectionError):
            pass
    assert taken == {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"}


def test_who_is_let_in_by_certificate(https_relay: Callable[..., Relay]) -> None:
    """One listener, four sources: what each asks of the certificate, or of a signature instead."""
    def source(name: str, *names: str) -> dict[str, Any]:
        return {"name": name, "format": "grafana", "auth": {"scheme": "mtls", "names": names or None}}

    relay = https_relay({"sources": [source("any"), source("named", "grafana.internal"), source("address", "127.0.0.1"),
                                     source("prefix", "grafana.internal.example", "grafana")]},
                        client_ca=str(DATA / "client-ca.crt"))
    cases = [
        # certificate, source, status, reason
        (None, "any", 401, "missing"), ("client.crt", "any", 202, ""),
        ("client.crt", "named", 202, ""), ("client.crt", "address", 202, ""), ("client.crt", "prefix", 401, "mismatch"),
        ("client-plain.crt", "named", 202, ""),  # no alternative name: its common name counts
        ("client-plain.crt", "address", 401, "mismatch"),
        ("client-expired.crt", "any", 401, "stale"),
        ("client-server.crt", "any", 401, "mismatch"),  # a server's certificate by the same authority
        ("client-stranger.crt", "named", 401, "mismatch"),  # the same name by another authority
    ]
    failures: dict[tuple[str, str], int] = {}
    for certificate, name, status, reason in cases:
        answer = _post(relay.port, _context(client=certificate), {"Content-Type": "application/json"}, "/hooks/" + name)
        assert answer.status == status, (certificate, name, answer.status, relay.log_tail(3))
        if status == 401:
            assert answer.headers["www-authenticate"] == "mTLS" and answer.detail == ""
            failures[name, reason] = failures.get((name, reason), 0) + 1
    metrics = _admin(relay, "/metrics").decode()
    for (name, reason), n in failures.items():
        assert f'drift_relay_auth_failures_total{{source="{name}",reason="{reason}"}} {n}\n' in metrics


def test_a_new_certificate_cuts_nobody(https_relay: Callable[..., Relay]) -> None:
    """Senders come and go while it changes: each is answered; who stays connected is too."""
    relay = https_relay()
    trusting = _context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    stop, answers, faults = threading.Event(), [], []

    def send() -> None:
        while not stop.is_set():
            try:
                answers.append(_post(relay.port, trusting).status)
            except (OSError, AssertionError) as fault:
                faults.append(fault)

    sender = threading.Thread(target=send)
    with _connect(relay.port, trusting) as old:
        body = grafana_body()
        old.send(http.request_bytes("POST", "/hooks/grafana", signed_headers(body), body, close=False))
        first = old.answer()
        assert first is not None and first.status == 202
        sender.start()
        try:
            _install(relay.folder, "renewed.crt")

            def renewed() -> bool:
                try:
                    return f'{EXPIRY}{{listener="webhook"}} 4701974400'.encode() in _admin(relay, "/metrics",
                                                                                          "renewed.crt")
                except ssl.SSLError:
                    return False

            until(renewed, 30, "the new certificate")
            body = grafana_body(groupKey="again")
            old.send(http.request_bytes("POST", "/hooks/grafana", signed_headers(body), body))
            second = old.answer()
            assert second is not None and second.status == 202
            n = len(answers)
            until(lambda: len(answers) > n, 30, "a sender after the change")
        finally:
            stop.set()
            sender.join()
    assert not faults and set(answers) == {202}
    # A key that does not fit leaves the one in force, and a good pair later is taken.
    shutil.copy(DATA / "other.crt", relay.folder / "tls.crt")
    until(lambda: "is not the key of" in relay.log_text(), 30, "the refused pair")
    assert _post(relay.port, _context("renewed.crt")).status == 202
    _install(relay.folder, "server.crt")
    until(lambda: f'{EXPIRY}{{listener="webhook"}} 4733510400'.encode() in _admin_either(relay), 30, "the good pair")


def _admin_either(relay: Relay) -> bytes:
    try:
        return _admin(relay, "/metrics", "server.crt")
    except ssl.SSLError:
        return b""


def test_a_client_that_does_not_speak_is_cut_in_time(https_relay: Callable[..., Relay]) -> None:
    relay = https_relay({"limits": {"header_time": "300ms"}})
    with socket.create_connection(("127.0.0.1", relay.port), 30) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(("127.0.0.1", relay.port), 30) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        try:
            while half.recv(4096):
                pass
        except ConnectionError:
            pass
    assert _post(relay.port, _context()).status == 202
