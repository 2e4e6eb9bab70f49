"""What may make the engine fetch something."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError

from .support import policy, refusal, request

PIXEL = "data:image/png;base64,iVBORw0KGgo="
TRUSTING = policy(media_domains=("images.example.org", "Upper.Example.org"))


def with_part(part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]}


def image(url: Any) -> dict[str, Any]:
    return with_part({"type": "image_url", "image_url": {"url": url, "detail": "auto"}})


@pytest.mark.parametrize("url", [PIXEL, "DATA:image/png;base64,AAAA"])
def test_data_urls_of_images_are_accepted(url: str) -> None:
    assert request(**image(url)).document["messages"][0]["content"][1]["image_url"]["url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "https://images.example.org/a.png",
        "http://images.example.org:8080/a?b=c#d",
        "https://IMAGES.EXAMPLE.ORG",
        "https://upper.example.org/",
    ],
)
def test_an_image_url_of_an_allowed_host_is_accepted(url: str) -> None:
    assert request(TRUSTING, **image(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.png",
        "https://sub.images.example.org/a.png",
        "https://images.example.org.evil.com/",
        "https://evil-images.example.org/",
        "https://images.example.org@evil.com/",
        "https://user:pw@images.example.org/",
        "https://images.example.org\\@evil.com/",
        "https://evil.com\\.images.example.org/",
        "https://images.example.org\t/",
        " https://images.example.org/",
        "https://images.example.org /",
        "https://images.example.org/\n",
        "https://images.exämple.org/",
        "https://images.example.org%2eevil.com/",
        "https://images.example.org./",
        "https:images.example.org",
        "//images.example.org/",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://images.example.org/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "/etc/passwd",
        "",
    ],
)
def test_any_other_image_url_is_refused_with_its_path(url: str) -> None:
    assert refusal(TRUSTING, **image(url)).param == "messages[0].content[1].image_url.url"


def test_no_remote_host_is_allowed_by_default() -> None:
    error = refusal(**image("https://images.example.org/a.png"))

    assert "data: URL" in error.message


@pytest.mark.parametrize("key", ["image_url", "audio_url", "video_url"])
@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_every_media_url_that_the_engine_would_read_is_checked(key: str, typed: bool, wrapped: bool) -> None:
    url = "http://internal/"
    part = {key: {"url": url} if wrapped else url} | ({"type": key} if typed else {})

    assert str(refusal(**with_part(part)).param).startswith(f"messages[0].content[1].{key}")


@pytest.mark.parametrize("key", ["image_embeds", "audio_embeds", "prompt_embeds", "image_pil", "uuid"])
def test_tensors_and_stored_media_references_are_refused(key: str) -> None:
    error = refusal(**with_part({"type": "image_url", "image_url": {"url": PIXEL}, key: "x"}))

    assert (error.param, error.code) == (f"messages[0].content[1].{key}", "unsupported_parameter")


@pytest.mark.parametrize("role", ["system", "assistant", "tool", "developer"])
def test_media_are_checked_in_messages_of_every_role(role: str) -> None:
    messages = [{"role": role, "content": [{"type": "image_url", "image_url": {"url": "http://x/"}}]}]

    with pytest.raises(ApiError, match=r"messages\[0\]"):
        request(messages=messages)


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (5, "messages[0].content[1]"),
        ({"type": "image_url", "image_url": {}}, "messages[0].content[1].image_url.url"),
        ({"type": "image_url", "image_url": 5}, "messages[0].content[1].image_url"),
        ({"type": "image_url", "image_url": PIXEL}, "messages[0].content[1].image_url"),
    ],
)
def test_an_invalid_media_part_is_refused_with_its_path(part: Any, param: str) -> None:
    assert refusal(**with_part(part)).param == param


def test_content_other_than_text_or_parts_is_refused() -> None:
    assert refusal(messages=[{"role": "user", "content": {"a": 1}}]).param == "messages[0].content"
