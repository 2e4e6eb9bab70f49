"""`python -m fairlead_weights`: reads FAIRLEAD_WEIGHTS, downloads, and reports the result.

Exit codes: 0 done; 1 failed, with the cause in the progress file and the termination message; 128 + signal.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from fairlead_contract.log_format import JsonFormatter
from fairlead_contract.names import DOWNLOAD_ORDER_VARIABLE

from .causes import DownloadCause, DownloadError, termination_message
from .jobs import JobError, Order, parse
from .reporter import Reporter, log
from .run import connect, run

TERMINATION_LOG = "/dev/termination-log"
# huggingface_hub reads these when it is imported.
_LIBRARY_SETTINGS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    # Plain HTTP can be continued after a kill, and every mirror supports it.
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_OFFLINE": "0",
    # Outside clouds nothing answers at the address of the instance's metadata.
    "AWS_METADATA_SERVICE_TIMEOUT": "1",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="fairlead_weights", description="Downloads weights into a cache.")
    parser.add_argument("--termination-log", type=Path, default=Path(TERMINATION_LOG))
    options = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        # At once: the files on the disk are enough to continue, and no clean-up is needed.
        signal.signal(number, lambda number, _: os._exit(128 + number))
    os.environ.update(_LIBRARY_SETTINGS)
    _format_logs_of_libraries()
    # Other pods that share the cache may run as other users of the same group.
    os.umask(0o002)
    try:
        order = parse(os.environ.get(DOWNLOAD_ORDER_VARIABLE, ""))
    except JobError as error:
        return _end(DownloadCause("InvalidJob", str(error)), options.termination_log)
    cause = _download(order)
    return _end(cause, options.termination_log) if cause else 0


def _format_logs_of_libraries() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)


def _download(order: Order) -> DownloadCause | None:
    reporter = Reporter(Path(order.state), order.source)
    try:
        run(order, connect, reporter)
    except DownloadError as failure:
        cause = failure.cause
    except Exception as error:
        log("the downloader failed", "ERROR", exception=traceback.format_exc())
        cause = DownloadCause(
            "WeightsUnavailable", f"The downloader failed: {type(error).__name__}: {error}"[:800]
        )
    else:
        reporter.finish("Complete")
        return None
    reporter.finish("Failed", cause.message, cause)
    return cause


def _end(cause: DownloadCause, termination_log: Path) -> int:
    log(f"{cause.reason}: {cause.message}", "ERROR")
    try:
        termination_log.write_bytes(termination_message(cause, 1))
    except OSError as error:
        log(f"no termination message: {error}", "ERROR")
    return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Not sys.exit: threads that still wait for a silent server would delay the end.
    os._exit(code)
