"""Which model a name means."""

from __future__ import annotations

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.catalogue import Model
from fairlead_gateway.router.directory import Directory, Entry

CHAT = Model("team-a", "chat", "Qwen/Qwen3-8B", ("default",), ("poet",))
CODE = Model("team-b", "code", "code", ("default",))
TWIN = Model("team-c", "chat", "Qwen/Qwen3-8B")
DIRECTORY = Directory([CHAT, CODE, TWIN])


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
        ("default", "code", "team-b/code", None),
        (None, "code.team-b.svc", "team-b/code", None),
        ("code", "chat.team-a.svc", "team-b/code", None),
        ("code", "router.fairlead-system.svc:8080", "team-b/code", None),
    ],
)
def test_a_name_means_one_model(asked: str | None, host: str, key: str, name: str | None) -> None:
    meant = DIRECTORY.resolve(asked, host)
    assert (meant.model.key, meant.name) == (key, name)


def refusal(asked: str | None, host: str = "") -> ApiError:
    with pytest.raises(ApiError) as refused:
        DIRECTORY.resolve(asked, host)
    return refused.value


def test_a_name_of_several_lists_their_full_names() -> None:
    error = refusal("default")
    assert (error.status, error.code, error.param) == (400, "ambiguous_model", "model")
    assert "team-a/chat/default, team-b/code/default" in error.message
    assert "team-a/chat, team-c/chat" in refusal("Qwen/Qwen3-8B").message


@pytest.mark.parametrize("asked", ["cod", "team-b/cod", "team-a/chat/x", "nobody", "a/b/c/d", "/"])
def test_a_name_of_none_lists_what_there_is(asked: str) -> None:
    error = refusal(asked)
    assert (error.status, error.code) == (404, "model_not_found")
    listed = error.message.partition("There is: ")[2].partition(". GET")[0].split(", ")
    assert set(listed) & {entry.id for entry in DIRECTORY.entries()} == set(listed) != set()


def test_without_any_model_that_is_said() -> None:
    with pytest.raises(ApiError, match="no models yet"):
        Directory().resolve("x")


def test_no_name_at_all_is_a_400_at_the_common_base_url() -> None:
    assert refusal(None).code == "missing_required_parameter"
    assert refusal(None, "router.fairlead-system").status == 400
    assert refusal(None, "chat.team-z.svc").status == 400
    assert refusal(None, "code.team-b.example.org").status == 400


def test_every_entry_of_the_list_is_served() -> None:
    ids = {entry.id for entry in DIRECTORY.entries()}
    assert ids == {
        "team-a/chat",
        "team-a/chat/default",
        "poet",
        "code",
        "team-b/code/default",
        "team-c/chat",
    }
    for name in ids:
        assert DIRECTORY.resolve(name)


def test_an_adapter_has_its_model_as_parent() -> None:
    assert Entry("poet", "team-a/chat") in DIRECTORY.entries()
    assert Entry("poet", "Qwen/Qwen3-8B") in DIRECTORY.entries(CHAT)
