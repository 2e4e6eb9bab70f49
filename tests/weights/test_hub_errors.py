"""hf://: what delays a download is named, waited out where that helps, and reported while it lasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hub import Hub, sha256_of
from tests.weights.downloads import Pod, make_repository, read_folder, wait_until

LARGE = 300_000
MODEL = {"config.json": 700, "model.safetensors": LARGE}


@pytest.fixture
def repository(hub: Hub) -> Path:
    """acme/tiny at the hub."""
    return make_repository(hub.folder / "acme/tiny", MODEL)


def order(hub: Hub, pod: Pod, **more: object) -> str:
    """A download of acme/tiny."""
    return pod.order(pod.job("hf://acme/tiny", hub.url), **more)


def test_a_private_repository_without_a_token_is_weightsunauthorized(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    hub.behaviour.private = {"acme/tiny"}

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "WeightsUnauthorized"), outcome
    assert "spec.model.credentials" in outcome.message
    assert outcome.state["phase"] == "Failed"
    assert outcome.state["cause"] == {"reason": outcome.reason, "message": outcome.message}
    assert outcome.termination is not None
    assert outcome.termination["exitCode"] == 1


def test_an_unknown_token_is_weightsunauthorized_and_not_logged(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.token = "hf_right"

    outcome = pod.run(order(hub, pod), HF_TOKEN="hf_wrong")

    assert (outcome.code, outcome.reason) == (1, "WeightsUnauthorized"), outcome
    assert "token was refused" in outcome.message
    assert "hf_wrong" not in outcome.log


def test_a_gated_repository_is_weightsforbidden_until_its_licence_is_accepted(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    hub.behaviour.token, hub.behaviour.gated = "hf_right", {"acme/tiny"}

    outcome = pod.run(order(hub, pod), HF_TOKEN="hf_right")

    assert (outcome.code, outcome.reason) == (1, "WeightsForbidden"), outcome
    assert "licence" in outcome.message


def test_a_gated_repository_with_an_accepted_licence_is_downloaded(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    hub.behaviour.token = "hf_right"
    hub.behaviour.gated = hub.behaviour.granted = {"acme/tiny"}

    assert pod.run(order(hub, pod), HF_TOKEN="hf_right").code == 0


def test_a_missing_repository_is_weightsnotfound(hub: Hub, pod: Pod) -> None:
    hub.behaviour.token = "hf_right"

    outcome = pod.run(order(hub, pod), HF_TOKEN="hf_right")

    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome
    assert "acme/tiny" in outcome.message


def test_a_missing_revision_is_weightsnotfound(hub: Hub, pod: Pod, repository: Path) -> None:
    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url, revision="v9")))

    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome
    assert "v9" in outcome.message


def test_a_file_name_that_leads_out_of_the_folder_is_refused(hub: Hub, pod: Pod, repository: Path) -> None:
    (repository / "a\\..\\b").write_bytes(b"")

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome


def test_a_rate_limited_download_waits_for_retry_after(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.rate_limited, hub.behaviour.retry_after = 1, "2"
    process = pod.start(order(hub, pod))

    wait_until("the cause while it waits", lambda: pod.state().get("cause"))
    reported = pod.state()
    outcome = pod.end_of(process)

    assert reported["cause"]["reason"] == "WeightsRateLimited"
    assert reported["phase"] == "Downloading"
    assert outcome.code == 0, outcome
    assert outcome.state["cause"] is None
    first, second = hub.asked[:2]
    assert second.at - first.at >= 2


def test_a_rate_limit_longer_than_the_patience_is_weightsratelimited(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    hub.behaviour.rate_limited, hub.behaviour.retry_after = 1, "3600"

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "WeightsRateLimited"), outcome
    assert len(hub.asked) == 1


def test_a_rate_limit_during_the_download_pauses_every_request(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", {f"file-{n}.json": 100 for n in range(40)})
    hub.behaviour.bytes_per_second = 400
    process = pod.start(order(hub, pod))
    wait_until("the first files", lambda: len(hub.asked) > 4)
    hub.behaviour.rate_limited, hub.behaviour.retry_after = 1, "2"
    wait_until("the refusal", lambda: not hub.behaviour.rate_limited)
    hub.behaviour.bytes_per_second = 0
    refused = max(asked.at for asked in list(hub.asked))

    outcome = pod.end_of(process)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)
    # Running requests end; no new request is sent before the time that the hub named.
    assert not [asked for asked in hub.asked if refused + 1 < asked.at < refused + 1.9]


def test_a_short_hub_outage_is_retried(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.failing = 2

    outcome = pod.run(order(hub, pod))

    assert outcome.code == 0, outcome
    assert "WeightsUnavailable" in outcome.log


def test_an_unreachable_hub_is_weightsunavailable(pod: Pod) -> None:
    # The port of a server that is gone.
    unreachable = "http://127.0.0.1:9"

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", unreachable), patienceSeconds=1))

    assert (outcome.code, outcome.reason) == (1, "WeightsUnavailable"), outcome
    assert unreachable in outcome.message


def test_a_server_that_is_not_a_hub_is_weightsnotfound(pod: Pod, hub: Hub, repository: Path) -> None:
    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", f"{hub.url}/elsewhere")))

    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome


def test_a_complete_copy_is_used_while_the_hub_is_down(hub: Hub, pod: Pod, repository: Path) -> None:
    assert pod.run(order(hub, pod)).code == 0
    expected = read_folder(repository)
    hub.behaviour.failing = 1000

    outcome = pod.run(order(hub, pod, patienceSeconds=1))

    assert outcome.code == 0, outcome
    assert "complete copy" in outcome.log
    assert read_folder(pod.model) == expected


def test_a_complete_copy_is_not_used_after_the_permission_is_withdrawn(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    assert pod.run(order(hub, pod)).code == 0
    hub.behaviour.private = {"acme/tiny"}

    assert pod.run(order(hub, pod)).reason == "WeightsUnauthorized"


def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.cut_after = LARGE // 2

    outcome = pod.run(order(hub, pod))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)
    assert hub.sent() == sum(MODEL.values())


def test_without_range_support_a_file_is_downloaded_from_the_start(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    hub.behaviour.cut_after, hub.behaviour.ignore_ranges = LARGE // 2, True

    outcome = pod.run(order(hub, pod))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)
    assert outcome.state["bytes"] == outcome.state["totalBytes"] == sum(MODEL.values())


def test_corrupt_content_is_downloaded_again(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.corrupt = 1

    outcome = pod.run(order(hub, pod))

    assert outcome.code == 0, outcome
    assert "WeightsCorrupt" in outcome.log
    assert read_folder(pod.model) == read_folder(repository)


def test_repeatedly_corrupt_content_is_weightscorrupt(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.corrupt = 1000

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    assert not pod.model.exists()


def test_a_corrupt_partial_file_of_a_former_run_is_detected(hub: Hub, pod: Pod, repository: Path) -> None:
    large = repository / "model.safetensors"
    part = pod.cache / "huggingface/models--acme--tiny/blobs" / f"{sha256_of(large)}.fairlead.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))

    outcome = pod.run(order(hub, pod))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)


@pytest.mark.parametrize("text", ["", "{}", '{"jobs": []}', "no json"])
def test_an_invalid_download_order_is_invalidjob(pod: Pod, text: str) -> None:
    outcome = pod.run(text)

    assert (outcome.code, outcome.reason) == (1, "InvalidJob"), outcome
