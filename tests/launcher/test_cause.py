"""The root cause of a failure, found in what vLLM really printed.

The files in logs/ are trimmed logs of vLLM 0.32.0 on CPU, one per way to fail.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fairlead_launcher import (
    MESSAGE_CHARS,
    TERMINATION_BYTES,
    Cause,
    cause_of_exit,
    clean,
    find_cause,
    termination_message,
)

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
    ("garbage-config", "ModelUnsupported", "'/models/garbage/config.json' is not a valid JSON file"),
    ("truncated-weights", "ModelUnsupported", "incomplete metadata, file not fully covered"),
    ("unknown-architecture", "ModelUnsupported", "['FrobForCausalLM'] are not supported"),
    ("engine-killed", "EngineCrashed", "engine core exited unexpectedly"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "reason", "telling"), REAL_FAILURES, ids=[log for log, _, _ in REAL_FAILURES]
)
def test_a_real_failure_is_named_with_its_telling_line(log: str, reason: str, telling: str) -> None:
    cause = find_cause((LOGS / f"{log}.log").read_text().splitlines())

    assert cause is not None
    assert cause.reason == reason
    assert telling in cause.message


def test_every_real_log_is_in_the_table() -> None:
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
def test_failures_that_need_a_gpu_or_a_registry_are_known_by_their_words(line: str, reason: str) -> None:
    cause = find_cause(["starting", f"(Worker pid=7) ERROR 11-21 05:46:57 [core.py:1] {line}", "bye"])

    assert cause is not None
    assert cause.reason == reason


def test_an_unknown_failure_is_passed_on_as_its_last_exception() -> None:
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


def test_a_silent_exit_still_has_a_cause() -> None:
    cause = cause_of_exit([], 3, oom_killed=False)

    assert cause.reason == "EngineCrashed"
    assert "exit code 3" in cause.message


def test_a_kill_for_memory_outranks_what_the_log_says() -> None:
    assert cause_of_exit(["RuntimeError: worker died"], 1, oom_killed=True).reason == "HostOutOfMemory"


def test_the_log_prefix_is_not_part_of_a_message() -> None:
    assert clean("(EngineCore pid=9) ERROR 11-21 05:46:57 [core.py:1510] ValueError: x\n") == "ValueError: x"


def test_a_message_is_cut_to_a_readable_length() -> None:
    cause = find_cause(["RuntimeError: " + "x" * 5000])

    assert cause is not None
    assert len(cause.message) == MESSAGE_CHARS


def test_the_termination_message_fits_and_is_json() -> None:
    encoded = termination_message(Cause("EngineCrashed", "ü" * 3000), 1)

    assert len(encoded) <= TERMINATION_BYTES
    assert json.loads(encoded)["reason"] == "EngineCrashed"
