"""The stand-in's GitHub App: who may ask for an installation token, for what, and whose token is whose.

A JWT is verified in earnest, by `openssl dgst`; claims are judged as GitHub judges them. Tokens are of the newer form:
long, of varying length, with dots.
"""
from __future__ import annotations

import base64
import json
import secrets
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from tests.support.github_rules import DOCS, Refusal, parse_body

TOKEN_DOCS = DOCS + "/apps/apps#create-an-installation-access-token-for-an-app"
JWT_LIFE_MAX_S = 600


@dataclass
class Grant:
    """One installation token."""

    token: str
    repositories: tuple[str, ...]
    permissions: dict[str, str]
    until: float  # by the stand-in's clock

    def allows(self, repo: str) -> bool:
        """May it write to Actions of this repository?"""
        return repo.split("/")[1] in self.repositories and self.permissions.get("actions") == "write"


def new_key(folder: Path, name: str = "app-key.pem") -> str:
    """Makes a private key as GitHub hands it out (PKCS#1); its path."""
    path = folder / name
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(path), "2048"], check=True, capture_output=True)
    path.chmod(0o600)
    return str(path)


def _decode(part: str) -> bytes:
    if "=" in part or "+" in part or "/" in part:
        raise ValueError("not base64url without padding")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _unauthorized(message: str) -> Refusal:
    return Refusal(401, message, DOCS)


@dataclass
class App:
    """One App with one installation; `now` is the stand-in's clock. Any thread."""

    key_file: str
    id: str = "12345"
    installation: str = "678"
    repositories: tuple[str, ...] = ("kospi",)
    permissions: dict[str, str] = field(default_factory=lambda: {"actions": "write", "metadata": "read"})
    life_s: float = 3600
    suspended: bool = False
    unknown_for_s: float = 0  # a fresh token is a 401 for so long
    grants: list[Grant] = field(default_factory=list)
    jwts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.use_key(self.key_file)

    def use_key(self, key_file: str) -> None:
        """The App's only key from now on."""
        self._public = subprocess.run(["openssl", "pkey", "-in", key_file, "-pubout"], check=True,
                                      capture_output=True).stdout

    def _verified(self, signed: bytes, signature: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "public").write_bytes(self._public)
            (Path(folder) / "signature").write_bytes(signature)
            check = subprocess.run(["openssl", "dgst", "-sha256", "-verify", folder + "/public", "-signature",
                                    folder + "/signature"], input=signed, capture_output=True, check=False)
            return check.returncode == 0

    def _check_claims(self, claims: dict[str, Any], now: float) -> None:
        issued, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or issued > now:
            raise _unauthorized("'Issued at' claim ('iat') must be an Integer representing the time that the "
                                "assertion was issued")
        if not isinstance(ends, int) or ends <= now:
            raise _unauthorized("'Expiration time' claim ('exp') must be a numeric value representing the future time "
                                "at which the assertion expires")
        if ends > now + JWT_LIFE_MAX_S:
            raise _unauthorized("'Expiration time' claim ('exp') is too far in the future")
        if claims.get("iss") != self.id:
            raise Refusal(404, "Integration not found", DOCS)

    def check_jwt(self, jwt: str, now: float) -> None:
        """Raises unless this App signed it just now."""
        self.jwts.append(jwt)
        try:
            head, claims, signature = jwt.split(".")
            header, body = json.loads(_decode(head)), json.loads(_decode(claims))
            if header != {"alg": "RS256", "typ": "JWT"} or not isinstance(body, dict):
                raise ValueError("header")
            if not self._verified(f"{head}.{claims}".encode(), _decode(signature)):
                raise ValueError("signature")
        except ValueError:
            raise _unauthorized("A JSON web token could not be decoded") from None
        self._check_claims(body, now)

    def mint(self, installation: str, raw: bytes, now: float) -> dict[str, Any]:
        """The body of a 201."""
        if installation != self.installation:
            raise Refusal(404, "Not Found", TOKEN_DOCS)
        if self.suspended:
            raise Refusal(403, "This installation has been suspended", TOKEN_DOCS)
        asked = parse_body(raw)
        repositories = tuple(asked.get("repositories", self.repositories))
        permissions = asked.get("permissions", self.permissions)
        if any(r not in self.repositories for r in repositories):
            raise Refusal(422, "There is at least one repository that does not exist or is not accessible to the "
                          "parent installation.", TOKEN_DOCS)
        if any(self.permissions.get(name) not in (level, "write") for name, level in permissions.items()):
            raise Refusal(422, "The permissions requested are not granted to this installation.", TOKEN_DOCS)
        token = f"ghs_{self.id}_{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(390)}.{secrets.token_urlsafe(64)}"
        grant = Grant(token, repositories, permissions, now + self.life_s)
        with self._lock:
            self.grants.append(grant)
        return {"token": token, "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(grant.until)),
                "permissions": {**permissions, "metadata": "read"}, "repository_selection": "selected"}

    def grant_of(self, token: str, now: float) -> Optional[Grant]:
        """The grant whose token this is; None: unknown, over, or too new."""
        with self._lock:
            for grant in self.grants:
                if grant.token == token:
                    made = grant.until - self.life_s
                    return grant if made + self.unknown_for_s <= now < grant.until else None
        return None

    def revoke(self) -> None:
        """No token given so far is good any more."""
        with self._lock:
            for grant in self.grants:
                grant.until = 0.0
