"""No name of one namespace leads into another one, and no name changes its holder."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.models import RoutedModel
from fairlead_gateway.router.namespaces import Namespaces
from fairlead_gateway.router.resolver import ModelResolver
from tests.router.directories import EXISTING, claimant, refusal, resolver

# Names of one form: NAMESPACE/NAME and ORG/MODEL


@pytest.mark.parametrize("alias", ["prod/chat", "prod/chat/default", "team-a/chat/poet"])
def test_a_full_name_resolves_only_in_its_own_namespace_even_when_the_model_is_absent(alias: str) -> None:
    squatted = resolver(claimant("evil", "x", alias))
    assert refusal(alias, "", squatted).status == 404
    by_full_name = squatted.resolve(f"evil/x/{alias}")
    assert (by_full_name.model.key, by_full_name.name) == ("evil/x", alias)


def test_a_full_name_claimed_from_another_namespace_is_not_suggested() -> None:
    error = refusal("prod/chat", "", resolver(claimant("evil", "x", "prod/chat")))
    assert "evil/x/prod/chat" not in error.message


@pytest.mark.parametrize(
    "name", ["Qwen/Qwen3-8B", "openai/gpt-oss-20b", "meta-llama/Llama-3.1-8B", "a/b/c:d"]
)
def test_a_served_name_in_the_form_of_a_hub_repository_resolves(name: str) -> None:
    meant = resolver(RoutedModel("team-a", "x", name)).resolve(name)
    assert (meant.model.key, meant.name) == ("team-a/x", None)


def test_a_name_that_no_object_can_have_resolves_as_a_hub_name_even_below_a_namespace() -> None:
    assert resolver(RoutedModel("team-a", "x", "prod/Chat_7B")).resolve("prod/Chat_7B").model.name == "x"


def test_a_name_in_a_hubs_form_may_begin_with_the_models_own_namespace() -> None:
    openai = RoutedModel("prod", "gpt", "prod/gpt-oss-20b")
    assert resolver(openai).resolve("prod/gpt-oss-20b").model is openai


def test_a_namespace_that_is_created_later_takes_over_its_names() -> None:
    made = resolver(claimant("evil", "x", "later/chat"))
    assert "later/chat" in {entry.id for entry in made.entries()}
    assert made.resolve("later/chat").model.key == "evil/x"
    made.change_namespaces(["later"])
    assert refusal("later/chat", "", made).status == 404
    assert "evil/x/later/chat" in {entry.id for entry in made.entries()}


def test_a_model_is_evidence_that_its_namespace_exists() -> None:
    made = resolver(claimant("evil", "x", "later/chat"))
    made.change([claimant("later", "other")])
    assert refusal("later/chat", "", made).status == 404


def test_a_namespace_that_was_deleted_keeps_its_names() -> None:
    made = resolver(claimant("evil", "x", "prod/chat"))
    made.change_namespaces((), ["prod"])
    assert refusal("prod/chat", "", made).status == 404


def test_while_namespaces_are_unknown_any_valid_name_counts_as_a_namespace() -> None:
    made = ModelResolver([claimant("evil", "x", "openai/gpt-oss-20b", "Qwen/Qwen3-8B")])
    assert refusal("openai/gpt-oss-20b", "", made).status == 404
    assert made.resolve("Qwen/Qwen3-8B").model.key == "evil/x"


# Names that several models claim


def test_of_two_models_that_claim_a_name_the_older_one_gets_it() -> None:
    old, new = claimant("team-a", "x", "chat"), claimant("evil", "y", "chat", created="2026-02-01")
    made = resolver(new, old)
    assert made.resolve("chat").model is old
    assert {entry.id for entry in made.entries()} == {"x", "chat", "y", "evil/y/chat"}


def test_the_younger_claimant_gets_the_name_when_the_older_one_is_deleted() -> None:
    old, new = claimant("team-a", "x", "chat"), claimant("team-b", "y", "chat", created="2026-02-01")
    made = resolver(old, new)
    made.change((), [old.key])
    assert made.resolve("chat").model is new


def test_an_old_object_does_not_take_over_a_name_that_it_claims_later() -> None:
    victim = claimant("team-a", "x", "chat", created="2026-02-01")
    made = resolver(victim, claimant("evil", "y", created="2025-01-01"))
    made.change([claimant("evil", "y", "chat", created="2025-01-01")])
    assert made.resolve("chat").model is victim


def test_a_router_that_starts_later_follows_the_operators_grants() -> None:
    victim = claimant("team-a", "x", "chat", created="2026-02-01", granted="x,chat")
    assert (
        resolver(claimant("evil", "y", "chat", created="2025-01-01"), victim).resolve("chat").model is victim
    )


def test_a_grant_takes_effect_in_running_routers() -> None:
    made = resolver(claimant("evil", "y", "chat"))
    victim = claimant("team-a", "x", "chat", created="2026-02-01", granted="chat")
    made.change([victim])
    assert made.resolve("chat").model is victim


def test_a_forged_grant_does_not_take_over_a_name() -> None:
    victim = claimant("team-a", "x", "chat", created="2026-02-01", granted="chat")
    made = resolver(victim)
    made.change([claimant("evil", "y", "chat", created="2025-01-01", granted="chat")])
    assert made.resolve("chat").model is victim


def test_during_the_first_list_the_order_of_models_does_not_decide_claims() -> None:
    old, new = claimant("team-a", "x", "chat"), claimant("evil", "a", "chat", created="2026-02-01")
    made = ModelResolver([new], Namespaces(EXISTING))
    made.change([old])
    made.complete()
    assert made.resolve("chat").model is old


# Requests by a model's own Service


def test_a_models_own_service_accepts_all_its_names() -> None:
    old, new = claimant("team-a", "x", "chat"), claimant("team-b", "y", "chat", created="2026-02-01")
    assert resolver(old, new).resolve("chat", "y.team-b.svc").model is new


def test_a_models_service_resolves_no_short_name_of_another_namespace() -> None:
    made = resolver(claimant("team-a", "x", "chat"), claimant("evil", "y", "former"))
    assert refusal("former", "x.team-a.svc", made).status == 404
    assert made.resolve("evil/y/former", "x.team-a.svc").model.key == "evil/y"


def test_a_models_service_resolves_short_names_of_its_own_namespace() -> None:
    made = resolver(claimant("team-a", "x", "chat"), claimant("team-a", "y", "code"))
    assert made.resolve("code", "x.team-a.svc").model.key == "team-a/y"


@pytest.mark.parametrize("host", ["chat.prod.svc", "chat.prod.svc.cluster.local", "chat.prod", "chat"])
def test_requests_to_a_deleted_models_service_reach_no_other_namespace(host: str) -> None:
    victim, evil = claimant("prod", "chat"), claimant("evil", "x", "chat", created="2026-02-01")
    made = resolver(victim, evil)
    made.change((), [victim.key])
    assert made.resolve("chat").model is evil
    assert refusal("chat", host, made).status in (400, 404)


def test_requests_to_a_service_of_an_unknown_model_reach_no_other_namespace() -> None:
    made = resolver(claimant("evil", "x", "chat"))
    assert refusal("chat", "chat.prod.svc", made).status == 404


def test_the_routers_own_service_serves_all_models() -> None:
    made = resolver(claimant("team-a", "x", "chat"), service="fairlead-router.prod")
    for host in (
        "fairlead-router.prod.svc.cluster.local",
        "fairlead-router.prod",
        "fairlead-router",
        "localhost",
    ):
        assert made.resolve("chat", host).model.key == "team-a/x"


@pytest.mark.parametrize("host", ["fairlead-router", "localhost"])
def test_a_model_with_the_routers_name_gets_no_request_for_other_models(host: str) -> None:
    victim, evil = claimant("team-a", "x", "chat"), claimant("evil", host, "chat", created="2026-02-01")
    made = resolver(victim, evil, service="fairlead-router.prod")
    assert made.resolve("chat", host).model is victim
    assert refusal(None, host, made).status == 400


def test_a_short_host_does_not_choose_a_model_that_lacks_the_requested_name() -> None:
    holder, other = claimant("team-a", "x", "chat"), claimant("team-b", "y", "chat", created="2026-02-01")
    error = refusal("chat", "y", resolver(holder, other))
    assert (error.status, error.code) == (400, "ambiguous_model")
    assert "NAME.NAMESPACE" in error.message


@pytest.mark.parametrize("asked", [None, "chat"])
def test_a_short_host_does_not_choose_between_two_models_of_that_name(asked: str | None) -> None:
    made = resolver(claimant("team-a", "chat"), claimant("team-b", "chat", created="2026-02-01"))
    assert refusal(asked, "chat", made).status == 400
    assert made.resolve("team-b/chat", "chat").model.key == "team-b/chat"


# Any objects

NAMESPACES = ("a", "b", "c")
words = st.sampled_from(["chat", "code", "x", "Big"])
names = st.one_of(
    words, st.builds("{}/{}".format, st.sampled_from((*NAMESPACES, "Org", "org")), words)
) | st.builds("{}/{}/{}".format, st.sampled_from(NAMESPACES), words, words)
models = st.builds(
    RoutedModel,
    namespace=st.sampled_from(NAMESPACES),
    name=st.sampled_from(["chat", "code", "x"]),
    served_name=names,
    aliases=st.lists(names, max_size=3).map(tuple),
    created=st.sampled_from(["2026-01-01", "2026-02-01", "2026-03-01"]),
    granted=st.frozensets(names, max_size=3),
)
changes = st.lists(st.tuples(st.booleans(), models), max_size=12)


@given(changes, names, st.sampled_from(["", *(f"x.{namespace}.svc" for namespace in NAMESPACES)]))
def test_a_full_name_never_resolves_into_another_namespace(
    steps: list[tuple[bool, RoutedModel]], asked: str, host: str
) -> None:
    made = ModelResolver((), Namespaces(NAMESPACES))
    made.complete()
    for gone, model in steps:
        made.change(() if gone else [model], [model.key] if gone else ())
    reached = resolved(made, asked, host).partition("/")[0]
    namespace, slash, name = asked.partition("/")
    own = host.split(".")[1] if host else ""
    if slash and namespace in NAMESPACES and name.partition("/")[0].islower():
        # By its own Service a model is reached by all its names.
        assert reached in ("", namespace, own)
    if own and not slash:
        assert reached in ("", own)


@given(changes, models, names)
def test_a_name_stays_with_its_holder_despite_later_claims(
    steps: list[tuple[bool, RoutedModel]], holder: RoutedModel, asked: str
) -> None:
    made = ModelResolver([holder], Namespaces(NAMESPACES))
    made.complete()
    granted = RoutedModel(
        holder.namespace, holder.name, asked, created=holder.created, granted=frozenset({asked})
    )
    made.change([granted])
    # A full name of another namespace it has not, also if it claims it.
    assume(resolved(made, asked) == holder.key)
    for gone, model in steps:
        # Who comes under the very name that was asked for is meant from then on.
        if model.key != holder.key and not f"{asked}/".startswith(f"{model.key}/"):
            made.change(() if gone else [model], [model.key] if gone else ())
        assert resolved(made, asked) == holder.key


@given(changes)
def test_every_name_that_is_listed_is_served(
    steps: list[tuple[bool, RoutedModel]],
) -> None:
    made = ModelResolver((), Namespaces(NAMESPACES))
    for gone, model in steps:
        made.change(() if gone else [model], [model.key] if gone else ())
    for entry in made.entries():
        assert made.resolve(entry.id)


def resolved(where: ModelResolver, asked: str, host: str = "") -> str:
    """The key of the model that is meant; empty if there is none."""
    try:
        return where.resolve(asked, host).model.key
    except ApiError:
        return ""
