"""The next steps for a user, shown when everything is ready. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fairlead_operator.render.model import Model


def guide(models: Sequence[Model], port: int) -> str:
    """The base URL, the models, and a request with curl and with OpenAI's Python library."""
    base = f"http://127.0.0.1:{port}/v1"
    listed = "".join(f"  {', '.join(model.all_served_names)}{_remark(model)}\n" for model in models)
    return f"Ready: {base}\n{listed}{_requests(models[0], base)}Ctrl-C ends it.\n"


def _remark(model: Model) -> str:
    remarks = []
    if model.spec.api.auth.mode == "APIKey":
        remarks.append(f"with a key of Secret {model.spec.api.auth.secret_name}")
    if model.spec.autoscaling and model.spec.autoscaling.min_replicas == 0:
        remarks.append("its first request starts it")
    if not model.spec.autoscaling and model.spec.replicas == 0:
        remarks.append("stopped: spec.replicas is 0")
    return f"  ({'; '.join(remarks)})" if remarks else ""


def _requests(model: Model, base: str) -> str:
    name, guarded = model.served_name, model.spec.api.auth.mode == "APIKey"
    body = json.dumps(
        {"model": name, "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    )
    header = ' -H "Authorization: Bearer $API_KEY"' if guarded else ""
    key = 'os.environ["API_KEY"]' if guarded else '"none"'
    imports = "import os, openai" if guarded else "import openai"
    return (
        f"\n  curl {base}/chat/completions -H 'Content-Type: application/json'{header} \\\n"
        f"    -d '{body}'\n\n"
        f"  {imports}\n"
        f'  client = openai.OpenAI(base_url="{base}", api_key={key})\n'
        f'  print(client.responses.create(model="{name}", input="Say hello.").output_text)\n\n'
    )
