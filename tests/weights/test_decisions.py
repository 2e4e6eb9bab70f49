"""The pure parts: reading an order, choosing files, waiting, counting, naming causes."""

from __future__ import annotations

import errno
import gzip
import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead_weights import answers
from fairlead_weights.backoff import LONGEST_WAIT, next_wait, retry_after
from fairlead_weights.bounds import (
    MAX_ANSWER_SECONDS,
    MAX_FILE_BYTES,
    MAX_NAME_BYTES,
    MAX_PATH_BYTES,
    MAX_PAUSE_SECONDS,
    MAX_TOTAL_BYTES,
)
from fairlead_weights.causes import DownloadError, disk_full, of_os_error, of_status, termination_message
from fairlead_weights.jobs import Job, JobError, parse
from fairlead_weights.listing import (
    Item,
    Listing,
    Record,
    check_path,
    check_revision,
    checked,
    record_from,
    select_paths,
)
from fairlead_weights.progress import DownloadProgress, Rate, Tally, peer_document, percent


class TestJobs:
    def order(self, **job: object) -> str:
        entry = {"name": "model", "source": "hf://acme/tiny", "target": "/run/fairlead/model"} | job
        return json.dumps({"jobs": [entry], "cache": "/weights", "state": "/run/fairlead/weights.json"})

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("", "the document: Invalid JSON"),
            ("[]", "the document: Input should be an object"),
            ('{"cache": "/weights", "state": "/state"}', "jobs: Field required"),
            (
                '{"jobs": [], "cache": "/weights", "state": "/state"}',
                "jobs: Tuple should have at least 1 item",
            ),
            (
                '{"jobs": [{"name": "a", "target": "/a"}], "cache": "/c", "state": "/s"}',
                "jobs.0.source: Field",
            ),
            ('{"jobs": [{"name": "a", "source": 5, "target": "/a"}], "cache": "/c"}', "jobs.0.source: Input"),
        ],
    )
    def test_an_order_that_cannot_be_read_is_refused_with_the_name_of_the_field(
        self, text: str, place: str
    ) -> None:
        with pytest.raises(JobError, match="FAIRLEAD_WEIGHTS cannot be read") as refused:
            parse(text)
        assert place in str(refused.value)

    def test_omitted_keys_of_an_order_have_defaults(self) -> None:
        order = parse(self.order())

        assert order.jobs == (Job("model", "hf://acme/tiny", "/run/fairlead/model"),)
        assert (order.source, order.capacity_bytes, order.patience_seconds) == ("hf://acme/tiny", None, 600)

    def test_order_keys_of_a_newer_operator_are_ignored(self) -> None:
        assert parse(self.order(colour="red")).jobs[0].repository == "acme/tiny"

    @pytest.mark.parametrize(
        ("source", "bucket"),
        [
            ("s3://models", ("models", "")),
            ("s3://models/", ("models", "")),
            ("s3://models/llm/tiny", ("models", "llm/tiny")),
            ("s3://models/llm/tiny/", ("models", "llm/tiny")),
        ],
    )
    def test_an_s3_source_is_split_into_bucket_and_path(self, source: str, bucket: tuple[str, str]) -> None:
        assert parse(self.order(source=source)).jobs[0].bucket == bucket

    @pytest.mark.parametrize(
        "job",
        [
            {"source": "hf://tiny"},
            {"source": "http://x/y"},
            {"source": "s3://"},
            {"target": "run"},
            {"source": "s3://models/../x"},
            {"revision": "../x"},
        ],
    )
    def test_an_invalid_job_is_refused_with_its_value(self, job: dict[str, str]) -> None:
        with pytest.raises(JobError, match=next(iter(job.values()))):
            parse(self.order(**job))

    def test_only_a_complete_commit_hash_pins_a_revision(self) -> None:
        assert Job("model", "hf://a/b", "/m", revision="0" * 40).pinned
        assert Job("model", "hf://a/b", "/m", revision="0" * 64).pinned
        assert not Job("model", "hf://a/b", "/m", revision="0" * 12).pinned
        assert not Job("model", "hf://a/b", "/m").pinned

    def test_the_same_weights_share_a_lock_and_others_do_not(self) -> None:
        base = Job("model", "hf://a/b", "/m")
        assert base.key == Job("adapter", "hf://a/b", "/other").key
        others = [
            Job("model", "hf://a/c", "/m"),
            Job("model", "hf://a/b", "/m", revision="v1"),
            Job("model", "hf://a/b", "/m", endpoint="http://mirror"),
        ]
        assert len({job.key for job in [base, *others]}) == 4


SOURCE = "hf://acme/tiny"


class TestWanted:
    def test_other_weight_formats_are_skipped_if_there_are_safetensors(self) -> None:
        paths = ["config.json", "model.safetensors", "pytorch_model.bin", "model.pt", "model.gguf"]
        assert select_paths(paths, SOURCE) == ["config.json", "model.safetensors"]

    @pytest.mark.parametrize(
        ("paths", "kept"),
        [
            (["a.bin", "a.pth", "a.gguf"], ["a.bin"]),
            (["a.pt", "b.pth", "a.gguf"], ["a.pt", "b.pth"]),
            (["config.json", "a.gguf"], ["config.json", "a.gguf"]),
        ],
    )
    def test_the_best_available_weight_format_is_chosen(self, paths: list[str], kept: list[str]) -> None:
        assert select_paths(paths, SOURCE) == kept

    def test_files_that_engines_read_besides_weights_are_kept(self) -> None:
        paths = [
            "config.json",
            "generation_config.json",
            "tokenizer.model",
            "vocab.txt",
            "chat_template.jinja",
            "chat_template.json",
            "modeling_tiny.py",
            "params.json",
            "adapter_config.json",
            "model.safetensors.index.json",
            "consolidated.safetensors",
            "1_Pooling/config.json",
        ]
        assert select_paths(paths, SOURCE) == paths

    @pytest.mark.parametrize(
        "path",
        [
            *("../x", "/etc/passwd", "a/../b", "a//b", "", ".", "a\\b", "a\0", "\ud800", 7, None),
            *("a" * (MAX_NAME_BYTES + 1), "ä" * MAX_NAME_BYTES, "a/" * (MAX_PATH_BYTES // 2) + "aa"),
        ],
    )
    def test_a_path_that_leads_out_of_the_folder_is_refused(self, path: object) -> None:
        with pytest.raises(DownloadError, match="no path"):
            check_path(path, "acme/tiny")

    def test_a_path_of_the_longest_allowed_length_is_accepted(self) -> None:
        longest = "/".join(["a" * MAX_NAME_BYTES] * 4 + ["b" * (MAX_PATH_BYTES - 4 * MAX_NAME_BYTES - 4)])
        assert check_path(longest, "acme/tiny") == longest

    def test_the_number_and_size_of_all_files_are_bounded(self) -> None:
        number = MAX_TOTAL_BYTES // MAX_FILE_BYTES
        items = [Item(str(n), MAX_FILE_BYTES, "v") for n in range(number)]
        assert checked(items, "The hub").items == tuple(items)
        with pytest.raises(DownloadError, match="The hub lists"):
            checked([*items, Item("one", 1, "v")], "The hub")

    @pytest.mark.parametrize("length", [40, 64])
    def test_a_commit_is_40_or_64_lower_case_hexadecimal_digits(self, length: int) -> None:
        commit = ("0123456789abcdef" * 4)[:length]
        assert check_revision(commit, "The hub") == commit
        for wrong in (commit[1:], f"{commit}0", commit.upper(), f"{commit[1:]}\n", f"{commit[1:]}/"):
            with pytest.raises(DownloadError, match="The hub names the commit"):
                check_revision(wrong, "The hub")

    def test_a_cache_record_is_read_as_it_was_written(self) -> None:
        record = Record("1", Listing((Item("a/b", 5, "v"),), "c0ffee00" * 5))
        assert record_from(json.loads(json.dumps(record.as_document()))) == record


class TestBackoff:
    def test_retry_pauses_grow_up_to_a_maximum(self) -> None:
        waits = [next_wait(attempt, None, 0, 1e9, 0.999) or 0 for attempt in range(1, 2000)]
        assert waits[:3] == pytest.approx([1, 2, 4], rel=0.01)
        assert max(waits) <= LONGEST_WAIT

    @given(st.integers(1, 100), st.floats(0, 600), st.floats(0, 0.99))
    def test_a_retry_pause_is_not_shorter_than_retry_after(
        self, attempt: int, asked: float, jitter: float
    ) -> None:
        wait = next_wait(attempt, asked, 0, 10_000, jitter)
        assert wait is not None
        assert asked <= wait <= asked + 1

    @given(st.integers(1, 100), st.none() | st.floats(0, 1e6), st.floats(0, 1000), st.floats(0, 0.99))
    def test_retries_never_exceed_the_patience(
        self, attempt: int, asked: float | None, idle: float, jitter: float
    ) -> None:
        wait = next_wait(attempt, asked, idle, 600, jitter)
        assert wait is None or idle + wait <= 600

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30", 30.0),
            ("0", 0.0),
            ("-5", 0.0),
            ("1e300", MAX_PAUSE_SECONDS),
            ("Thu, 01 Jan 99999999999 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
            ("soon", None),
            ("inf", None),
            ("nan", None),
            ("", None),
        ],
    )
    def test_retry_after_is_parsed_as_seconds_or_date(self, value: str, seconds: float | None) -> None:
        assert retry_after({"retry-after": value}, now=100) == seconds

    def test_a_missing_retry_after_header_is_none(self) -> None:
        assert retry_after({}, now=100) is None


class TestCauses:
    @pytest.mark.parametrize(
        ("status", "reason", "transient"),
        [
            (401, "WeightsUnauthorized", False),
            (403, "WeightsForbidden", False),
            (404, "WeightsNotFound", False),
            (408, "WeightsUnavailable", True),
            (418, "WeightsUnavailable", False),
            (429, "WeightsRateLimited", True),
            (500, "WeightsUnavailable", True),
            (504, "WeightsUnavailable", True),
        ],
    )
    def test_each_http_status_maps_to_a_reason_and_to_transient_or_not(
        self, status: int, reason: str, transient: bool
    ) -> None:
        failure = of_status(status, "The hub", f"HTTP {status}")
        assert (failure.cause.reason, failure.transient) == (reason, transient)

    @pytest.mark.parametrize(
        ("number", "reason"),
        [
            (errno.ENOSPC, "DiskFull"),
            (errno.EDQUOT, "DiskFull"),
            (errno.EFBIG, "DiskFull"),
            (errno.EACCES, "CacheNotWritable"),
            (errno.EROFS, "CacheNotWritable"),
            (errno.EIO, "CacheNotWritable"),
        ],
    )
    def test_each_disk_error_maps_to_a_reason(self, number: int, reason: str) -> None:
        assert of_os_error(OSError(number, "so"), "/weights").cause.reason == reason

    def test_a_full_disk_message_has_needed_free_and_missing_bytes(self) -> None:
        message = disk_full(3 << 30, 1 << 29, "/weights").cause.message
        assert "3.0 GiB more" in message
        assert "512.0 MiB free" in message
        assert "2.5 GiB are missing" in message

    @given(st.text(max_size=5000))
    @example("\0" * 5000)
    @example("\ud800")
    @example("😀" * 5000)
    @example('"' * 5000)
    def test_a_termination_message_is_one_line_within_the_size_limit(self, text: str) -> None:
        message = termination_message(DownloadError("DiskFull", text).cause, 1)
        assert len(message) <= 4096
        assert "\n" not in json.loads(message)["message"]


class TestProgress:
    def progress(self) -> DownloadProgress:
        return DownloadProgress("hf://acme/tiny", 1000.0, {"model": Tally(30, 100), "sql": Tally()})

    def test_the_total_is_unknown_until_the_size_of_every_source_is_known(self) -> None:
        progress = self.progress()
        assert progress.as_document()["totalBytes"] is None
        progress.tallies["sql"] = Tally(5, 10)
        assert (progress.as_document()["bytes"], progress.as_document()["totalBytes"]) == (35, 110)

    def test_a_waiting_pod_reports_the_downloaders_figures(self) -> None:
        downloader, waiting = self.progress(), self.progress()
        waiting.phase, waiting.peer = "Waiting", downloader.job_document("model", "pod-1")
        document = waiting.as_document()
        assert (document["bytes"], document["totalBytes"], document["bytesPerSecond"]) == (30, 100, None)
        assert "host" not in document

    def test_only_valid_figures_of_another_pod_are_reported(self) -> None:
        document = self.progress().job_document("model", "qwen3-5c9d.pod")
        assert peer_document(document) == document
        nonsense = {"host": "a b", "bytes": "1", "totalBytes": -1, "bytesPerSecond": 1.5, "more": "x" * 9}
        assert peer_document(nonsense) == {
            "host": "?",
            "bytes": 0,
            "totalBytes": None,
            "bytesPerSecond": None,
        }

    def test_the_rate_is_measured_over_the_last_seconds(self) -> None:
        rate = Rate()
        fetched = [0] * 20 + [100 * second for second in range(40)] + [3900] * 3
        for second, total in enumerate(fetched):
            rate.add(second, total)
        assert rate.per_second == 70  # seven of the last ten seconds brought something

    def test_there_is_no_rate_before_the_first_byte(self) -> None:
        rate = Rate()
        for second in range(5):
            rate.add(second, 0)
        assert rate.per_second is None

    def test_a_waiting_pod_without_the_downloaders_figures_reports_0_bytes(self) -> None:
        progress = self.progress()
        progress.phase, progress.peer = "Waiting", {}
        assert (progress.as_document()["bytes"], progress.as_document()["totalBytes"]) == (0, None)

    @pytest.mark.parametrize(
        ("done", "total", "text"),
        [(0, 100, "0 %"), (999, 1000, "99 %"), (5, 5, "100 %"), (0, 0, "100 %"), (5, None, "")],
    )
    def test_percent_is_rounded_down_and_empty_without_a_total(
        self, done: int, total: int | None, text: str
    ) -> None:
        assert percent(done, total) == text


class TestAnswers:
    """Answers that are read as a whole."""

    @pytest.fixture
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
        """A body that is never silent and never ends: a byte each ten seconds."""
        now = 0.0

        def bytes_() -> Iterator[bytes]:
            nonlocal now
            while True:
                now += 10
                yield b"x"

        monkeypatch.setattr(time, "monotonic", lambda: now)
        return bytes_()

    def test_a_list_that_arrives_too_slowly_is_retried_later(self, slow: Iterator[bytes]) -> None:
        with pytest.raises(DownloadError, match="The hub takes more than") as failure:
            b"".join(answers.bounded(slow, 1 << 20, "The hub"))
        assert failure.value.transient

    def test_a_slow_error_body_is_read_as_far_as_it_arrived(self, slow: Iterator[bytes]) -> None:
        read = b"".join(answers.beginning(slow, 1 << 20))
        assert len(read) == MAX_ANSWER_SECONDS // 10 + 1

    @given(st.binary(max_size=5000), st.integers(1, 100))
    def test_compressed_data_is_read_in_pieces_of_any_size(self, content: bytes, size: int) -> None:
        packed = gzip.compress(content)
        pieces = (packed[at : at + size] for at in range(0, len(packed), size))
        assert b"".join(answers.unpacked(pieces)) == content

    def test_compressed_data_is_decompressed_in_small_pieces(self) -> None:
        pieces = answers.unpacked([gzip.compress(bytes(8 << 20))])
        assert max(map(len, pieces)) <= 64 << 10

    def test_data_that_is_not_compressed_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no gzip"):
            b"".join(answers.unpacked([b"{}"]))
