"""What the router asks of a Kubernetes API server, for one model with one pod that never change."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NAMESPACE = "bench"


class ApiServer(ThreadingHTTPServer):
    """Answers lists, and leaves watches open. Ends with this process."""

    daemon_threads = True

    def __init__(self, model: str, port: int) -> None:
        """One model of this name, whose pod listens on a port of 127.0.0.1."""
        super().__init__(("127.0.0.1", 0), _Handler)
        labels = {"fairlead.dev/model": model, "kubernetes.io/service-name": model}
        named = {"namespace": _NAMESPACE, "name": model}
        endpoint = {"addresses": ["127.0.0.1"], "targetRef": {"name": f"{model}-0"}}
        self.lists: dict[str, dict[str, Any]] = {
            "namespaces": {"metadata": {"name": _NAMESPACE}},
            "modeldeployments": {"metadata": named, "spec": {}},
            "endpointslices": {
                "metadata": {**named, "labels": labels},
                "ports": [{"name": "http", "port": port}],
                "endpoints": [endpoint],
            },
        }
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.send_response(200)
        if "watch=1" in query:
            self.end_headers()
            # Until the client goes away: nothing ever changes.
            self.rfile.read(1)
            return
        items = [self.server.lists[path.rpartition("/")[2]]]
        body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        pass
