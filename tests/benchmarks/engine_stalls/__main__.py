"""`python -m tests.benchmarks.engine_stalls`: what a request at each bound costs others, and one far beyond.

Takes a quarter of an hour for one engine. Machines are noisy: the figures are for the table of bounds, not
for a comparison. The exit code is 1 if the gateway lets a request through that it must refuse, or the other
way round.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import EngineFacts, RequestPolicy, make_policy
from fairlead_gateway.contract.request import prepare_chat
from tests.benchmarks.engine_stalls.cases import CASES, Case
from tests.benchmarks.engine_stalls.probe import GIVE_UP_SECONDS, MINIMAL, Stall, measure
from tests.benchmarks.engine_stalls.vocabulary import make_large_model
from tests.support.engine import Engine
from tests.support.manifests import FIRST, NAME, SERVED_NAMES, merged

# After this, the client of a request far beyond a bound leaves.
_LEAVES_SECONDS = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    chosen = [case for case in CASES if options.case in case.name]
    policy = make_policy(SERVED_NAMES, engine=EngineFacts(request_chat_templates=True))
    wrong = [text for case in chosen for text in _judged(case, policy)]
    print("| request | bytes | status | plain | with a form |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder:
        models = Path(folder) if options.large else None
        if models:
            make_large_model(models / NAME)
        engine = _start(options.backend, models)
        try:
            for case in chosen:
                _show(case, case.bound, measure(engine.socket, _body(case, case.bound, policy)))
            for case in chosen if options.beyond else ():
                stall = measure(engine.socket, _unchecked(case, case.beyond), _LEAVES_SECONDS)
                _show(case, case.beyond, stall)
                if stall.failures:
                    # It ended, or goes on although no client waits.
                    engine.stop()
                    engine = _start(options.backend, models)
        finally:
            engine.stop()
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine_stalls")
    parser.add_argument("--large", action="store_true", help="a vocabulary of 131,072 tokens, not of 2,048")
    parser.add_argument("--backend", default="auto", help="of structured outputs (default: auto)")
    parser.add_argument("--case", default="", help="only cases with this in their names")
    parser.add_argument("--beyond", action="store_true", help="also what the gateway refuses")
    return parser.parse_args(arguments)


def _start(backend: str, models: Path | None) -> Engine:
    forms = ("--structured-outputs-config", json.dumps({"backend": backend}))
    engine = Engine(merged(FIRST, {"engine": {"args": ["--enforce-eager", *forms]}}), models)
    try:
        return engine.wait_ready()
    except BaseException:
        engine.stop()
        raise


def _request(case: Case, size: int) -> bytes:
    return json.dumps(MINIMAL | case.make(size)).encode()


def _body(case: Case, size: int, policy: RequestPolicy) -> bytes:
    return prepare_chat(_request(case, size), policy).body


def _unchecked(case: Case, size: int) -> bytes:
    """What the engine would get without the bounds."""
    document: dict[str, Any] = json.loads(_request(case, size))
    for name in [name for name in document if name.startswith("guided_")]:
        document["structured_outputs"] = {name.removeprefix("guided_"): document.pop(name)}
    return json.dumps(document).encode()


def _judged(case: Case, policy: RequestPolicy) -> list[str]:
    """What is wrong with the gateway's decision about a case."""
    try:
        prepare_chat(_request(case, case.bound), policy)
    except ApiError as error:
        return [f"{case.name}: refused at the bound: {error.message}"]
    try:
        prepare_chat(_request(case, case.beyond), policy)
    except ApiError as error:
        return [] if error.param == case.param else [f"{case.name}: refused as {error.param}"]
    return [f"{case.name}: accepted beyond the bound"]


def _show(case: Case, size: int, stall: Stall) -> None:
    waited = [f"{min(delay, GIVE_UP_SECONDS):.2f} s" for delay in (stall.plain, stall.form)]
    if stall.failures and stall.seconds < _LEAVES_SECONDS:
        waited = ["engine ended"] * 2
    cells = [f"{case.name}, {size:,}", f"{len(_request(case, size)):,}", stall.status or "none", *waited]
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
