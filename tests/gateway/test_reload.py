"""Settings and keys that change on disk are in effect without a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.reload import Reloader, SettingsError, load
from fairlead_gateway.settings import ProcessSettings
from fairlead_gateway.upstream.pool import EnginePool
from tests.support.api_keys import key_file


@pytest.fixture
def process(tmp_path: Path) -> ProcessSettings:
    (tmp_path / "keys").mkdir()
    process = ProcessSettings(config=tmp_path / "gateway.json", keys_dir=tmp_path / "keys")
    write(process)
    return process


def write(process: ProcessSettings, **settings: Any) -> None:
    """Replaces the file as the kubelet does: under the old name lies another file."""
    scratch = process.config.with_suffix(".new")
    scratch.write_text(json.dumps({"model": {"servedName": "tiny"}} | settings))
    scratch.rename(process.config)


async def follow(process: ProcessSettings) -> tuple[GatewayContext, Reloader]:
    services = GatewayContext(*load(process), process, EnginePool("/nowhere"))
    return services, Reloader(services)


async def test_changed_settings_take_effect_without_a_restart(process: ProcessSettings) -> None:
    services, reloader = await follow(process)
    write(process, api={"dialect": "PolarGrid"}, maxRunningRequests=7)
    reloader.check()
    assert services.policy.dialect.name == "PolarGrid"
    assert services.limiter.running_limit == 7


async def test_a_dialects_path_appears_with_it(process: ProcessSettings) -> None:
    services, reloader = await follow(process)
    write(process, api={"dialect": "IOIntelligence"})
    reloader.check()
    assert b"/api/v1/chat/completions" in services.routes


async def test_during_a_key_rotation_one_of_the_keys_is_always_valid(process: ProcessSettings) -> None:
    write(process, auth={"mode": "APIKey"})
    (process.keys_dir / "old").write_bytes(key_file("sk-old"))
    services, reloader = await follow(process)

    (process.keys_dir / "new").write_bytes(key_file("sk-new"))
    reloader.check()
    both = [services.keys.find(b"Bearer sk-old"), services.keys.find(b"Bearer sk-new")]
    (process.keys_dir / "old").unlink()
    reloader.check()

    assert None not in both
    assert services.keys.find(b"Bearer sk-old") is None
    assert services.keys.find(b"Bearer sk-new") is not None


@pytest.mark.parametrize(
    "settings",
    [{"maxBodyBytes": -1}, {"api": {"dialect": "Klingon"}}, {"api": {"defaults": {"temperature": "hot"}}}],
)
async def test_invalid_settings_change_nothing_and_are_reported(
    process: ProcessSettings, settings: dict[str, Any]
) -> None:
    services, reloader = await follow(process)
    before = services.policy
    write(process, **settings)
    reloader.check()
    assert services.policy is before
    assert len(services.problems) == 1
    metrics = services.telemetry.render().decode()
    assert 'fairlead_gateway_settings_current{model="tiny",namespace=""} 0.0' in metrics


async def test_corrected_settings_clear_the_reported_problem(process: ProcessSettings) -> None:
    services, reloader = await follow(process)
    write(process, maxBodyBytes=-1)
    reloader.check()
    write(process, maxBodyBytes=5000)
    reloader.check()
    assert services.problems == ()
    assert services.settings.max_body_bytes == 5000


async def test_settings_that_describe_the_pod_do_not_follow_the_settings_file(
    process: ProcessSettings,
) -> None:
    pinned = process.model_copy(update={"pinned": {"model": {"servedName": "mine"}}})
    services, reloader = await follow(pinned)
    write(process, model={"servedName": "next"}, maxBodyBytes=5000)
    reloader.check()
    assert services.settings.model.served_name == "mine"
    assert services.settings.max_body_bytes == 5000


async def test_the_learned_context_length_survives_a_settings_change(process: ProcessSettings) -> None:
    services, reloader = await follow(process)
    services.learn_context_length(512)
    write(process, maxBodyBytes=5000)
    reloader.check()
    assert services.policy.engine.context_length == 512


@pytest.mark.parametrize("content", ["{", "[]", '{"model": {}}', '{"model": {"servedName": 1}}'])
def test_a_gateway_with_unusable_settings_does_not_start(process: ProcessSettings, content: str) -> None:
    process.config.write_text(content)
    with pytest.raises(SettingsError, match=r"gateway\.json"):
        load(process)
