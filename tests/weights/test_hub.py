"""hf://: what a download from a hub brings, and in which form."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import snapshot_download

from tests.support.hub import Hub, commit_of
from tests.weights.downloads import Pod, make_repository, read_folder

LARGE = 300_000
MODEL = {
    "config.json": 700,
    "tokenizer.json": 90_000,
    "chat_template.jinja": 50,
    "model-00001-of-00002.safetensors": LARGE,
    "model-00002-of-00002.safetensors": LARGE + 1,
    "extra/vocab.txt": 10,
}


def test_a_model_is_downloaded_completely(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", MODEL)

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url)))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)
    total = sum(MODEL.values())
    assert (outcome.state["phase"], outcome.state["bytes"], outcome.state["totalBytes"]) == (
        "Complete",
        total,
        total,
    )
    assert outcome.state["source"] == "hf://acme/tiny"
    assert outcome.state["cause"] is None
    assert hub.sent() == total


def test_a_second_start_downloads_nothing(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", MODEL)
    order = pod.order(pod.job("hf://acme/tiny", hub.url))
    assert pod.run(order).code == 0
    sent = hub.sent()

    assert pod.run(order).code == 0

    assert hub.sent() == sent


def test_huggingface_hub_reads_the_cache(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", MODEL)
    assert pod.run(pod.order(pod.job("hf://acme/tiny", hub.url))).code == 0

    # The library itself, without a network.
    folder = snapshot_download("acme/tiny", cache_dir=pod.cache / "huggingface", local_files_only=True)

    assert Path(folder) == Path(os.readlink(pod.model))
    assert read_folder(Path(folder)) == read_folder(repository)


def test_files_downloaded_by_huggingface_hub_are_not_downloaded_again(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", {**MODEL, "onnx/model.onnx": LARGE})
    snapshot_download(
        "acme/tiny",
        cache_dir=pod.cache / "huggingface",
        endpoint=hub.url,
        ignore_patterns="onnx/*",
        token=False,
    )
    sent = hub.sent()

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url)))

    assert outcome.code == 0, outcome
    assert hub.sent() == sent


def test_weight_copies_for_other_runtimes_are_not_downloaded(hub: Hub, pod: Pod) -> None:
    unwanted = {
        "pytorch_model.bin": 10,
        "original/consolidated.00.pth": 10,
        "tiny.Q4.gguf": 10,
        "onnx/m.onnx": 10,
    }
    make_repository(hub.folder / "acme/tiny", {**MODEL, **unwanted})

    assert pod.run(pod.order(pod.job("hf://acme/tiny", hub.url))).code == 0

    assert set(read_folder(pod.model)) == set(MODEL)


def test_a_tag_or_a_commit_is_accepted_as_revision(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", {"config.json": 1})
    tagged = make_repository(hub.folder / "acme/tiny@v1", {"config.json": 2})

    for revision in ("v1", commit_of(tagged)):
        outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url, revision=revision)))
        assert outcome.code == 0, outcome
        assert read_folder(pod.model) == read_folder(tagged)


def test_a_moved_branch_is_followed_and_shared_content_is_kept(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", MODEL)
    order = pod.order(pod.job("hf://acme/tiny", hub.url))
    assert pod.run(order).code == 0
    sent = hub.sent()
    (repository / "config.json").write_bytes(b"{}")

    assert pod.run(order).code == 0

    assert read_folder(pod.model) == read_folder(repository)
    assert hub.sent() == sent + 2


def test_a_pinned_commit_in_the_cache_needs_no_hub(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", MODEL)
    order = pod.order(pod.job("hf://acme/tiny", hub.url, revision=commit_of(repository)))
    assert pod.run(order).code == 0
    asked = len(hub.asked)

    assert pod.run(order).code == 0

    assert len(hub.asked) == asked


def test_a_mirror_that_lists_only_file_names_is_supported(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", MODEL)
    hub.behaviour.names_only = True

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url)))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)


def test_the_token_is_sent_to_the_hub_and_not_to_its_storage(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", MODEL)
    hub.behaviour.token, hub.behaviour.private = "hf_secret", {"acme/tiny"}

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url)), HF_TOKEN="hf_secret\n")

    assert outcome.code == 0, outcome
    storage = [asked for asked in hub.asked if asked.path.startswith("/cdn/")]
    others = [asked for asked in hub.asked if not asked.path.startswith("/cdn/")]
    assert {asked.authorization for asked in others} == {"Bearer hf_secret"}
    assert {asked.authorization for asked in storage} == {""}
    assert "hf_secret" not in outcome.log


def test_adapters_are_downloaded_with_the_model(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", MODEL)
    adapter = make_repository(
        hub.folder / "acme/lora", {"adapter_config.json": 5, "adapter_model.safetensors": 9}
    )

    outcome = pod.run(
        pod.order(pod.job("hf://acme/tiny", hub.url), pod.job("hf://acme/lora", hub.url, name="sql"))
    )

    assert outcome.code == 0, outcome
    assert read_folder(pod.folder / "adapters/sql") == read_folder(adapter)
    assert outcome.state["totalBytes"] == sum(MODEL.values()) + 14
    assert outcome.state["source"] == "hf://acme/tiny"


def test_only_the_hub_and_its_storage_are_contacted_with_get_requests(hub: Hub, pod: Pod) -> None:
    make_repository(hub.folder / "acme/tiny", MODEL)

    assert pod.run(pod.order(pod.job("hf://acme/tiny", hub.url))).code == 0

    assert {asked.path.split("/")[1] for asked in hub.asked} == {"api", "acme", "cdn"}
    assert all(asked.method == "GET" for asked in hub.asked)
