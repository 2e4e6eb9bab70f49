"""The text of the manifest that `fairlead init` writes. Pure.

It is written line by line, not by a YAML library, because its comments are the point: they name what a user
decides next. Lines that are commented out are valid as they stand when the mark is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

import yaml

from fairlead_launcher.parsers import Inferred
from fairlead_operator.api.names import API_VERSION, KIND

DEFAULT_ACCELERATOR = "nvidia.com/gpu=1"
NONE = "none"

_HUB_URL = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_SCHEMES = ("hf", "s3", "pvc", "oci", "file")
# The API's own bound on metadata.name.
_NAME_CHARACTERS = 40
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:#@=+-]*[A-Za-z0-9]|[A-Za-z0-9]")


@dataclass(frozen=True)
class Accelerator:
    """An extended resource and how many of it each pod has."""

    resource: str
    count: int


@dataclass(frozen=True)
class Answers:
    """The choices in the manifest. `cache_claim` is a claim of the user, `cache_size` of one that is made."""

    source: str
    name: str
    accelerator: Accelerator | None = None
    namespace: str | None = None
    cache_claim: str | None = None
    cache_size: str | None = None
    credentials: str | None = None
    parsers: Inferred = field(default_factory=Inferred)


def source_of(text: str) -> str:
    """The source that a user means: as the API writes it, a name or an address of the hub, or a folder.

    Raises ValueError.
    """
    text = text.strip()
    scheme, mark, _ = text.partition("://")
    if mark and scheme in _SCHEMES:
        return text
    if found := _HUB_URL.match(text):
        return f"hf://{found[1]}"
    if text.startswith("/"):
        return f"file://{text.rstrip('/')}"
    if _REPOSITORY.fullmatch(text):
        return f"hf://{text}"
    near = get_close_matches(scheme, _SCHEMES, n=1) if mark else []
    hint = f"did you mean {near[0]}://?" if near else "write hf://ORG/NAME, or an absolute path of a folder"
    raise ValueError(f"{text!r} is no source of a model; {hint}")


def accelerator_of(text: str) -> Accelerator | None:
    """RESOURCE=COUNT, RESOURCE for one, or `none`. Raises ValueError."""
    text = text.strip()
    if text.lower() == NONE:
        return None
    resource, mark, count = text.partition("=")
    if mark and not re.fullmatch(r"[1-9][0-9]{0,3}", count):
        raise ValueError(f"{text!r}: the number after = must be a count, as in {DEFAULT_ACCELERATOR}")
    return Accelerator(resource, int(count or 1))


def name_of(source: str) -> str:
    """A name for the model of a source that the API takes."""
    last = re.split(r"[/#]", source.rstrip("/"))[-1].removesuffix(".gguf").lower()
    plain = re.sub(r"[^a-z0-9]+", "-", last).strip("-")
    plain = plain if plain[:1].isalpha() else f"model-{plain}"
    return plain[:_NAME_CHARACTERS].strip("-")


def manifest(answers: Answers, file: str) -> str:
    """The whole YAML text; `file` is the name that its comments give for it."""
    return "".join(f"{line}\n" if line else "\n" for line in _lines(answers, file))


def _lines(answers: Answers, file: str) -> Iterator[str]:
    yield "# Written by `fairlead init`. All fields: `kubectl explain mdep.spec`."
    yield f"# Next: fairlead validate -f {file} && kubectl apply -f {file}"
    yield f"apiVersion: {API_VERSION}"
    yield f"kind: {KIND}"
    yield "metadata:"
    yield f"  name: {_scalar(answers.name)}"
    if answers.namespace:
        yield f"  namespace: {_scalar(answers.namespace)}"
    yield "spec:"
    yield from _model(answers)
    yield from _engine(answers)
    yield from _accelerator(answers.accelerator)
    yield "  replicas: 1"
    yield "  # As many replicas as the requests need, instead of the line above:"
    yield "  # autoscaling: {minReplicas: 1, maxReplicas: 4}"
    yield "  # Only for clients with a key of this Secret:"
    yield "  # api: {auth: {mode: APIKey, secretName: api-keys}}"


def _model(answers: Answers) -> Iterator[str]:
    scheme = answers.source.partition("://")[0]
    yield "  model:"
    yield f"    source: {_scalar(answers.source)}"
    if scheme == "file":
        yield "    # A folder of the nodes. Image instead: a folder of the engine's image."
        yield "    fileFrom: Node"
    if scheme == "hf":
        yield "    # With a commit all replicas serve the same weights."
        yield "    # revision: main"
    yield "    # The name that clients put into `model`; the name above if absent."
    yield f"    # servedName: {_scalar(answers.name)}"
    if scheme in ("hf", "s3"):
        yield from _download(answers, scheme)


def _download(answers: Answers, scheme: str) -> Iterator[str]:
    if answers.credentials:
        yield f"    credentials: {{secretName: {_scalar(answers.credentials)}}}"
    else:
        keys = "`token`" if scheme == "hf" else "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`"
        yield f"    # For what is not public: a Secret in the namespace of the model with {keys}."
        yield f"    # credentials: {{secretName: {'hub-token' if scheme == 'hf' else 'bucket-keys'}}}"
    if answers.cache_claim:
        yield "    # A claim of yours, which several models can share."
        yield f"    cache: {{type: PersistentVolumeClaim, claimName: {_scalar(answers.cache_claim)}}}"
    elif answers.cache_size:
        yield "    # A claim that is made for this model and deleted with it."
        yield f"    cache: {{type: PersistentVolumeClaim, size: {_scalar(answers.cache_size)}}}"
    else:
        yield "    # Without a cache each new pod downloads the weights again."
        yield "    # cache: {type: PersistentVolumeClaim, size: 100Gi}"


def _engine(answers: Answers) -> Iterator[str]:
    yield "  engine:"
    yield "    # The longest context in tokens; the model's own if absent. A shorter one leaves memory for"
    yield "    # more requests at once."
    yield "    # maxModelLen: 16384"
    yield "    # vLLM's parser of tool calls. If absent, it is inferred from the files of the model where"
    yield "    # that is certain; without any, requests with `tool_choice: auto` are refused."
    tools = answers.parsers.tool_call_parser
    yield f"    toolCallParser: {tools}" if tools else "    # toolCallParser: hermes"
    yield "    # vLLM's parser that separates the reasoning from the answer, for models that reason."
    reasoning = answers.parsers.reasoning_parser
    yield f"    reasoningParser: {reasoning}" if reasoning else "    # reasoningParser: deepseek_r1"
    if answers.accelerator is None:
        yield "    # Without an accelerator the image must have vLLM's build for CPU, which has no compiler."
        yield "    # image: example.com/vllm-cpu:v0.32.0"
        yield "    args: [--enforce-eager]"
        yield "    env:"
        yield "      # GiB of main memory for the KV cache."
        yield '      - {name: VLLM_CPU_KVCACHE_SPACE, value: "4"}'


def _accelerator(accelerator: Accelerator | None) -> Iterator[str]:
    if accelerator is None:
        yield "  # Weights, KV cache and about 2 GiB more."
        yield "  resources:"
        yield '    requests: {cpu: "4", memory: 8Gi}'
        yield "    limits: {memory: 16Gi}"
        return
    yield "  # Each replica has so many; the model is split over all of them."
    yield "  accelerator:"
    yield f"    resourceName: {_scalar(accelerator.resource)}"
    yield f"    count: {accelerator.count}"
    yield "  # Nodes with accelerators often have a taint:"
    key = _scalar(accelerator.resource)
    yield f"  # scheduling: {{tolerations: [{{key: {key}, operator: Exists, effect: NoSchedule}}]}}"


def _scalar(text: str) -> str:
    """A text as a YAML scalar of one line, with quotes where YAML would see something else in it."""
    plain = _PLAIN.fullmatch(text) and isinstance(yaml.safe_load(text), str)
    return text if plain else yaml.safe_dump(text, default_style='"', width=10**6, allow_unicode=True).strip()
