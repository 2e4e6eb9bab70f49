"""Which model has which name, and what its status says about those that others have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead_operator.plan.findings import LONGEST_CAUSE
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.served_names import (
    Claim,
    ServedNames,
    claim_of,
    claiming_part,
    taken_finding,
)
from tests.plan.builders import PlannedNamespace, model_body


def claim(key: str, *names: str, created: str = "2026-01-01", recorded: str = "", uid: str = "") -> Claim:
    claimed = (key.partition("/")[2], *names)
    return Claim(key, uid or key, created, claimed, frozenset(recorded.split(",") if recorded else ()))


def learned(*claims: Claim) -> ServedNames:
    names = ServedNames()
    names.learn(claims)
    return names


OLD, YOUNG = claim("a/x", "chat"), claim("b/y", "chat", created="2026-02-01")


def test_of_two_existing_models_the_older_one_gets_the_name() -> None:
    names = learned(YOUNG, OLD)
    assert (names.taken("a/x"), names.taken("b/y")) == ({}, {"chat": "a/x"})


def test_of_two_models_created_in_one_second_the_first_by_full_name_gets_the_name() -> None:
    assert learned(claim("b/y", "chat"), OLD).taken("b/y") == {"chat": "a/x"}


def test_a_recorded_name_stays_with_its_holder_whatever_its_age() -> None:
    recorded = claim("b/y", "chat", created="2026-02-01", recorded="y,chat")
    assert learned(OLD, recorded).taken("a/x") == {"chat": "b/y"}


def test_an_old_model_does_not_get_a_held_name_that_it_claims_later() -> None:
    names = learned(claim("a/x"), YOUNG)
    names.put(OLD)
    assert (names.taken("a/x"), names.taken("b/y")) == ({"chat": "b/y"}, {})


def test_a_record_written_by_another_writer_takes_no_name_away() -> None:
    names = learned(OLD, YOUNG)
    names.put(claim("b/y", "chat", created="2026-02-01", recorded="chat"))
    assert names.taken("b/y") == {"chat": "a/x"}


def test_a_name_passes_on_when_its_holder_drops_it_or_is_deleted() -> None:
    names = learned(OLD, YOUNG, claim("c/z", "chat", created="2026-03-01"))
    assert names.put(claim("a/x")) == {"b/y"}
    assert names.taken("b/y") == {}
    assert names.remove("b/y") == {"c/z"}
    assert names.taken("c/z") == {}
    assert names.remove("c/z") == set()


def test_a_recreated_model_loses_the_names_of_its_predecessor() -> None:
    names = learned(OLD, YOUNG)
    assert names.put(claim("a/x", "chat", created="2026-04-01", uid="another")) == {"b/y"}
    assert names.taken("a/x") == {"chat": "b/y"}


def test_a_model_holds_its_object_name_by_default_and_can_lose_it_to_a_claim() -> None:
    names = learned(claim("a/chat"), claim("b/chat", created="2026-02-01"))
    assert names.taken("b/chat") == {"chat": "a/chat"}


def test_a_full_name_belongs_to_that_model_even_when_it_does_not_exist() -> None:
    names = learned(claim("evil/x", "prod/chat", "prod/chat/poet", "prod/Chat", created="2025-01-01"))
    assert names.taken("evil/x") == {}  # no such namespace is known
    names.put(claim("prod/other"))
    assert names.taken("evil/x") == {"prod/chat": "prod/chat", "prod/chat/poet": "prod/chat"}


def test_a_watched_namespace_owns_the_names_below_it() -> None:
    names = ServedNames(["prod"])
    names.learn([claim("evil/x", "prod/chat", "openai/gpt-oss-20b")])
    assert names.taken("evil/x") == {"prod/chat": "prod/chat"}


def test_a_name_in_a_hubs_form_may_begin_with_the_models_own_namespace() -> None:
    names = learned(claim("openai/gpt", "openai/gpt-oss-20b"))
    assert names.taken("openai/gpt") == {}
    names.put(claim("openai/gpt-oss-20b"))
    assert names.taken("openai/gpt") == {"openai/gpt-oss-20b": "openai/gpt-oss-20b"}


def test_the_list_of_claims_keeps_only_the_fields_that_it_needs() -> None:
    adapters = [{"name": "poet", "source": "pvc://p"}]
    body = model_body(
        model={"source": "pvc://m", "servedName": "s", "aliases": ["t"], "adapters": adapters},
        podTemplate={"metadata": {"annotations": {"note": "x" * 1000}}},
    )
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    body["status"] = {"servedModels": ["s"]}
    assert claim_of(claiming_part(body)) == claim_of(body)
    assert claim_of(body).names == ("s", "t", "poet")
    assert "note" not in str(claiming_part(body))


def test_a_message_about_many_taken_names_is_bounded() -> None:
    many = {f"{number:02}{'n' * 251}": "a/x" for number in range(49)}
    found = taken_finding(many)
    assert found
    assert len(found.message) <= LONGEST_CAUSE
    few = taken_finding({f"n{number}": "a/x" for number in range(10)})
    assert few
    assert few.message.endswith("and 2 more")
    assert taken_finding({}) is None


keys = st.builds("{}/{}".format, st.sampled_from("abc"), st.sampled_from("xyz"))
claims = st.builds(
    lambda key, names, created, uid, recorded: claim(
        key, *names, created=created, uid=uid, recorded=",".join(recorded)
    ),
    keys,
    st.lists(st.sampled_from(["chat", "code", "Qwen/Q"]), unique=True),
    st.sampled_from(["2026-01-01", "2026-02-01"]),
    st.sampled_from(["1", "2"]),
    st.lists(st.sampled_from(["chat", "code"]), unique=True),
)


@given(st.lists(claims, max_size=4), st.lists(st.tuples(st.booleans(), claims), max_size=10))
def test_every_name_has_exactly_one_holder_and_keeps_it(
    start: list[Claim], steps: list[tuple[bool, Claim]]
) -> None:
    names = learned(*{item.key: item for item in start}.values())
    now = {item.key: item for item in start}
    for gone, item in steps:
        before = holders(names, now)
        gained = names.remove(item.key) if gone else names.put(item)
        former = now.pop(item.key, None)
        if not gone:
            now[item.key] = item
        after = holders(names, now)
        assert after.keys() == {name for known in now.values() for name in known.names}
        for name, key in after.items():
            changed = key == item.key or (former is not None and before.get(name) == item.key)
            assert key == before.get(name) or changed
            assert key in gained or key == before.get(name) or key == item.key


def holders(names: ServedNames, known: dict[str, Claim]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, item in known.items():
        for name in item.names:
            if name not in names.taken(key):
                assert name not in found
                found[name] = key
    return found


class NamedWorld(PlannedNamespace):
    """A world in which others have some of the model's names."""

    def __init__(self, body: Any, **taken: str) -> None:
        super().__init__(body)
        self.taken = taken

    def observe(self) -> Observed:
        return replace(super().observe(), taken=self.taken)


def served(**taken: str) -> NamedWorld:
    body = model_body(model={"source": "hf://a/b", "servedName": "b", "aliases": ["c"]})
    world = NamedWorld(body, **taken)
    world.serve()
    return world


def conditions(world: PlannedNamespace) -> dict[str, Any]:
    return {item["type"]: item for item in world.body["status"]["conditions"]}


def test_a_taken_name_is_reported_with_its_holder_and_the_model_stays_ready() -> None:
    world = served(c="team-a/chat")
    found = conditions(world)
    assert world.body["status"]["servedModels"] == ["b"]
    assert (found["ServedNameTaken"]["status"], found["ServedNameTaken"]["reason"]) == (
        "True",
        "ServedNameTaken",
    )
    assert "c is a name of ModelDeployment team-a/chat" in found["ServedNameTaken"]["message"]
    assert (found["Ready"]["status"], found["Stalled"]["status"]) == ("True", "False")


def test_a_taken_name_is_reported_as_one_event_per_change() -> None:
    world = NamedWorld(model_body(), tiny="team-a/x")
    first, second = world.reconcile(), world.reconcile()
    assert ("Warning", "ServedNameTaken") in [(event.kind, event.reason) for event in first.events]
    assert "ServedNameTaken" not in [event.reason for event in second.events]
    world.taken = {"tiny": "team-b/y"}
    assert "team-b/y" in world.reconcile().events[-1].note


def test_the_condition_of_a_taken_name_is_removed_with_its_cause() -> None:
    world = served(c="team-a/chat")
    world.taken = {}
    world.reconcile()
    assert world.body["status"]["servedModels"] == ["b", "c"]
    assert "ServedNameTaken" not in conditions(world)
