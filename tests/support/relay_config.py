"""Config text for drift-relay: nested Python values written as libconfig."""
from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Optional

SECRET = "whsec_canary_5b0d5e2c9a7f41f0b1f7c26a90d3e884"
TIMESTAMP_HEADER = "X-Grafana-Alerting-Signature-Timestamp"
SIGNATURE_HEADER = "X-Grafana-Alerting-Signature"


def render(value: Any, indent: int = 0) -> str:
    """One value: dict = group, list = list, the rest scalars."""
    pad = "  " * indent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        inner = "".join(f"{pad}  {k} = {render(v, indent + 1)};\n" for k, v in value.items() if v is not None)
        return "{\n" + inner + pad + "}"
    if isinstance(value, (list, tuple)):
        return "( " + ", ".join(render(v, indent + 1) for v in value) + " )"
    text = str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def config_text(config: dict[str, Any]) -> str:
    """A whole file. Keys whose value is None are left out."""
    return "".join(f"{k} = {render(v)};\n" for k, v in config.items() if v is not None)


def write_secret(folder: Path, name: str, text: str) -> str:
    """A secret file only its owner may read; returns its path."""
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def hmac_source(folder: Path, name: str = "grafana", secrets: tuple[str, ...] = (SECRET,),
                timestamp_header: str = TIMESTAMP_HEADER) -> dict[str, Any]:
    """A Grafana source with its secret files."""
    files = [write_secret(folder, f"{name}-secret-{i}", s) for i, s in enumerate(secrets)]
    return {"name": name, "format": "grafana",
            "auth": {"scheme": "grafana-hmac", "secret_files": files, "timestamp_header": timestamp_header}}


def base_config(folder: Path, api_url: str, token: str) -> dict[str, Any]:
    """One Grafana source, one target at the stand-in, one route: label action=retrain, key model."""
    (folder / "state").mkdir(exist_ok=True)
    return {
        "listen": {"address": "127.0.0.1", "port": 0},
        "admin": {"address": "127.0.0.1", "port": 0, "socket": str(folder / "admin.sock")},
        "store": {"path": str(folder / "state" / "relay.db")},
        "stop_file": str(folder / "state" / "stop"),
        "check_online": False,
        "sources": [hmac_source(folder)],
        "targets": [{"name": "retrain", "repository": "acme/kospi", "workflow": "retrain.yml", "ref": "main",
                     "token_file": write_secret(folder, "github-token", token), "api_url": api_url}],
        "routes": [{"name": "kospi", "match": ["action=retrain"], "key": ["model"], "cooldown": "6h",
                    "target": "retrain", "inputs": []}],
    }


def merged(base: dict[str, Any], changes: Optional[dict[str, Any]]) -> dict[str, Any]:
    """Deep merge of groups; lists are replaced, but a dict laid over a list changes its first element."""
    out = copy.deepcopy(base)
    for key, value in (changes or {}).items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        elif isinstance(value, dict) and isinstance(out.get(key), list):
            out[key][0] = merged(out[key][0], value)
        else:
            out[key] = copy.deepcopy(value)
    return out
