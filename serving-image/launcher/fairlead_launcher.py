"""Starts vLLM in the engine container, and tells what it is doing and why it died.

The gateway copies this one file into a volume that the engine container mounts read-only; that container runs
it with whatever Python its image has, so it uses only the standard library and works on Python 3.9.

It exists because vLLM alone
- leaves its socket file behind, on which the next start fails;
- prints the cause of a failure far above the last lines that Kubernetes keeps;
- exits with code 0 when its engine process dies;
- wants to be told the rank of its LoRA adapters, which is in their files, so that only the pod knows it.

It is also the `preStop` hook of the engine container: `drain` asks the gateway of the same pod to drain, and
`await-drain`, in a worker of an engine over several nodes, waits until the leader has drained.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
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
DETAIL_CHARS = 160
WRITE_SECONDS = 0.5
READ_BYTES = 1 << 16
# What every vLLM takes for --max-lora-rank. The smallest of them costs next to nothing.
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
# vLLM goes on starting as if nothing had been said when SIGTERM comes while it loads, and would keep its
# accelerator until the pod's whole grace period is over. It has nothing to finish.
START_PATIENCE_SECONDS = 5
# The gateway of the same pod. In a pod that has only IPv6 addresses it listens on the second one.
LOOPBACK = ("127.0.0.1", "::1")
# How often a worker looks at its leader, and how long one look may take.
LOOK_AGAIN_SECONDS = 1.0
LOOK_SECONDS = 5.0
# A leader that cannot be reached for so long is gone. A gateway that starts again is back before that.
LEADER_GONE_SECONDS = 15.0
# The gateway's answers have a few hundred bytes.
GATEWAY_ANSWER_BYTES = 1 << 20
HOOKS = ("drain", "await-drain")


class Cause(NamedTuple):
    """Why the engine ended: a reason for machines and the telling line for people."""

    reason: str
    message: str


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
    ("DiskFull", r"(.*No space left on device.*)"),
    ("ModelUnsupported", r"(Model architectures \[[^]]*\] are not supported)"),
    ("ModelUnsupported", r"(.*does not recognize this architecture.*)"),
    ("ModelUnsupported", r"((?:.*is not a valid JSON file|\S*SafetensorError:).*)"),
    ("WeightsUnauthorized", r"(.*\b401 Client Error.*)"),
    ("WeightsForbidden", r"(.*(?:\b403 Client Error|GatedRepoError: ).*)"),
    ("WeightsNotFound", r"(.*(?:\b404 Client Error|(?:Repository|Revision)NotFoundError: ).*)"),
    ("WeightsRateLimited", r"(.*\b429 (?:Client Error|Too Many Requests).*)"),
    ("WeightsNotFound", r"((?:\S*HFValidationError|\S*LocalEntryNotFoundError): .*)"),
    ("WeightsNotFound", r"(.*No such file or directory: '/models.*)"),
    ("EngineArgumentInvalid", r"^ *Value error, (.*)"),
)
PHASES = (
    ("LoadingWeights", r"Starting to load model"),
    ("Compiling", r"torch\.compile takes|Dynamo bytecode|for the compilation|Capturing (?:CUDA|cuda) ?graph"),
    ("Running", r"Application startup complete"),
)
ORDER = ("Starting", *(phase for phase, _ in PHASES))

# "(EngineCore pid=7) ERROR 11-21 05:46:57 [core.py:1510] " before what a line says.
_PREFIX = re.compile(
    r"^(?:\([^()]*pid=\d+\) )?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:]+ \[[^]]*\] ?)?"
)
_PROGRESS = re.compile(r"\bINFO [\d-]+ [\d:]+ \[|\d+%")
_SOURCE_CODE = "    "  # how tracebacks indent it
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt)\b(?:: .*)?$")
# Exceptions that only say that another one happened, or that come from cleaning up after it.
_EMPTY_WORDS = re.compile(r"See (?:root cause|stack trace)|KeyError: '/(?:psm|mp)|^SystemExit|CancelledError")
_DIED = re.compile(r"engine core exited unexpectedly|Worker proc \S+ died unexpectedly")
# The API server also logs the errors of single requests, which end nothing.
_FROM_ENGINE = re.compile(r"^\((?:EngineCore|\w*Worker)")


def clean(line: str) -> str:
    """The line without vLLM's log prefix."""
    return _PREFIX.sub("", line, count=1).rstrip()


def find_cause(lines: Iterable[str]) -> Cause | None:
    """The root cause told by log lines, oldest first, or None if they tell nothing."""
    pairs = [(line, clean(line)) for line in lines]
    told = [text for _, text in pairs if not text.startswith(_SOURCE_CODE)]
    for reason, pattern in CAUSES:
        match = next(filter(None, (re.search(pattern, text) for text in told)), None)
        if match:
            return Cause(reason, _shorten(match.group(1).strip()))
    exceptions = [pair for pair in pairs if _EXCEPTION.match(pair[1]) and not _EMPTY_WORDS.search(pair[1])]
    telling = (
        [text for line, text in exceptions if _FROM_ENGINE.match(line)]
        or [text for text in told if _DIED.search(text)]
        or [text for _, text in exceptions]
    )
    return Cause("EngineCrashed", _shorten(telling[-1])) if telling else None


def _shorten(text: str, limit: int = MESSAGE_CHARS) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cause_of_exit(lines: Iterable[str], exit_code: int, oom_killed: bool) -> Cause:
    """The cause of an exit that nobody asked for; always says something."""
    if oom_killed:
        return Cause("HostOutOfMemory", "The kernel killed a process of the engine: memory limit reached.")
    found = find_cause(lines)
    return found or Cause(
        "EngineCrashed", f"The engine ended with exit code {exit_code} without naming a cause."
    )


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


class StateFile:
    """Progress of the engine in a file that is always complete. Times are seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._phase_began = time.monotonic()
        self._written = 0.0
        self._state: dict[str, Any] = {
            "phase": "Starting",
            "since": int(time.time()),
            # Tells this start of the engine from the one before.
            "startedAt": time.time(),
            "pid": os.getpid(),
            "exitCode": None,
            "detail": "",
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
        now = time.monotonic()
        self._state["phases"][self.phase] = round(now - self._phase_began, 1)
        self._phase_began = now
        self._state.update(fields, phase=phase, since=int(time.time()))
        self.write()

    def tell(self, detail: str) -> None:
        """Notes the last progress line. Written now and then only: progress bars are fast."""
        self._state["detail"] = _shorten(detail, DETAIL_CHARS)
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """Replaces the file as a whole."""
        scratch = self._path.with_suffix(".tmp")
        scratch.write_text(json.dumps(self._state))
        os.replace(scratch, self._path)
        self._written = time.monotonic()


class Watch:
    """Relays the engine's log as it comes and learns from its lines."""

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
            if re.search(pattern, line) and ORDER.index(phase) > ORDER.index(self._state.phase):
                self._state.enter(phase, detail=_shorten(clean(line), DETAIL_CHARS))
                return
        if _PROGRESS.search(line):
            self._state.tell(clean(line))


class Launcher:
    """One run of the engine."""

    def __init__(self, command: Sequence[str], state: StateFile, termination_log: Path) -> None:
        self._command, self._state, self._termination_log = command, state, termination_log
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False
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
        if self._asked:
            self._child.terminate()
        code = self._child.wait()
        self._killer.cancel()
        self._end_group()
        reader.join(timeout=5)
        return self._conclude(code, watch.lines, count_oom_kills() > oom_kills)

    def _pass_on(self, number: int, frame: object) -> None:
        if not self._asked:
            self._tell_interruption()
            if self._state.phase != "Running":
                self._killer.start()
        self._asked = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _tell_interruption(self) -> None:
        """Says what the engine was doing when somebody stopped it: a probe, unless the pod is going anyway.

        Told at once, because an engine that hangs is killed before it ends by itself, and the launcher too.
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

    def _end_group(self) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _conclude(self, code: int, lines: Iterable[str], oom_killed: bool) -> int:
        code = 128 - code if code < 0 else code
        if self._asked:
            self._state.enter("Exited", exitCode=code)
            return code
        code = code or 1
        return self.fail(cause_of_exit(lines, code, oom_killed), code)

    def fail(self, cause: Cause, code: int) -> int:
        """Writes down why there is no engine and returns the exit code."""
        self._state.enter("Exited", exitCode=code, cause=cause._asdict())
        print(f"fairlead-launcher: {cause.reason}: {cause.message}", file=sys.stderr, flush=True)
        self._write_message(cause, code)
        return code

    def _write_message(self, cause: Cause, code: int) -> None:
        try:
            self._termination_log.write_bytes(termination_message(cause, code))
        except OSError as error:
            print(f"fairlead-launcher: no termination message: {error}", file=sys.stderr, flush=True)


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
        if argument == flag:
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
            continue  # vLLM says what is wrong with it
        folders.append(str(path))
    return folders


def absent_folder(arguments: Sequence[str]) -> str | None:
    """What is missing, if the folder of the model or of an adapter is not there.

    vLLM would take it for the id of a repository, and say so in these words after half a minute of imports.
    """
    wanted = [("model", path) for path in values_of("--model", arguments)[:1]]
    wanted += [("adapter", path) for path in adapter_folders(arguments)]
    for what, path in wanted:
        if path.startswith("/") and not os.path.exists(path):
            return f"There is no {what} folder {path}."
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


def ask_gateway(
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
    """Asks this pod's gateway to drain and waits until it has; 1 if it cannot, 0 otherwise."""
    problem = ""
    for host in LOOPBACK:
        try:
            status, body = ask_gateway(host, port, "POST", "/drain")
        except (OSError, http.client.HTTPException) as error:
            problem = f"{problem} {host}: {error!r}"
            continue
        if status == 200:
            return 0
        problem = f" HTTP {status} {body[:MESSAGE_CHARS].decode(errors='replace')}"
        break
    return say(f"the gateway does not drain:{problem}")


def await_drain(host: str, port: int) -> int:
    """Waits until the gateway on another pod has drained or is gone. It changes nothing there."""
    seen = time.monotonic()
    while time.monotonic() - seen < LEADER_GONE_SECONDS:
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            _, body = ask_gateway(host, port, "GET", "/status", LOOK_SECONDS)
            if json.loads(body).get("drained"):
                return 0
            seen = time.monotonic()
        time.sleep(LOOK_AGAIN_SECONDS)
    return 0


def say(problem: str) -> int:
    """Names a problem in the hook's output, which Kubernetes shows as an event, and returns its exit code."""
    print(f"fairlead-launcher: {problem}", file=sys.stderr, flush=True)
    return 1


def give_up(timeout: float) -> None:
    """Ends the process, whatever it waits for."""
    say(f"not drained within {timeout:.0f} s")
    os._exit(1)


def run_hook(words: Sequence[str]) -> int:
    """Command line of a `preStop` hook; returns the exit code, at the latest after its timeout."""
    parser = argparse.ArgumentParser(prog="fairlead_launcher", description="A preStop hook.")
    parser.add_argument("hook", choices=HOOKS)
    parser.add_argument("--port", type=int, required=True, help="the gateway's admin port")
    parser.add_argument("--timeout", type=float, required=True, help="seconds after which it ends anyway")
    parser.add_argument("--address-from", default="", help="environment variable with the leader's address")
    options = parser.parse_args(words)
    # A timer, because a look-up of a name cannot be interrupted.
    timer = threading.Timer(options.timeout, give_up, (options.timeout,))
    timer.daemon = True
    timer.start()
    if options.hook == "drain":
        return drain(options.port)
    leader = os.environ.get(options.address_from, "")
    return await_drain(leader, options.port) if leader else say(f"{options.address_from!r} is not set")


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
    launcher = Launcher(command, StateFile(options.state), options.termination_log)
    absent = absent_folder(options.arguments)
    if absent:
        return launcher.fail(Cause("WeightsNotFound", absent), 1)
    return launcher.run()


if __name__ == "__main__":
    sys.exit(main())
