"""`fairlead run` as a user starts it, with a real vLLM: chat, responses, keys, from zero, and Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest
import yaml

from e2e.models.tiny import make_model
from tests.gateway.process import wait_for
from tests.local.test_run import FROM_ZERO, KEY, SECRET, model
from tests.support.engine import install_vllm
from tests.support.local_run import LocalRun
from tests.support.manifests import EAGER

pytestmark = pytest.mark.engine

# As many as fit beside the prompt: the answer is far longer than what the sockets on its way hold.
TOKENS = 900


def test_a_manifest_is_served_from_zero_to_ctrl_c(tmp_path: Path) -> None:
    make_model(tmp_path / "models" / "tiny")
    manifest = tmp_path / "model.yaml"
    rules = {**FROM_ZERO, "cooldownSeconds": 3600}
    keys = {"auth": {"mode": "APIKey", "secretName": "keys"}}
    body = model("tiny", engine=EAGER["engine"], autoscaling=rules, api=keys)
    manifest.write_text(yaml.safe_dump_all([SECRET, body]))
    venv = install_vllm().parents[1]
    volume = f"models={tmp_path / 'models'}"

    with LocalRun(tmp_path, "-f", manifest, "--engine-venv", venv, "--volume", volume) as run:
        run.wait_ready()
        assert run.pids("launcher") == []
        with run.openai(KEY) as client:
            # The first request starts the engine, and is held until then.
            answer = client.chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "hi"}], max_tokens=4
            )
            assert answer.usage is not None
            assert answer.usage.completion_tokens == 4
            response = client.responses.create(model="tiny", input="hi", max_output_tokens=16)
            assert response.output_text
            with run.openai("another") as stranger, pytest.raises(openai.AuthenticationError):
                stranger.responses.create(model="tiny", input="hi")

            stream = client.chat.completions.create(
                model="tiny",
                messages=[{"role": "user", "content": "hi"}],
                max_tokens=TOKENS,
                logprobs=True,
                top_logprobs=20,
                stream=True,
                stream_options={"include_usage": True},
                extra_body={"ignore_eos": True},
            )
            chunks = [next(stream)]
            run.interrupt()
            # The pod drains while this reader has not read the rest.
            wait_for(lambda: run.pids("drain"))
            chunks += stream
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == TOKENS
        assert run.wait() == 0
    assert run.leftovers() == []
