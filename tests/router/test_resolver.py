"""Which model a name means, and what a name that does not exist costs."""

from __future__ import annotations

import pytest

from fairlead_gateway.bounds import MAX_MODEL_NAME_BYTES
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.models import RoutedModel
from fairlead_gateway.router.resolver import Entry, ModelResolver
from tests.router.directories import claimant, refusal, resolver

CHAT = RoutedModel("team-a", "chat", "Qwen/Qwen3-8B", ("default",), ("poet",))
CODE = RoutedModel("team-b", "code", "code", ("default",))
TWIN = RoutedModel("team-c", "chat", "Qwen/Qwen3-8B")
DIRECTORY = ModelResolver([CHAT, CODE, TWIN])


@pytest.mark.parametrize(
    ("asked", "host", "key", "name"),
    [
        ("code", "", "team-b/code", None),
        ("poet", "", "team-a/chat", None),
        ("team-a/chat", "", "team-a/chat", "Qwen/Qwen3-8B"),
        ("team-a/chat/poet", "", "team-a/chat", "poet"),
        ("team-b/code/default", "", "team-b/code", "default"),
        ("team-c/chat/Qwen/Qwen3-8B", "", "team-c/chat", "Qwen/Qwen3-8B"),
        ("default", "code.team-b.svc.cluster.local:80", "team-b/code", None),
        ("Qwen/Qwen3-8B", "chat.team-c", "team-c/chat", None),
        ("code", "code", "team-b/code", None),
        (None, "code.team-b.svc", "team-b/code", None),
        (None, "code", "team-b/code", None),
        ("team-b/code", "chat.team-a.svc", "team-b/code", "code"),
        ("code", "router.fairlead-system.svc:8080", "team-b/code", None),
        ("code", "10.0.0.1:8080", "team-b/code", None),
        ("code", "llm.example.org", "team-b/code", None),
    ],
)
def test_a_name_resolves_to_exactly_one_model(
    asked: str | None, host: str, key: str, name: str | None
) -> None:
    meant = DIRECTORY.resolve(asked, host)
    assert (meant.model.key, meant.name) == (key, name)


def refused(asked: str | None, host: str = "") -> ApiError:
    return refusal(asked, host, DIRECTORY)


@pytest.mark.parametrize("asked", ["cod", "team-b/cod", "team-a/chat/x", "nothing", "a/b/c/d", "/"])
def test_an_unknown_name_is_a_404_that_lists_the_existing_models(asked: str) -> None:
    error = refused(asked)
    assert (error.status, error.code) == (404, "model_not_found")
    listed = error.message.partition("There is: ")[2].partition(". GET")[0].split(", ")
    assert set(listed) & {entry.id for entry in DIRECTORY.entries()} == set(listed) != set()


def test_without_any_model_the_error_says_that_there_are_none() -> None:
    with pytest.raises(ApiError, match="no models yet"):
        ModelResolver().resolve("x")


def test_a_request_without_a_model_name_is_a_400_at_the_common_base_url() -> None:
    assert refused(None).code == "missing_required_parameter"
    assert refused(None, "router.fairlead-system").status == 400
    assert refused(None, "chat.team-z.svc").status == 400
    assert refused(None, "code.team-b.example.org").status == 400


def test_every_listed_name_resolves_to_a_model() -> None:
    ids = {entry.id for entry in DIRECTORY.entries()}
    assert ids == {"Qwen/Qwen3-8B", "default", "poet", "code", "team-b/code/default", "team-c/chat"}
    for name in ids:
        assert DIRECTORY.entry(name)
        assert DIRECTORY.resolve(name)


def test_an_adapter_has_its_model_as_parent() -> None:
    taken = RoutedModel("team-z", "poems", "code", (), ("bard",))
    made = resolver(CODE, taken)
    assert Entry("bard", "team-z/poems") in made.entries()
    assert Entry("bard", "code") in made.entries(taken)
    assert made.entry("bard") == Entry("bard", "team-z/poems")


# What a name that does not exist costs


@pytest.mark.parametrize(
    "asked", ["x" * (MAX_MODEL_NAME_BYTES + 1), "ä" * MAX_MODEL_NAME_BYTES, "x" * (30 << 20), "a/" * 1000]
)
def test_a_name_above_the_length_limit_is_unknown_and_not_repeated_in_the_error(asked: str) -> None:
    error = refused(asked)
    assert (error.status, error.code) == (404, "model_not_found")
    assert len(error.message) < 1000


def test_a_name_of_the_longest_allowed_length_is_resolved() -> None:
    name = "x" * MAX_MODEL_NAME_BYTES
    assert resolver(RoutedModel("team-a", "x", name)).resolve(name).model.served_name == name


@pytest.mark.parametrize("asked", ["chta", "caht", "Chat", "chat-2", "my-chat"])
def test_a_misspelt_name_gets_the_closest_of_many_names_suggested(asked: str) -> None:
    others = [RoutedModel("team-b", f"m{number}", f"{number:04}-other") for number in range(1000)]
    assert "There is: chat" in refusal(asked, "", resolver(claimant("team-a", "chat"), *others)).message
