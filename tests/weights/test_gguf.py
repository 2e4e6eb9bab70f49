"""GGUF: one of several quantisations is chosen, and a source that leaves the choice open is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairlead_weights.bounds import MAX_NAMED_FILES
from fairlead_weights.causes import MESSAGE_CHARS, DownloadError
from fairlead_weights.jobs import Job, JobError, parse
from fairlead_weights.listing import select_paths
from tests.support.hub import Hub
from tests.weights.downloads import Pod, make_repository, read_folder
from tests.weights.s3_server import BUCKET, CREDENTIALS, S3Server

SMALL = {"config.json": 70, "tokenizer.json": 90}
QUANTISATIONS = {f"tiny-{name}.gguf": 5000 + number for number, name in enumerate(("Q2_K", "Q4_K_M", "Q8_0"))}
SPLIT = {f"big/big-Q8_0-{number:05}-of-00003.gguf": 4000 + number for number in (1, 2, 3)}
REPOSITORY = {**SMALL, **QUANTISATIONS, **SPLIT, "mmproj-F16.gguf": 100, "README.md": 10, "docs/a.txt": 5}
SOURCE = "hf://acme/tiny"


@pytest.fixture
def gguf_hub(hub: Hub) -> Hub:
    """A hub with acme/tiny in four quantisations, one of them split."""
    make_repository(hub.folder / "acme/tiny", REPOSITORY)
    return hub


@pytest.fixture
def s3() -> Iterator[S3Server]:
    """A bucket with the same files."""
    with S3Server() as server:
        for name, size in REPOSITORY.items():
            server.put(f"llm/tiny/{name}", b"x" * size)
        yield server


def test_only_the_chosen_gguf_file_and_its_configuration_are_downloaded(gguf_hub: Hub, pod: Pod) -> None:
    order = pod.order(pod.job(f"{SOURCE}/tiny-Q4_K_M.gguf", gguf_hub.url))
    done = pod.run(order)

    assert done.code == 0, done
    assert read_folder(pod.model).keys() == {*SMALL, "README.md", "tiny-Q4_K_M.gguf"}
    assert done.state["totalBytes"] == sum(SMALL.values()) + 10 + QUANTISATIONS["tiny-Q4_K_M.gguf"]


def test_all_parts_of_a_split_model_are_downloaded(gguf_hub: Hub, pod: Pod) -> None:
    done = pod.run(pod.order(pod.job(f"{SOURCE}/big/big-Q8_0-00001-of-00003.gguf", gguf_hub.url)))

    assert done.code == 0, done
    assert read_folder(pod.model).keys() == {*SMALL, "README.md", *SPLIT}


def test_several_quantisations_without_a_choice_are_refused_before_any_download(
    gguf_hub: Hub, pod: Pod
) -> None:
    done = pod.run(pod.order(pod.job(SOURCE, gguf_hub.url)))

    assert (done.code, done.reason) == (1, "WeightsAmbiguous")
    assert "hf://acme/tiny has 4 GGUF models and the engine serves one" in done.message
    assert "Write hf://acme/tiny/FILE with one of: big/big-Q8_0-00001-of-00003.gguf, " in done.message
    for name in QUANTISATIONS:
        assert name in done.message
    assert "mmproj" not in done.message
    assert not list(pod.cache.rglob("blobs/*"))


def test_a_missing_gguf_file_is_refused_with_the_existing_ones(gguf_hub: Hub, pod: Pod) -> None:
    done = pod.run(pod.order(pod.job(f"{SOURCE}/tiny-Q3.gguf", gguf_hub.url)))

    assert done.reason == "WeightsNotFound"
    assert "hf://acme/tiny has no file tiny-Q3.gguf" in done.message
    assert "tiny-Q4_K_M.gguf" in done.message


def test_two_models_of_one_repository_share_a_cache(gguf_hub: Hub, pod: Pod) -> None:
    for name in ("tiny-Q2_K.gguf", "tiny-Q8_0.gguf", "tiny-Q2_K.gguf"):
        assert pod.run(pod.order(pod.job(f"{SOURCE}/{name}", gguf_hub.url))).code == 0
        assert name in read_folder(pod.model)
    # Nothing twice.
    kept = [path for path in pod.cache.rglob("blobs/*") if path.stat().st_size >= 5000]
    assert len(kept) == 2


def test_a_second_start_downloads_nothing(gguf_hub: Hub, pod: Pod) -> None:
    order = pod.order(pod.job(f"{SOURCE}/tiny-Q2_K.gguf", gguf_hub.url))
    assert pod.run(order).code == 0
    sent = gguf_hub.sent()

    assert pod.run(order).code == 0
    assert gguf_hub.sent() == sent


def test_a_file_of_a_bucket_is_downloaded_with_its_folder(s3: S3Server, pod: Pod) -> None:
    source = f"s3://{BUCKET}/llm/tiny/tiny-Q4_K_M.gguf"
    done = pod.run(pod.order(pod.job(source, s3.url)), **CREDENTIALS)

    assert done.code == 0, done
    assert read_folder(pod.model).keys() == {*SMALL, "README.md", "tiny-Q4_K_M.gguf"}


def test_two_files_of_one_bucket_folder_stay_in_the_cache(s3: S3Server, pod: Pod) -> None:
    """What is no longer in a folder of a bucket is removed from the cache."""
    folders = []
    for name in ("tiny-Q2_K.gguf", "tiny-Q8_0.gguf"):
        job = pod.job(f"s3://{BUCKET}/llm/tiny/{name}", s3.url)
        assert pod.run(pod.order(job), **CREDENTIALS).code == 0
        folders.append(pod.model.resolve())

    assert "tiny-Q2_K.gguf" in read_folder(folders[0])
    assert "tiny-Q8_0.gguf" in read_folder(folders[1])


def test_a_bucket_with_several_quantisations_is_refused(s3: S3Server, pod: Pod) -> None:
    done = pod.run(pod.order(pod.job(f"s3://{BUCKET}/llm/tiny", s3.url)), **CREDENTIALS)

    assert done.reason == "WeightsAmbiguous"
    assert f"Write s3://{BUCKET}/llm/tiny/FILE with one of:" in done.message


class TestChoice:
    @pytest.mark.parametrize(
        ("paths", "kept"),
        [
            (["config.json", "a.gguf", "mmproj-a.gguf"], ["config.json", "a.gguf", "mmproj-a.gguf"]),
            (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"],) * 2,
            (["model.safetensors", "a.gguf", "b.gguf"], ["model.safetensors"]),
        ],
        ids=["projector", "split", "better-weights"],
    )
    def test_a_repository_with_one_gguf_model_needs_no_choice(
        self, paths: list[str], kept: list[str]
    ) -> None:
        assert select_paths(paths, SOURCE) == kept

    def test_a_chosen_gguf_file_is_preferred_to_safetensors(self) -> None:
        paths = ["config.json", "model.safetensors", "a.gguf", "b.gguf"]
        assert select_paths(paths, SOURCE, "b.gguf") == ["config.json", "b.gguf"]

    def test_files_in_the_folder_of_the_chosen_file_are_downloaded(self) -> None:
        paths = ["config.json", "q4/config.json", "q4/a.gguf", "q8/config.json", "q8/a.gguf"]
        assert select_paths(paths, SOURCE, "q4/a.gguf") == ["config.json", "q4/config.json", "q4/a.gguf"]

    def test_choosing_a_later_part_is_refused_and_the_first_part_named(self) -> None:
        with pytest.raises(
            DownloadError, match=r"Name the first part: hf://acme/tiny/big/big-Q8_0-00001-of-"
        ):
            select_paths(SPLIT, SOURCE, "big/big-Q8_0-00002-of-00003.gguf")

    def test_a_model_without_one_of_its_parts_is_refused(self) -> None:
        there = [path for path in SPLIT if "00002-of" not in path]
        with pytest.raises(DownloadError, match=r"has no file big/big-Q8_0-00002-of-00003\.gguf") as refused:
            select_paths(there, SOURCE, there[0])
        assert refused.value.cause.reason == "WeightsCorrupt"

    def test_a_choice_in_a_repository_without_gguf_files_is_refused(self) -> None:
        with pytest.raises(DownloadError, match=r"has no file a\.gguf\. It has no GGUF files\."):
            select_paths(["config.json", "model.safetensors"], SOURCE, "a.gguf")

    def test_a_refusal_names_only_a_few_of_many_choices(self) -> None:
        many = [f"model-IQ{number:02}_XXS.gguf" for number in range(MAX_NAMED_FILES + 7)]
        with pytest.raises(DownloadError, match=r"and 7 more\.") as refused:
            select_paths(many, SOURCE)
        message = refused.value.cause.message
        assert message.count("_XXS") == MAX_NAMED_FILES
        assert len(message) <= MESSAGE_CHARS


class TestJobs:
    @pytest.mark.parametrize(
        ("source", "repository", "file"),
        [
            ("hf://acme/tiny", "acme/tiny", ""),
            ("hf://acme/tiny.gguf", "acme/tiny.gguf", ""),
            ("hf://acme/tiny/q4.gguf", "acme/tiny", "q4.gguf"),
            ("hf://acme/tiny/q4/m-00001-of-00002.gguf", "acme/tiny", "q4/m-00001-of-00002.gguf"),
        ],
    )
    def test_a_repository_source_with_a_file_is_parsed(self, source: str, repository: str, file: str) -> None:
        job = Job("model", source, "/m")
        assert (job.repository, job.file) == (repository, file)

    @pytest.mark.parametrize(
        ("source", "bucket", "file"),
        [
            ("s3://models/llm/tiny", ("models", "llm/tiny"), ""),
            ("s3://models/llm/tiny/q4.gguf", ("models", "llm/tiny"), "q4.gguf"),
            ("s3://models/q4.gguf", ("models", ""), "q4.gguf"),
            ("s3://models/llm/folder.gguf/", ("models", "llm/folder.gguf"), ""),
            ("s3://bucket.gguf", ("bucket.gguf", ""), ""),
        ],
    )
    def test_a_bucket_source_with_a_file_is_parsed(
        self, source: str, bucket: tuple[str, str], file: str
    ) -> None:
        document = f'{{"jobs": [{{"name": "m", "source": "{source}", "target": "/m"}}], '
        (job,) = parse(document + '"cache": "/c", "state": "/s"}').jobs
        assert (job.bucket, job.file) == (bucket, file)

    @pytest.mark.parametrize("source", ["hf://acme/tiny/config.json", "hf://acme/tiny/../x.gguf"])
    def test_a_repository_source_with_a_file_of_another_type_is_refused(self, source: str) -> None:
        with pytest.raises(JobError):
            Job("model", source, "/m")
