"""The root cause of a failure, found in what vLLM really printed.

The files in logs/ are trimmed logs of vLLM 0.32.0 on CPU, one per way to fail.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead_launcher.arguments import OWN_ARGUMENTS
from fairlead_launcher.bounds import MESSAGE_CHARS, MESSAGE_LINES, TERMINATION_BYTES
from fairlead_launcher.causes import Cause, cause_of_exit, find_cause
from fairlead_launcher.engine_log import clean
from fairlead_launcher.report import termination_message
from fairlead_operator.render.arguments import vllm_arguments
from fairlead_operator.render.model import parse_model
from tests.render.cases import CASES, read_model

LOGS = Path(__file__).parent / "logs"

REAL_FAILURES = [
    ("unknown-flag", "EngineArgumentInvalid", "unrecognized arguments: --frobnicate"),
    ("bad-value", "EngineArgumentInvalid", "argument --max-model-len: invalid human_readable"),
    ("context-over-memory", "ContextTooLong", "the estimated maximum model length is 524160"),
    ("context-over-model", "ContextTooLong", "max_position_embeddings=2048"),
    ("no-compiler", "CompilerMissing", "No working C++ compiler found"),
    ("no-kv", "HostOutOfMemory", "Available memory on node 0 (8.77/12.84 GiB)"),
    ("missing-path", "WeightsNotFound", "'/models/nothing/here'"),
    ("hf-offline", "WeightsNotFound", "outgoing traffic has been disabled"),
    ("hf-online-missing", "WeightsNotFound", "trying to locate the file on the Hub"),
    ("garbage-config", "WeightsCorrupt", "'/models/garbage/config.json' is not a valid JSON file"),
    ("gguf-without-plugin", "ModelUnsupported", "'/models/tiny.gguf' is not a valid JSON file"),
    ("truncated-weights", "WeightsCorrupt", "incomplete metadata, file not fully covered"),
    ("unknown-architecture", "ModelUnsupported", "['FrobForCausalLM'] are not supported"),
    ("git-lfs-pointer", "WeightsCorrupt", "header too large"),
    ("no-config", "WeightsNotFound", "'/models/no-config'. Please verify"),
    ("no-config", "WeightsNotFound", "ensure the presence of a 'config.json'"),
    ("no-weights", "WeightsNotFound", "Cannot find any model weights with `/models/no-weights`"),
    ("no-architecture", "ModelUnsupported", "Should have a `model_type` key in its config.json"),
    ("template-file-absent", "EngineArgumentInvalid", "(/etc/absent/template.jinja) appears path-like"),
    ("no-tokenizer", "TokenizerInvalid", "You need to have sentencepiece or tiktoken installed"),
    ("remote-code", "RemoteCodeNotTrusted", "The repository /models/remote-code contains custom code"),
    ("remote-code", "RemoteCodeNotTrusted", "Please pass the argument `trust_remote_code=True`"),
    ("tokenizer-repo-absent", "WeightsNotFound", "outgoing traffic has been disabled"),
    ("draft-repo-absent", "WeightsNotFound", "'org/absent-draft'"),
    ("engine-killed", "EngineCrashed", "engine core exited unexpectedly"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "reason", "telling"),
    REAL_FAILURES,
    ids=[f"{log}: {telling}" for log, _, telling in REAL_FAILURES],
)
def test_a_real_failure_is_reported_with_its_relevant_log_line(log: str, reason: str, telling: str) -> None:
    cause = find_cause(read_log(log))

    assert cause is not None
    assert cause.reason == reason
    assert telling in cause.message


@pytest.mark.parametrize(
    ("log", "arguments", "telling"),
    [
        ("tokenizer-repo-absent", ["--tokenizer", "org/absent-tokenizer"], "org/absent-tokenizer"),
        ("tokenizer-repo-absent", ["--tokenizer=org/absent-tokenizer"], "--tokenizer names"),
        (
            "draft-repo-absent",
            ["--speculative-config", '{"model": "org/absent-draft", "num_speculative_tokens": 2}'],
            "--speculative-config names org/absent-draft",
        ),
    ],
)
def test_an_error_in_another_path_argument_is_not_attributed_to_the_model(
    log: str, arguments: list[str], telling: str
) -> None:
    cause = cause_of_exit(read_log(log), 1, False, ["--model", "/models/there", *arguments])

    assert cause.reason == "EngineArgumentInvalid"
    assert telling in cause.message


@pytest.mark.parametrize(
    "arguments", [[], ["--tokenizer", "org/other"], ["--speculative-config", "not JSON"]]
)
def test_a_missing_model_is_not_attributed_to_another_argument(arguments: list[str]) -> None:
    cause = cause_of_exit(read_log("no-config"), 1, False, ["--model", "/models/no-config", *arguments])

    assert cause.reason == "WeightsNotFound"


NCCL = """\
(Worker pid=9) ERROR 11-21 05:46:57 [m:1] torch.distributed.DistBackendError: NCCL error in: NCCLUtils.hpp:3
(Worker pid=9) ERROR 11-21 05:46:57 [m:1] ncclSystemError: System call (e.g. socket, malloc) failed.
(Worker pid=9) ERROR 11-21 05:46:57 [m:1] Last error:
(Worker pid=9) ERROR 11-21 05:46:57 [m:1] Error while creating shared memory segment /dev/shm/nccl-x
(Worker pid=9) ERROR 11-21 05:46:58 [m.py:2] another record
"""


def test_the_last_nccl_error_is_reported() -> None:
    cause = find_cause(NCCL.splitlines())

    assert cause == Cause(
        "AcceleratorCommunicationFailed",
        "NCCL error in: NCCLUtils.hpp:3 ncclSystemError: System call (e.g. socket, malloc) failed. "
        "Last error: Error while creating shared memory segment /dev/shm/nccl-x",
    )


def test_the_text_of_an_exception_ends_at_the_next_python_message() -> None:
    lines = [
        "frob.FrobError: no frob",
        "because there is none",
        "",
        "During handling of the above exception, another exception occurred:",
        "sys:1: DeprecationWarning: old",
    ]

    assert find_cause(lines) == Cause("EngineCrashed", "frob.FrobError: no frob because there is none")


def test_an_exception_of_many_lines_is_cut() -> None:
    cause = find_cause(["frob.FrobError: 0", *map(str, range(1, 100))])

    assert cause is not None
    assert cause.message.split()[-1] == str(MESSAGE_LINES - 1)


def test_a_colored_log_is_read_like_any_other() -> None:
    line = "\x1b[1;36m(EngineCore pid=9)\x1b[0;0m ERROR 11-21 05:46:57 [core.py:1] MemoryError: x"

    assert find_cause([line]) == Cause("HostOutOfMemory", "MemoryError: x")


def test_an_old_vllm_is_reported_as_unsupported_and_not_as_a_user_error() -> None:
    line = "api_server.py: error: unrecognized arguments: --fingerprint-mode none --shutdown-timeout 20"
    cause = cause_of_exit([line], 2, False)

    assert cause.reason == "EngineVersionUnsupported"
    assert "does not know --fingerprint-mode, --shutdown-timeout, which Fairlead sets" in cause.message


@pytest.mark.parametrize("case", CASES)
def test_the_launcher_knows_every_argument_that_the_operator_writes(case: str) -> None:
    body = read_model(case)
    body["spec"].get("engine", {}).pop("args", None)
    words = vllm_arguments(parse_model(body))

    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= OWN_ARGUMENTS


def read_log(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text().splitlines()


def test_every_recorded_failure_log_has_an_expected_cause() -> None:
    assert {file.stem for file in LOGS.glob("*.log")} == {log for log, _, _ in REAL_FAILURES}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "/usr/bin/python3: Error while finding module specification for "
            "'vllm.entrypoints.openai.api_server' (ModuleNotFoundError: No module named 'vllm')",
            "EngineImageInvalid",
        ),
        ("RuntimeError: Failed to infer device type", "AcceleratorNotFound"),
        ("RuntimeError: No CUDA GPUs are available", "AcceleratorNotFound"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "AcceleratorOutOfMemory"),
        ("ValueError: No available memory for the cache blocks.", "AcceleratorOutOfMemory"),
        ("ValueError: Free memory on device cuda:0 (3.1/79.1 GiB) is too small", "AcceleratorOutOfMemory"),
        ("OSError: [Errno 28] No space left on device: '/home/x'", "DiskFull"),
        (
            "HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/x",
            "WeightsUnauthorized",
        ),
        ("HTTPError: 403 Client Error: Forbidden for url: https://huggingface.co/x", "WeightsForbidden"),
        ("HTTPError: 404 Client Error: Not Found for url: https://huggingface.co/x", "WeightsNotFound"),
        ("HTTPError: 429 Client Error: Too Many Requests for url: https://x", "WeightsRateLimited"),
        ("RuntimeError: Failed to find C compiler. Please specify via CC", "CompilerMissing"),
    ],
)
def test_gpu_and_registry_failures_are_recognized_by_their_messages(line: str, reason: str) -> None:
    cause = find_cause(["starting", f"(Worker pid=7) ERROR 11-21 05:46:57 [core.py:1] {line}", "bye"])

    assert cause is not None
    assert cause.reason == reason


def test_an_unknown_failure_is_reported_as_its_last_exception() -> None:
    lines = [
        "Traceback (most recent call last):",
        "    raise FrobError(x)",
        "frob.FrobError: no frob today",
        "",
    ]

    assert find_cause(lines) == Cause("EngineCrashed", "frob.FrobError: no frob today")


def test_errors_of_single_requests_are_not_the_cause_of_a_crash() -> None:
    lines = [
        "(EngineCore pid=7) ERROR 11-21 05:46:57 [core.py:1] RuntimeError: kernel failed",
        "(APIServer pid=1) ERROR 11-21 05:46:58 [x.py:1] ValueError: bad request",
    ]

    assert find_cause(lines) == Cause("EngineCrashed", "RuntimeError: kernel failed")


def test_an_exit_without_log_has_a_cause() -> None:
    cause = cause_of_exit([], 3, oom_killed=False)

    assert cause.reason == "EngineCrashed"
    assert "exit code 3" in cause.message


def test_an_out_of_memory_kill_takes_precedence_over_the_log() -> None:
    assert cause_of_exit(["RuntimeError: worker died"], 1, oom_killed=True).reason == "HostOutOfMemory"


def test_the_log_prefix_is_not_part_of_a_message() -> None:
    assert clean("(EngineCore pid=9) ERROR 11-21 05:46:57 [core.py:1510] ValueError: x\n") == "ValueError: x"


def test_a_message_is_cut_to_a_readable_length() -> None:
    cause = find_cause(["RuntimeError: " + "x" * 5000])

    assert cause is not None
    assert len(cause.message) == MESSAGE_CHARS


def test_the_termination_message_is_json_within_the_size_limit() -> None:
    encoded = termination_message(Cause("EngineCrashed", "ü" * 3000), 1)

    assert len(encoded) <= TERMINATION_BYTES
    assert json.loads(encoded)["reason"] == "EngineCrashed"
