"""A kubeconfig for one API server and one client certificate."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.certificates import Identity


def write_kubeconfig(file: Path, url: str, identity: Identity) -> None:
    """Writes the kubeconfig, readable by its owner only. JSON, which is YAML too."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "bare",
                "cluster": {"server": url, "certificate-authority": str(identity.authority)},
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {
                    "client-certificate": str(identity.admin_cert),
                    "client-key": str(identity.admin_key),
                },
            }
        ],
        "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": "admin"}}],
        "current-context": "bare",
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(config, indent=2))
