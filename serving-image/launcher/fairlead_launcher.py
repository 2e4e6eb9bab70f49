"""Starts vLLM in the engine container, reports its progress and names the cause when it ends.

The gateway copies this one file into a volume that the engine container mounts read-only; that container runs
it with whatever Python its image has, so it uses only the standard library and works on Python 3.9.

It exists because vLLM alone
- leaves its socket file behind, on which the next start fails;
- prints the cause of a failure far above the last lines that Kubernetes keeps;
- exits with code 0 when its engine process crashes;
- needs the rank of its LoRA adapters, which is in their files, so that only the pod knows it;
- reports itself healthy with a chat template that fails for every request.

It is also the `preStop` hook of the engine container: `drain` makes the gateway of the same pod drain, and
`await-drain`, in a worker of an engine over several nodes, waits until the leader has drained.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

ENGINE_MODULE = "vllm.entrypoints.openai.api_server"
HEADLESS_MODULE = "vllm.entrypoints.cli.main"
TERMINATION_LOG = "/dev/termination-log"
# Kubernetes keeps this much of a termination message.
TERMINATION_BYTES = 4096
# A cause is at most this many lines above the end; a long life's older lines are not kept.
KEPT_LINES = 4000
MESSAGE_CHARS = 800
# Lines of one exception's text that are kept: the longest that was seen to help has six. Beyond: left out.
MESSAGE_LINES = 8
DETAIL_CHARS = 160
WRITE_SECONDS = 0.5
READ_BYTES = 1 << 16
# What every vLLM takes for --max-lora-rank. The smallest of them costs next to nothing.
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
# vLLM ignores SIGTERM while it loads, and would keep its accelerator until the end of the pod's grace period.
# It has nothing to finish.
START_PATIENCE_SECONDS = 5
# The gateway of the same pod. In a pod that has only IPv6 addresses it listens on the second one.
LOOPBACK = ("127.0.0.1", "::1")
# How often a worker polls its leader, and how long one request may take.
POLL_PAUSE_SECONDS = 1.0
POLL_SECONDS = 5.0
# A leader that cannot be reached for so long is gone. A gateway that starts again is back before that.
LEADER_GONE_SECONDS = 15.0
# The gateway's answers have a few hundred bytes.
GATEWAY_ANSWER_BYTES = 1 << 20
HOOKS = ("drain", "await-drain")
# How often a starting engine's health is checked, and how long one answer may take.
HEALTH_PERIOD_SECONDS = 0.2
HEALTH_SECONDS = 5.0
# How long the first prompt may take. vLLM itself gives up after 30 s. Beyond: the engine counts as ready.
FIRST_PROMPT_SECONDS = 60.0
# An answer about the first prompt: a few tokens or an error. Beyond: cut.
ENGINE_ANSWER_BYTES = 64 << 10
FIRST_MESSAGE = {"role": "user", "content": "hi"}
# Variables that separate the engine from the gateway: harmless values, and the effect of others.
REFUSED_VARIABLES = {
    "VLLM_API_KEY": (
        ("",),
        "the engine would refuse the gateway's requests; clients' keys are spec.api.auth",
    ),
    "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": (
        ("", "0"),
        "the container would go on without its engine, and would not be restarted",
    ),
}


class Cause(NamedTuple):
    """Why the engine ended: a reason for machines and the line of the log for users."""

    reason: str
    message: str


# Arguments that the operator and this launcher write by themselves or for a field of the spec. A vLLM that
# does not know one of them is older than those that Fairlead is made for.
OWN_ARGUMENTS = frozenset(
    (
        "--allowed-media-domains",
        "--chat-template",
        "--dtype",
        "--enable-auto-tool-choice",
        "--enable-lora",
        "--enable-prompt-tokens-details",
        "--fingerprint-mode",
        "--generation-config",
        "--gpu-memory-utilization",
        "--headless",
        "--hf-config-path",
        "--lora-modules",
        "--master-addr",
        "--master-port",
        "--max-cpu-loras",
        "--max-lora-rank",
        "--max-loras",
        "--max-model-len",
        "--max-num-seqs",
        "--model",
        "--nnodes",
        "--node-rank",
        "--pipeline-parallel-size",
        "--quantization",
        "--reasoning-parser",
        "--scheduling-policy",
        "--served-model-name",
        "--shutdown-timeout",
        "--structured-outputs-config",
        "--tensor-parallel-size",
        "--tokenizer",
        "--tool-call-parser",
        "--trust-request-chat-template",
        "--uds",
    )
)
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
PHASES = (
    ("LoadingWeights", r"Starting to load model"),
    ("Compiling", r"torch\.compile takes|Dynamo bytecode|for the compilation|Capturing (?:CUDA|cuda) ?graph"),
    ("Running", r"Application startup complete"),
)
ORDER = ("Starting", *(phase for phase, _ in PHASES))

# "(EngineCore pid=7) ERROR 11-21 05:46:57 [core.py:1510] " before the text of a line.
_PREFIX = re.compile(
    r"^(?:\([^()]*pid=\d+\) )?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:]+ \[[^]]*\] ?)?"
    r"(?:\[rank\d+\]: ?)?"
)
# Some releases of vLLM color the first part of each line, whatever they write to.
_COLOR = re.compile(r"\x1b\[[\d;]*m")
_PROGRESS = re.compile(r"\bINFO [\d-]+ [\d:]+ \[|\d+%")
_SOURCE_CODE = "    "  # how tracebacks indent it
_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt))\b(?:: .*)?$")
# How a traceback names a place in a template, and Jinja's errors of invalid templates.
_TEMPLATE_LINE = re.compile(r'  File "<[^>]*>", line (\d+), in (?:template|top-level template code|block)')
_JINJA_ERRORS = ("TemplateAssertionError", "TemplateSyntaxError", "UndefinedError", "SecurityError")
_JINJA_WORDS = re.compile(
    r"is undefined|has no (?:attribute|element) '|^unexpected (?:'.'|char|end of template)|^expected token "
    r"|Encountered unknown tag|No (?:filter|test) named|Missing end of|^Unexpected end of template"
)
NO_TEXT = "it renders no text"
# Exceptions that only report another one, or that come from cleaning up after it. What follows an exception's
# text: another exception, advice of the library, or a warning from cleaning up.
_AFTER_EXCEPTION = re.compile(
    r"Traceback \(|During handling of|The above exception|File \"|For further information visit"
    r"|\[type=|fairlead-launcher: |\S+:\d+: \w*Warning|\[rank\d+\]:\[|INFO: "
)
_ADVICE = re.compile(r" \[type=\w+, input_\w+=.*|, retrying \d+ of \d+")
_EMPTY_WORDS = re.compile(r"See (?:root cause|stack trace)|KeyError: '/(?:psm|mp)|^SystemExit|CancelledError")
_DIED = re.compile(r"engine core exited unexpectedly|Worker proc \S+ died unexpectedly")
# The API server also logs the errors of single requests, which end nothing.
_FROM_ENGINE = re.compile(r"^\((?:EngineCore|\w*Worker)")


# The cause of an end, from the log --------------------------------------------------------------------------


def clean(line: str) -> str:
    """The line without colors and without vLLM's log prefix."""
    return _split(line)[1]


def _split(line: str) -> tuple[str, str]:
    """The log prefix of a line, and its text."""
    plain = _COLOR.sub("", line)
    prefix = _PREFIX.match(plain)
    end = prefix.end() if prefix else 0
    return plain[:end], plain[end:].rstrip()


def find_cause(lines: Iterable[str]) -> Cause | None:
    """The root cause that log lines name, oldest first, or None if they name none."""
    pairs = [_split(line) for line in lines]
    for reason, pattern in CAUSES:
        for at, (_, text) in enumerate(pairs):
            match = None if text.startswith(_SOURCE_CODE) else re.search(pattern, text)
            if match:
                return Cause(reason, _shorten(_whole(match.group(1), pairs, at)))
    last = _last_exception(pairs)
    return None if last is None else Cause("EngineCrashed", _shorten(_whole(pairs[last][1], pairs, last)))


def _last_exception(pairs: Sequence[tuple[str, str]]) -> int | None:
    """The position of the line that explains an end for which there is no pattern."""
    exceptions = [
        at for at, (_, text) in enumerate(pairs) if _EXCEPTION.match(text) and not _EMPTY_WORDS.search(text)
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


def _shorten(text: str, limit: int = MESSAGE_CHARS) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


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
        f"Fairlead sets. All that it does not know: {_shorten(words, DETAIL_CHARS)}",
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
        return Cause("EngineArgumentInvalid", _shorten(text))
    return None


def termination_message(cause: Cause, exit_code: int) -> bytes:
    """The JSON that Kubernetes shows, cut to what it keeps."""
    message = cause.message
    while True:
        document = {"reason": cause.reason, "message": message, "exitCode": exit_code}
        encoded = json.dumps(document).encode()
        if len(encoded) <= TERMINATION_BYTES:
            return encoded
        message = message[: len(message) // 2]


def count_oom_kills() -> int:
    """How many processes of this container the kernel has killed for memory (cgroup v2, then v1)."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            fields = dict(line.split() for line in Path(path).read_text().splitlines())
        except (OSError, ValueError):
            continue
        return int(fields.get("oom_kill", 0))
    return 0


# Progress ---------------------------------------------------------------------------------------------------


class StateFile:
    """Progress of the engine in a file that is always complete. Times are seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The log and the first prompt are followed by a thread each.
        self._lock = threading.RLock()
        self._phase_began = time.monotonic()
        self._written = 0.0
        self._state: dict[str, Any] = {
            "phase": "Starting",
            "since": int(time.time()),
            # Identifies this start of the engine.
            "startedAt": time.time(),
            "pid": os.getpid(),
            "exitCode": None,
            "detail": "",
            # Before a prompt was rendered, the engine may be healthy and refuse every request.
            "promptRendered": False,
            "phases": {},
            "cause": None,
        }

    @property
    def phase(self) -> str:
        """The current phase."""
        return str(self._state["phase"])

    @property
    def detail(self) -> str:
        """The last progress line."""
        return str(self._state["detail"])

    def enter(self, phase: str, **fields: object) -> None:
        """Closes the current phase, begins another and writes."""
        with self._lock:
            now = time.monotonic()
            self._state["phases"][self.phase] = round(now - self._phase_began, 1)
            self._phase_began = now
            self._state.update(fields, phase=phase, since=int(time.time()))
            self.write()

    def advance(self, phase: str, **fields: object) -> bool:
        """Enters a phase of the start, unless that or a later one has come; whether it did."""
        with self._lock:
            ahead = self.phase in ORDER and ORDER.index(phase) > ORDER.index(self.phase)
            if ahead:
                self.enter(phase, **fields)
            return ahead

    def set_progress(self, detail: str) -> None:
        """Sets the last progress line. Written only from time to time: progress bars are fast."""
        with self._lock:
            self._state["detail"] = _shorten(detail, DETAIL_CHARS)
            if time.monotonic() - self._written >= WRITE_SECONDS:
                self.write()

    def set_ready(self) -> None:
        """Records that the engine answers requests, not only that it is up."""
        with self._lock:
            self._state["promptRendered"] = True
            self.advance("Running")
            self.write()

    def write(self) -> None:
        """Replaces the file as a whole."""
        with self._lock:
            scratch = self._path.with_suffix(".tmp")
            scratch.write_text(json.dumps(self._state))
            os.replace(scratch, self._path)
            self._written = time.monotonic()


class Watch:
    """Relays the engine's log and extracts phases, progress and causes."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._rest = b""
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def relay(self, source: int, target: int) -> None:
        """Copies everything from one file descriptor to the other until the engine closes it."""
        while True:
            data = os.read(source, READ_BYTES)
            if not data:
                break
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
            self._learn(data)
        self._learn(b"\n")

    def _learn(self, data: bytes) -> None:
        # Progress bars end their lines with a carriage return.
        *whole, self._rest = re.split(rb"[\r\n]+", self._rest + data)
        for raw in whole:
            line = raw.decode(errors="replace")
            self.lines.append(line)
            if self._state.phase != "Running":
                self._follow(line)

    def _follow(self, line: str) -> None:
        for phase, pattern in PHASES:
            detail = _shorten(clean(line), DETAIL_CHARS)
            if re.search(pattern, line) and self._state.advance(phase, detail=detail):
                return
        if _PROGRESS.search(line):
            self._state.set_progress(clean(line))


# The first prompt -------------------------------------------------------------------------------------------


def engine_request(path: Path, method: str, target: str, body: object, timeout: float) -> tuple[int, bytes]:
    """Status and body of one request to the engine. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("engine", timeout=timeout)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        connection.sock.connect(str(path))
        connection.request(method, target, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(ENGINE_ANSWER_BYTES)
    finally:
        connection.close()


def is_healthy(path: Path) -> bool:
    """Whether the engine has started. It does not listen before."""
    with suppress(OSError, http.client.HTTPException):
        return engine_request(path, "GET", "/health", None, HEALTH_SECONDS)[0] == 200
    return False


def first_prompt_problem(path: Path) -> str | None:
    """The engine's error about a plain user message, None without one.

    `/tokenize` renders a conversation as the chat API does, and leaves out the model. A vLLM without it, or
    with another form of answer, counts as no error.
    """
    try:
        status, body = engine_request(
            path, "POST", "/tokenize", {"messages": [FIRST_MESSAGE]}, FIRST_PROMPT_SECONDS
        )
        answer = json.loads(body)
        if status == 200:
            return NO_TEXT if answer.get("count") == 0 else None
        return str(answer.get("error", answer)["message"]) if status == 400 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return None


def find_template_failure(
    problem: str | None, lines: Iterable[str], arguments: Sequence[str]
) -> Cause | None:
    """The cause, if the chat template fails for every conversation.

    `problem` is the engine's error about the first prompt, `lines` its log, in which newer releases render a
    prompt of their own, with the class of the error and its place. A template that refuses this conversation
    with `raise_exception` may have others in mind: that is no failure.
    """
    if problem is None:
        return None
    if "must provide a chat template" in problem:
        allowed = "--trust-request-chat-template" in arguments
        return None if allowed else Cause("ChatTemplateMissing", _shorten(problem))
    kind, line = _template_error(lines)
    # Other errors are not the template's: a model may refuse a conversation without a picture.
    failed = bool(line or kind in _JINJA_ERRORS) if kind else bool(_JINJA_WORDS.search(problem))
    if kind == "TemplateError" or not (failed or problem == NO_TEXT):
        return None
    source = "of --chat-template" if values_of("--chat-template", arguments) else "of the model's tokenizer"
    text = ": ".join(filter(None, [kind, problem])) + (f" (line {line})" if line else "")
    return Cause(
        "ChatTemplateInvalid", _shorten(f"The chat template {source} fails for every request: {text}")
    )


def _template_error(lines: Iterable[str]) -> tuple[str, str]:
    """Class and line of the error with which vLLM's own first prompt failed, as its log has them."""
    kind, line, begun = "", "", False
    for text in map(clean, lines):
        if not begun:
            begun = "Chat template warmup failed" in text
        elif place := _TEMPLATE_LINE.match(text):
            line = place[1]
        elif error := _EXCEPTION.match(text):
            # The first one is the root; the others are about it.
            kind = error[1].rpartition(".")[2]
            break
    return kind, line


# One run ----------------------------------------------------------------------------------------------------


class Launcher:
    """One run of the engine. Without a socket it has no API."""

    def __init__(
        self, command: Sequence[str], state: StateFile, termination_log: Path, socket_path: Path | None = None
    ) -> None:
        self._command, self._state, self._termination_log = command, state, termination_log
        self._socket = socket_path
        self._child: subprocess.Popen[bytes] | None = None
        self._stop_requested = False
        # Why the launcher itself ends a running engine.
        self._refusal: Cause | None = None
        self._killer = threading.Timer(START_PATIENCE_SECONDS, self._end_group)
        self._killer.daemon = True

    def run(self) -> int:
        """Runs the engine to its end and returns the exit code for this process."""
        oom_kills = count_oom_kills()
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        self._state.write()
        # A group of its own: whatever the engine leaves behind is found and ended with it.
        self._child = subprocess.Popen(
            self._command,
            env=engine_environment(self._command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        watch = Watch(self._state)
        reader = threading.Thread(target=watch.relay, args=(self._child.stdout.fileno(), 1), daemon=True)
        reader.start()
        if self._socket:
            threading.Thread(target=self._try_first_prompt, args=(self._socket, watch), daemon=True).start()
        if self._stop_requested:
            self._child.terminate()
        code = self._child.wait()
        self._killer.cancel()
        self._end_group()
        reader.join(timeout=5)
        return self._conclude(code, watch.lines, count_oom_kills() > oom_kills)

    def _try_first_prompt(self, path: Path, watch: Watch) -> None:
        """Waits until the engine is healthy, and ends it if it renders no prompt."""
        assert self._child is not None
        while not is_healthy(path):
            if self._child.poll() is not None:
                return
            time.sleep(HEALTH_PERIOD_SECONDS)
        self._refusal = find_template_failure(first_prompt_problem(path), watch.lines.copy(), self._command)
        if self._refusal is None:
            self._state.set_ready()
        elif not self._stop_requested:
            self._end_soon()
            self._child.terminate()

    def _pass_on(self, number: int, frame: object) -> None:
        if not self._stop_requested:
            self._record_interruption()
            if self._state.phase != "Running":
                self._end_soon()
        self._stop_requested = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _record_interruption(self) -> None:
        """Records the engine's activity when it was stopped: by a probe, unless the pod is being deleted.

        Written at once, because an engine that hangs is killed before it ends by itself, and the launcher
        too.
        """
        phase, detail = self._state.phase, self._state.detail
        if phase == "Running":
            cause = Cause(
                "EngineUnresponsive", "The engine was stopped while it served: it made no progress."
            )
        else:
            doing = f"{phase}: {detail}" if detail else phase
            cause = Cause("EngineStartTimeout", f"The engine was stopped before it was ready, in {doing}.")
        self._write_message(cause, 128 + signal.SIGTERM)

    def _end_soon(self) -> None:
        with suppress(RuntimeError):  # the timer runs already
            self._killer.start()

    def _end_group(self) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _conclude(self, code: int, lines: Iterable[str], oom_killed: bool) -> int:
        code = 128 - code if code < 0 else code
        if self._stop_requested:
            self._state.enter("Exited", exitCode=code)
            return code
        code = code or 1
        return self.fail(self._refusal or cause_of_exit(lines, code, oom_killed, self._command), code)

    def fail(self, cause: Cause, code: int) -> int:
        """Writes the cause of a failed start and returns the exit code."""
        self._state.enter("Exited", exitCode=code, cause=cause._asdict())
        log_error(f"{cause.reason}: {cause.message}")
        self._write_message(cause, code)
        return code

    def _write_message(self, cause: Cause, code: int) -> None:
        try:
            self._termination_log.write_bytes(termination_message(cause, code))
        except OSError as error:
            log_error(f"no termination message: {error}")


def log_error(message: str) -> None:
    """Writes one line in the format that all programs of Fairlead log in."""
    line = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),  # noqa: UP017 - Python 3.9
        "level": "ERROR",
        "logger": "fairlead.launcher",
        "message": message,
    }
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)


# The command line and the environment of the engine ---------------------------------------------------------


def engine_command(module: str, socket: Path, arguments: Sequence[str]) -> list[str]:
    """The engine's command line, with this very Python."""
    return [sys.executable, "-u", "-m", module, "--uds", str(socket), *arguments]


def engine_environment(command: Sequence[str]) -> dict[str, str]:
    """The environment of the engine.

    `--enforce-eager` keeps vLLM from compiling the model, but not some small functions, such as the ranks of
    log probabilities. They are compiled at the first request that needs them, and where there is no compiler
    that ends the engine. Without torch's compiler they run as they are.
    """
    environment = dict(os.environ)
    compilers = (os.environ.get("CXX"), "g++", "c++", "clang++")
    if "--enforce-eager" in command and not any(name and shutil.which(name) for name in compilers):
        environment.setdefault("TORCHDYNAMO_DISABLE", "1")
    return environment


def headless_command(arguments: Sequence[str]) -> list[str]:
    """The command line of a further node of the engine, which has no API. Only `vllm serve` knows of that."""
    return [sys.executable, "-u", "-m", HEADLESS_MODULE, "serve", "--headless", *arguments]


def values_of(flag: str, arguments: Sequence[str]) -> list[str]:
    """The values of the last use of a flag, as vLLM reads them."""
    found: list[str] = []
    for position, argument in enumerate(arguments):
        name, joined, value = argument.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if joined:
            found = [value]
        else:
            following = arguments[position + 1 :]
            end = next((at for at, word in enumerate(following) if word.startswith("--")), len(following))
            found = list(following[:end])
    return found


def adapter_folders(arguments: Sequence[str]) -> list[str]:
    """The folders of the adapters in `--lora-modules`, each NAME=PATH or a JSON object with `path`."""
    folders = []
    for value in values_of("--lora-modules", arguments):
        try:
            path = json.loads(value)["path"] if value.startswith("{") else value.partition("=")[2]
        except (ValueError, KeyError):
            continue  # vLLM reports its error
        folders.append(str(path))
    return folders


def named_beside(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """The models that arguments name beside the model itself: (flag, folder or repository)."""
    found = [
        (flag, name)
        for flag in ("--tokenizer", "--hf-config-path")
        for name in values_of(flag, arguments)[:1]
    ]
    for value in values_of("--speculative-config", arguments)[:1]:
        with suppress(ValueError, TypeError, KeyError):
            found.append(("--speculative-config", str(json.loads(value)["model"])))
    # Such as `ngram`, which is no model.
    return [(flag, name) for flag, name in found if "/" in name]


def absent_folder(arguments: Sequence[str]) -> Cause | None:
    """The cause, if a folder that the engine needs is not there.

    vLLM would take it for the id of a repository, and report that after half a minute of imports.
    """
    required = [("model", path) for path in values_of("--model", arguments)[:1]]
    required += [("adapter", path) for path in adapter_folders(arguments)]
    for what, path in required:
        if path.startswith("/") and not os.path.exists(path):
            return Cause("WeightsNotFound", f"There is no {what} folder {path}.")
    for flag, path in named_beside(arguments):
        if path.startswith("/") and not os.path.exists(path):
            return Cause("EngineArgumentInvalid", f"There is no folder {path}, which {flag} names.")
    return None


def refused_variable(environment: Mapping[str, str]) -> Cause | None:
    """The cause, if a variable prevents answers, or hides failures."""
    for name, (harmless, problem) in REFUSED_VARIABLES.items():
        if environment.get(name, "") not in harmless:
            return Cause(
                "EngineArgumentInvalid", f"The environment variable {name} must not be set: {problem}."
            )
    return None


def rank_arguments(arguments: Sequence[str]) -> list[str]:
    """`--max-lora-rank` with room for the adapters in the arguments, unless these have it already.

    An adapter that cannot be read, or is larger than vLLM takes, is left for vLLM to refuse.
    """
    if any(re.match(r"--max[-_]lora[-_]rank(=|$)", argument) for argument in arguments):
        return []
    ranks = []
    for folder in adapter_folders(arguments):
        with suppress(OSError, ValueError, KeyError, TypeError):
            config = json.loads(Path(folder, "adapter_config.json").read_text())
            ranks.append(max([config["r"], *(config.get("rank_pattern") or {}).values()]))
    if not ranks:
        return []
    fitting = [rank for rank in LORA_RANKS if rank >= max(ranks)]
    return ["--max-lora-rank", str(fitting[0] if fitting else LORA_RANKS[-1])]


# The preStop hooks ------------------------------------------------------------------------------------------


def gateway_request(
    host: str, port: int, method: str, path: str, timeout: float | None = None
) -> tuple[int, bytes]:
    """Status and body of one request to a gateway's admin port. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(GATEWAY_ANSWER_BYTES)
    finally:
        connection.close()


def drain(port: int) -> int:
    """Makes this pod's gateway drain and waits until it has; 1 if it cannot, 0 otherwise."""
    problem = ""
    for host in LOOPBACK:
        try:
            status, body = gateway_request(host, port, "POST", "/drain")
        except (OSError, http.client.HTTPException) as error:
            problem = f"{problem} {host}: {error!r}"
            continue
        if status == 200:
            return 0
        problem = f" HTTP {status} {body[:MESSAGE_CHARS].decode(errors='replace')}"
        break
    return report_problem(f"the gateway does not drain:{problem}")


def await_drain(host: str, port: int) -> int:
    """Waits until the gateway on another pod has drained or is gone. It changes nothing there."""
    seen = time.monotonic()
    while time.monotonic() - seen < LEADER_GONE_SECONDS:
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            _, body = gateway_request(host, port, "GET", "/status", POLL_SECONDS)
            if json.loads(body).get("drained"):
                return 0
            seen = time.monotonic()
        time.sleep(POLL_PAUSE_SECONDS)
    return 0


def report_problem(problem: str) -> int:
    """Names a problem in the hook's output, which Kubernetes shows as an event, and returns its exit code."""
    print(f"fairlead-launcher: {problem}", file=sys.stderr, flush=True)
    return 1


def give_up(timeout: float) -> None:
    """Ends the process at the timeout."""
    report_problem(f"not drained within {timeout:.0f} s")
    os._exit(1)


def run_hook(words: Sequence[str]) -> int:
    """Command line of a `preStop` hook; returns the exit code, at the latest after its timeout."""
    parser = argparse.ArgumentParser(prog="fairlead_launcher", description="A preStop hook.")
    parser.add_argument("hook", choices=HOOKS)
    parser.add_argument("--port", type=int, required=True, help="the gateway's admin port")
    parser.add_argument("--timeout", type=float, required=True, help="seconds after which it ends anyway")
    parser.add_argument("--address-from", default="", help="environment variable with the leader's address")
    options = parser.parse_args(words)
    # A timer, because a name resolution cannot be interrupted.
    timer = threading.Timer(options.timeout, give_up, (options.timeout,))
    timer.daemon = True
    timer.start()
    if options.hook == "drain":
        return drain(options.port)
    leader = os.environ.get(options.address_from, "")
    return (
        await_drain(leader, options.port)
        if leader
        else report_problem(f"{options.address_from!r} is not set")
    )


# The command line of this program ---------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_hook(words) if words[:1] and words[0] in HOOKS else launch(words)


def launch(argv: Sequence[str]) -> int:
    """Runs the engine to its end and returns the exit code."""
    parser = argparse.ArgumentParser(prog="fairlead_launcher", description="Starts vLLM on a Unix socket.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, help="where the engine listens")
    where.add_argument("--headless", action="store_true", help="a further node of an engine, without an API")
    parser.add_argument("--state", type=Path, required=True, help="file for progress and cause")
    parser.add_argument("--termination-log", type=Path, default=Path(TERMINATION_LOG))
    parser.add_argument("--module", default=ENGINE_MODULE, help="Python module of the engine's server")
    parser.add_argument("arguments", nargs="*", help="arguments for the engine, after --")
    options = parser.parse_args(argv)
    arguments = [*options.arguments, *rank_arguments(options.arguments)]
    if options.headless:
        command = headless_command(arguments)
    else:
        options.socket.unlink(missing_ok=True)
        command = engine_command(options.module, options.socket, arguments)
    launcher = Launcher(command, StateFile(options.state), options.termination_log, options.socket)
    hopeless = absent_folder(options.arguments) or refused_variable(os.environ)
    return launcher.fail(hopeless, 1) if hopeless else launcher.run()


if __name__ == "__main__":
    sys.exit(main())
