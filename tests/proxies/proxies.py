"""Real proxies with TLS in front of a router, with the configurations that docs/exposure.md shows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import debian
from e2e.cluster.shell import find_program
from tests.docs.blocks import ROOT, blocks_of
from tests.gateway.process import free_port
from tests.support.certificates import Identity, write_identity

PAGE = ROOT / "docs" / "exposure.md"
HOST, UPSTREAM = "models.example.com", "fairlead-router.fairlead-system.svc.cluster.local"


@dataclass(frozen=True)
class Proxy:
    """A running proxy: `port` takes HTTPS for HOST, with a certificate of `authority`."""

    port: int
    authority: Path


def _documented(language: str) -> str:
    (text,) = (block.text for block in blocks_of(PAGE) if block.language == language)
    return text


def _replaced(text: str, **parts: tuple[str, str]) -> str:
    """The text with each part replaced. Every one must be there, so that the page stays the source."""
    for shown, used in parts.values():
        assert shown in text, f"docs/exposure.md does not have {shown}"
        text = text.replace(shown, used)
    return text


def _nginx(folder: Path, port: int, upstream: int, identity: Identity) -> list[str]:
    server = _replaced(
        _documented("nginx"),
        listen=("listen 443", f"listen 127.0.0.1:{port}"),
        certificate=("/etc/nginx/tls/tls.crt", str(identity.server_cert)),
        key=("/etc/nginx/tls/tls.key", str(identity.server_key)),
        upstream=(f"http://{UPSTREAM}", f"http://127.0.0.1:{upstream}"),
    )
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    own = f"daemon off; pid {folder}/pid; error_log stderr; events {{}}"
    config = folder / "nginx.conf"
    config.write_text(f"{own} http {{ access_log off; {temporary}\n{server} }}\n")
    return ["nginx", "-e", "stderr", "-c", str(config)]


def _caddy(folder: Path, port: int, upstream: int, identity: Identity) -> list[str]:
    site = _replaced(
        _documented("caddyfile"),
        site=(f"{HOST} {{", f"https://{HOST}:{port} {{"),
        certificate=("/etc/caddy/tls/tls.crt", str(identity.server_cert)),
        key=("/etc/caddy/tls/tls.key", str(identity.server_key)),
        upstream=(f"{UPSTREAM}:80", f"127.0.0.1:{upstream}"),
    )
    config = folder / "Caddyfile"
    config.write_text("{\n  admin off\n  auto_https off\n  default_bind 127.0.0.1\n}\n" + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]


Configure = Callable[[Path, int, int, Identity], list[str]]
PROXIES: dict[str, Configure] = {"nginx": _nginx, "caddy": _caddy}


@asynccontextmanager
async def running_proxy(name: str, folder: Path, upstream: int) -> AsyncIterator[Proxy]:
    """The proxy in front of a router at this port."""
    debian.require([name], "a test of the proxies that the documentation names")
    identity, port = write_identity(folder / "pki", HOST), free_port()
    command = PROXIES[name](folder, port, upstream, identity)
    program = find_program(command[0])
    assert program
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, *command[1:], env=environment, stdout=log, stderr=log
        )
    try:
        await _listening(process, port, folder / "log")
        yield Proxy(port, identity.authority)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Returns once the proxy completes TLS handshakes."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def accepts() -> bool:
        assert process.returncode is None, f"the proxy ended, see {log}"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST)
        except OSError:
            return False
        writer.close()
        return True

    async with asyncio.timeout(60):
        while not await accepts():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.05)
