"""Streams of the official SDK that are not over before their case releases them: tests.support.held_stream.

So a case can act while a stream runs. What it proves is that the pod stays for the last byte.
"""

from __future__ import annotations

from e2e.cases.sdk import Client, Script
from e2e.cases.support import NAMESPACE
from e2e.world import Object, World, wait_until
from fairlead_contract.status import PodReport
from tests.support.held_stream import ANSWERS, LEAST_BYTES, REQUEST, SOCKET_OPTIONS, TOKENS

WHOLE = {"tokens": ANSWERS * TOKENS, "finish": ["length"] * ANSWERS, "long": True}

# The lines as they come: to make objects of all alternatives takes a busy machine minutes.
_SCRIPT = f"""
import httpx2, time

http = httpx2.Client(transport=httpx2.HTTPTransport(socket_options={SOCKET_OPTIONS}), timeout=300)
with client.with_options(http_client=http).chat.completions.with_streaming_response.create(
    model=MODEL, messages=[{{"role": "user", "content": "hello"}}], stream=True,
    stream_options={{"include_usage": True}}, **{REQUEST}) as answer:
    lines = answer.iter_lines()
    next(lines)
    print("open")
    while not stopped():
        time.sleep(0.02)
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {{")]
finishes = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
print(json.dumps({{"tokens": chunks[-1]["usage"]["completion_tokens"], "finish": finishes,
                  "long": answer.http_response.num_bytes_downloaded > {LEAST_BYTES}}}))
"""
_STATUS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8001/status", timeout=5).read().decode())
"""


def held_stream(client: Client, name: str, *, address: str = "") -> Script:
    """A script whose stream has begun, and ends only after `stop`; its result is WHOLE.

    It goes to the Service of model NAME, or to an ADDRESS (HOST:PORT), see Client.spawn.
    """
    stream = client.spawn(name, _SCRIPT, address=address)
    stream.wait_output("open")
    return stream


def held_in(client: Client, name: str, pod: Object) -> Script:
    """A held stream that this very pod of model NAME has in flight until `stop`."""
    return held_stream(client, name, address=f"{pod['status']['podIP']}:8000")


def wait_draining(world: World, pod: str) -> PodReport:
    """Waits until the pod is on its way out, and returns its report: what it has in flight, for example."""

    def report() -> PodReport | None:
        printed = world.exec(pod, "python3", "-c", _STATUS, namespace=NAMESPACE, container="gateway")
        found = PodReport.model_validate_json(printed)
        return found if found.draining else None

    return wait_until(f"pod {pod} to drain", report, timeout=120, every=0.2)
