"""The cause of an end, from the engine's log."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fairlead_launcher.arguments import OWN_ARGUMENTS, named_beside, values_of
from fairlead_launcher.bounds import DETAIL_CHARS, MESSAGE_LINES
from fairlead_launcher.engine_log import EXCEPTION_LINE, shorten, split_line

_SOURCE_CODE = "    "  # how tracebacks indent it
# What follows an exception's text: another exception, advice of the library, or a warning from cleaning up.
_AFTER_EXCEPTION = re.compile(
    r"Traceback \(|During handling of|The above exception|File \"|For further information visit"
    r"|\[type=|fairlead-launcher: |\S+:\d+: \w*Warning|\[rank\d+\]:\[|INFO: "
)
_ADVICE = re.compile(r" \[type=\w+, input_\w+=.*|, retrying \d+ of \d+")
# Exceptions that only report another one, or that come from cleaning up after it.
_EMPTY_WORDS = re.compile(r"See (?:root cause|stack trace)|KeyError: '/(?:psm|mp)|^SystemExit|CancelledError")
_DIED = re.compile(r"engine core exited unexpectedly|Worker proc \S+ died unexpectedly")
# The API server also logs the errors of single requests, which end nothing.
_FROM_ENGINE = re.compile(r"^\((?:EngineCore|\w*Worker)")
# In order of precedence: what explains a failure alone comes before what may only accompany it.
CAUSES = (
    (
        "EngineArgumentInvalid",
        r"\berror: ((?:unrecognized arguments|argument |the following arg|ambiguous).*)",
    ),
    ("EngineImageInvalid", r"(No module named ['\"]?vllm\b.*)"),
    ("CompilerMissing", r"((?:InvalidCxxCompiler: |Failed to find C compiler|Could not find nvcc).*)"),
    ("ContextTooLong", r"((?:To serve at least one request with|User-specified max_model_len).*)"),
    (
        "AcceleratorNotFound",
        r"((?:Failed to infer device type|No CUDA GPUs are available|Found no NVIDIA driver"
        r"|CUDA driver version is insufficient|The NVIDIA driver on your system is too old).*)",
    ),
    ("AcceleratorOutOfMemory", r"((?:CUDA|HIP|XPU) out of memory.*)"),
    ("AcceleratorOutOfMemory", r"((?:Free memory on device|No available memory for the cache).*)"),
    (
        "HostOutOfMemory",
        r"((?:Available memory on node|Cannot allocate memory|DefaultCPUAllocator: can't).*)",
    ),
    ("HostOutOfMemory", r"^(MemoryError\b.*)"),
    ("AcceleratorCommunicationFailed", r"((?:NCCL|RCCL) error.*)"),
    ("DiskFull", r"(.*No space left on device.*)"),
    (
        "RemoteCodeNotTrusted",
        r"((?:The repository .* contains custom code which must be executed"
        r"|.*requires you to execute the \w+ file|.*consider setting `trust_remote_code=True`).*)",
    ),
    ("TokenizerInvalid", r"((?:Couldn't instantiate the backend tokenizer|Can't load tokenizer for).*)"),
    ("ModelUnsupported", r"(Model architectures \[[^]]*\] are not supported)"),
    ("ModelUnsupported", r"(.*does not recognize this architecture.*)"),
    ("ModelUnsupported", r"(Unrecognized model in .*)"),
    # A vLLM that does not read GGUF takes the file for a configuration.
    ("ModelUnsupported", r"(.*[.]gguf' is not a valid JSON file.*)"),
    ("WeightsCorrupt", r"((?:.*is not a valid JSON file|\S*SafetensorError:).*)"),
    ("WeightsUnauthorized", r"(.*\b401 Client Error.*)"),
    ("WeightsForbidden", r"(.*(?:\b403 Client Error|GatedRepoError: ).*)"),
    ("WeightsNotFound", r"(.*(?:\b404 Client Error|(?:Repository|Revision)NotFoundError: ).*)"),
    ("WeightsRateLimited", r"(.*\b429 (?:Client Error|Too Many Requests).*)"),
    ("WeightsNotFound", r"(Invalid repository ID or local directory specified: .*)"),
    ("WeightsNotFound", r"((?:\S*HFValidationError|\S*LocalEntryNotFoundError): .*)"),
    ("WeightsNotFound", r"(.*No such file or directory: '/models.*)"),
    ("WeightsNotFound", r"(Cannot find any model weights with .*)"),
    ("EngineArgumentInvalid", r"^ *Value error, (.*)"),
    ("EngineArgumentInvalid", r"(The supplied chat template .*)"),
)


class Cause(NamedTuple):
    """Why the engine ended: a reason for machines and the line of the log for users."""

    reason: str
    message: str


def find_cause(lines: Iterable[str]) -> Cause | None:
    """The root cause that log lines name, oldest first, or None if they name none."""
    pairs = [split_line(line) for line in lines]
    for reason, pattern in CAUSES:
        for at, (_, text) in enumerate(pairs):
            match = None if text.startswith(_SOURCE_CODE) else re.search(pattern, text)
            if match:
                return Cause(reason, shorten(_whole(match.group(1), pairs, at)))
    last = _last_exception(pairs)
    return None if last is None else Cause("EngineCrashed", shorten(_whole(pairs[last][1], pairs, last)))


def _last_exception(pairs: Sequence[tuple[str, str]]) -> int | None:
    """The position of the line that explains an end for which there is no pattern."""
    exceptions = [
        at
        for at, (_, text) in enumerate(pairs)
        if EXCEPTION_LINE.match(text) and not _EMPTY_WORDS.search(text)
    ]
    relevant = (
        [at for at in exceptions if _FROM_ENGINE.match(pairs[at][0])]
        or [
            at
            for at, (_, text) in enumerate(pairs)
            if _DIED.search(text) and not text.startswith(_SOURCE_CODE)
        ]
        or exceptions
    )
    return relevant[-1] if relevant else None


def _whole(text: str, pairs: Sequence[tuple[str, str]], at: int) -> str:
    """A text with the further lines of the same exception, as one line.

    vLLM repeats the prefix of a record before each of its lines; what Python prints at the end has none.
    """
    prefix, found = pairs[at][0], [text.strip()]
    for other, following in pairs[at + 1 :]:
        if other != prefix or _AFTER_EXCEPTION.match(following.lstrip()) or len(found) == MESSAGE_LINES:
            break
        found += [following.strip()] if following.strip() else []
    return _ADVICE.sub("", " ".join(found))


def cause_of_exit(
    lines: Iterable[str], exit_code: int, oom_killed: bool, arguments: Sequence[str] = ()
) -> Cause:
    """The cause of an unintended exit; never empty. `arguments` are the engine's."""
    if oom_killed:
        return Cause("HostOutOfMemory", "The kernel killed a process of the engine: memory limit reached.")
    found = find_cause(lines)
    if found is None:
        return Cause("EngineCrashed", f"The engine ended with exit code {exit_code} without naming a cause.")
    return _too_old(found) or _other_model(found, arguments) or found


def _too_old(found: Cause) -> Cause | None:
    """The cause, if vLLM does not know an argument that the user did not write."""
    _, unknown, words = found.message.partition("unrecognized arguments: ")
    own = sorted({word.partition("=")[0] for word in words.split()} & OWN_ARGUMENTS)
    if not unknown or not own:
        return None
    version = vllm_version()
    return Cause(
        "EngineVersionUnsupported",
        f"vLLM{version and f' {version}'} in the engine's image does not know {', '.join(own)}, which "
        f"Fairlead sets. All that it does not know: {shorten(words, DETAIL_CHARS)}",
    )


def vllm_version() -> str:
    """The version of the image's vLLM, empty if unknown."""
    try:
        return importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _other_model(found: Cause, arguments: Sequence[str]) -> Cause | None:
    """The cause, if a folder or repository of an argument is missing instead of the model.

    The model is an existing folder, and its path is in vLLM's messages about it. So a text about another
    name, or about a repository whose name is not in the text, is about an argument.
    """
    if found.reason not in ("WeightsNotFound", "WeightsUnauthorized", "WeightsForbidden"):
        return None
    absent = [(flag, name) for flag, name in named_beside(arguments) if not os.path.exists(name)]
    named = [pair for pair in absent if pair[1] in found.message]
    if not named and any(path in found.message for path in values_of("--model", arguments)[:1]):
        return None
    for flag, name in named or absent:
        text = f"{flag} names {name}, which the engine cannot load: {found.message}"
        return Cause("EngineArgumentInvalid", shorten(text))
    return None
