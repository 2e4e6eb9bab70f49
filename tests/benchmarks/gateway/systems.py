"""How each measured system is started in front of the mock engine.

Every system gets the settings that are cheapest for it and still do the job: one worker on the one core it
has, keep-alive in both directions, no access log. Ours runs with everything on: API keys, parameter checks,
admission, metrics, both ports. Where a system can reach the engine over a Unix socket, it does.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from e2e.cluster.shell import run
from tests.benchmarks.gateway import environments
from tests.benchmarks.gateway.api_server import ApiServer
from tests.benchmarks.gateway.interpreter import interpreter, python_path
from tests.support.api_keys import KeyFolder, key_file

MODEL = "bench"
# Every request carries it. Ours and LiteLLM, which does not start without one, check it.
API_KEY = "sk-5f0c2a9e7b184d36a1c4e2f809b7d653"
# So high that none is reached.
_LIMITS = ("requestsPerMinute", "tokensPerMinute", "tokensPerDay", "concurrentRequests", "maxOutputTokens")
SERVING_IMAGE = Path(__file__).resolve().parents[3] / "serving-image"


@dataclass(frozen=True)
class Upstream:
    """Where the mock engine listens."""

    socket: Path
    port: int

    @property
    def url(self) -> str:
        """For a client that only speaks TCP."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Launch:
    """A command that serves chat completions on a TCP port of 127.0.0.1."""

    command: tuple[str | Path, ...]
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A measured system. `prepare(folder, port, upstream)` writes its configuration into the folder."""

    name: str
    prepare: Callable[[Path, int, Upstream], Launch]
    speaks_responses: bool = False
    # How many times shorter its streams are, where the others' would take minutes.
    shorten: int = 1


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gateway(folder: Path, port: int, upstream: Upstream, source: Path = SERVING_IMAGE) -> Launch:
    """Our gateway from a folder that holds the package `fairlead_gateway`."""
    keys = folder / "keys"
    keys.mkdir()
    (keys / "bench").write_bytes(key_file(API_KEY, models=[MODEL]))
    (folder / "engine.sock").symlink_to(upstream.socket)
    (folder / "engine.json").write_text(json.dumps({"phase": "Running", "startedAt": 0.0}))
    settings = {
        "model": {"servedName": MODEL, "aliases": ["bench-alias"]},
        "api": {"dialect": "OpenAI", "limits": {"max_tokens": {"maximum": 4096}}},
        "auth": {"mode": "APIKey"},
        "maxRunningRequests": 1024,
        "maxQueuedRequests": 1024,
        "drainTimeoutSeconds": 1,
    }
    (folder / "gateway.json").write_text(json.dumps(settings))
    environment = {
        "PYTHONPATH": python_path(source),
        "FAIRLEAD_GATEWAY_CONFIG": str(folder / "gateway.json"),
        "FAIRLEAD_GATEWAY_RUN_DIR": str(folder),
        "FAIRLEAD_GATEWAY_KEYS_DIR": str(keys),
        "FAIRLEAD_GATEWAY_HOST": "127.0.0.1",
        "FAIRLEAD_GATEWAY_API_PORT": str(port),
        "FAIRLEAD_GATEWAY_ADMIN_PORT": str(free_port()),
        "FAIRLEAD_GATEWAY_LINGER_SECONDS": "0",
    }
    command = (str(interpreter()), "-m", "fairlead_gateway", "serve")
    return Launch(command, version("fairlead"), environment)


def _router(
    folder: Path, port: int, upstream: Upstream, source: Path = SERVING_IMAGE, keyed: bool = False
) -> Launch:
    """Our router before one pod. In the cluster a gateway comes after it, whose cost is to be added.

    With `keyed` it checks the API key, which has every limit that a key can have, and signs an identity.
    """
    token = folder / "token"
    token.write_text("none")
    settings = {
        "HOST": "127.0.0.1",
        "API_PORT": str(port),
        "ADMIN_PORT": str(free_port()),
        "API_SERVER": ApiServer(MODEL, upstream.port).url,
        "TOKEN_FILE": str(token),
        "LINGER_SECONDS": "0",
        "DRAIN_SECONDS": "1",
    }
    if keyed:
        files = KeyFolder.make(folder)
        files.add("bench", API_KEY, owner="team", namespaces=["bench"], limits=dict.fromkeys(_LIMITS, 10**9))
        settings |= {name.upper(): str(value) for name, value in files.settings.items()}
    environment = {
        "PYTHONPATH": python_path(source),
        **{f"FAIRLEAD_ROUTER_{name}": value for name, value in settings.items()},
    }
    return Launch((str(interpreter()), "-m", "fairlead_gateway", "route"), version("fairlead"), environment)


_NGINX_CONF = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_max_body_size 32m;
    client_body_buffer_size 256k;  # a body of the benchmark never becomes a file
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    upstream engine {{
        server unix:{socket};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://engine;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def _nginx(folder: Path, port: int, upstream: Upstream) -> Launch:
    program = environments.nginx()
    # Started by root, the worker would take an identity that cannot open the engine's socket.
    user = "user root;" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX_CONF.format(user=user, folder=folder, socket=upstream.socket, port=port))
    return Launch((program, "-p", folder, "-c", conf, "-e", folder / "error.log"), _nginx_version(program))


def _nginx_version(program: Path) -> str:
    return run(["sh", "-c", 'exec "$0" -v 2>&1', program]).strip().rpartition("/")[2]


def _vllm_router(folder: Path, port: int, upstream: Upstream) -> Launch:
    tools = environments.python_environment("vllm-router")
    command = (
        *(tools / "python", "-m", "vllm_router.launch_router", "--host", "127.0.0.1", "--port", str(port)),
        *("--worker-urls", upstream.url, "--policy", "round_robin", "--log-level", "warning"),
        *("--worker-startup-check-interval", "1", "--prometheus-port", str(free_port())),
    )
    return Launch(command, _locked_version("vllm-router"))


def _litellm(folder: Path, port: int, upstream: Upstream) -> Launch:
    tools = environments.python_environment("litellm")
    engine = {"model": f"hosted_vllm/{MODEL}", "api_base": f"{upstream.url}/v1", "api_key": "none"}
    config = {"model_list": [{"model_name": MODEL, "litellm_params": engine}]}
    (folder / "litellm.json").write_text(json.dumps(config))  # JSON is YAML
    environment = {
        "LITELLM_MASTER_KEY": API_KEY,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        # It breaks off streams whose chunks are all alike, and the mock engine's are.
        "REPEATED_STREAMING_CHUNK_LIMIT": "1000000",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise it asks the internet at every start
    }
    command = (
        *(tools / "litellm", "--config", folder / "litellm.json", "--host", "127.0.0.1"),
        *("--port", str(port), "--num_workers", "1", "--telemetry", "False"),
    )
    return Launch(command, _locked_version("litellm"), environment)


def _locked_version(name: str) -> str:
    lines = Path(__file__).with_name(f"{name}.txt").read_text().splitlines()
    (pin,) = [line for line in lines if line.startswith(f"{name}==")]
    return pin.removeprefix(f"{name}==").split()[0]


OURS, ROUTER, ROUTER_WITH_KEYS = "fairlead", "fairlead-router", "fairlead-router-keys"
SYSTEMS: Mapping[str, System] = {
    system.name: system
    for system in (
        System(OURS, gateway, speaks_responses=True),
        System(ROUTER, _router),
        System(ROUTER_WITH_KEYS, partial(_router, keyed=True)),
        System("nginx", _nginx),
        System("vllm-router", _vllm_router),
        System("litellm", _litellm, shorten=4),
    )
}
