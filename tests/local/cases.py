"""The golden cases of local pods: rendered as in tests/golden, at a fixed place of a fixed machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from fairlead_contract.names import ADMIN_PORT, API_PORT
from fairlead_operator.local.pod import Place, Pod, Program, plan_pod
from fairlead_operator.local.sources import Sources
from tests.render.cases import SETTINGS, pod_templates

GOLDEN = Path(__file__).with_name("golden")
CASES = ("hub-on-two-gpus", "provider-with-keys", "tiny-cpu")
PLACE = Place("pod-1", "/r/pods/m", {API_PORT: 40000, ADMIN_PORT: 40001}, environment={"LANG": "C"})
GATEWAY = Program("/f/python", ("/f/python", "-m", "fairlead_gateway"), {"PYTHONPATH": "/f/site"})
PROGRAMS = {
    SETTINGS.gateway_image: GATEWAY,
    SETTINGS.engine_image: Program("/e/python", environment={"PATH": "/e"}),
}


class Anything(dict[str, Any]):
    """A mapping that has every key."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self._value = value

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Any:
        return self._value

    def get(self, key: str, default: Any = None) -> Any:
        """The value, whatever the default is."""
        return self._value


SOURCES = Sources(
    secrets=Anything({"token": b"t", "AWS_ACCESS_KEY_ID": b"i", "AWS_SECRET_ACCESS_KEY": b"s"}),
    config_maps=Anything({"gateway.json": b"{}"}),
    claims=Anything("/claims/folder"),
)


def pod_of(case: str) -> Pod:
    """The local pod of a case."""
    return plan_pod(pod_templates(case)[0], "demo", PLACE, PROGRAMS, SOURCES)


def as_text(pod: Pod) -> str:
    """The whole of it as YAML."""
    return yaml.safe_dump(_plain(asdict(pod)), sort_keys=False, width=110)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value
