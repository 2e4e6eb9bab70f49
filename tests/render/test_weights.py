"""Where weights come from: volumes, mounts, the container that downloads, and the claim that is made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model
from fairlead_operator.render.source import Place, adapter_place, model_place
from fairlead_operator.render.weights import render_claim, weights_containers
from tests.plan.builders import SETTINGS, model

Object = dict[str, Any]

LINK = "/run/fairlead/model"


def of(source: str, **more: Any) -> Model:
    return model(model={"source": source, **more})


def claim_volume(name: str) -> Object:
    return {"persistentVolumeClaim": {"claimName": name, "readOnly": True}}


def pod(parsed: Model) -> Object:
    found: Object = render_children(parsed, SETTINGS).workload["spec"]["template"]["spec"]
    return found


def mounted(parsed: Model, container: str = "vllm") -> dict[str, Object]:
    """The volume at each path in a container."""
    spec = pod(parsed)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert len(volumes) == len(spec["volumes"]), "volume names are unique"
    (found,) = [item for item in (*spec["initContainers"], *spec["containers"]) if item["name"] == container]
    return {
        mount["mountPath"]: {**volumes[mount["name"]], "mounted": mount} for mount in found["volumeMounts"]
    }


def order(parsed: Model) -> Object:
    """What the container that downloads reads."""
    (container,) = weights_containers(parsed, SETTINGS)
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    document: Object = json.loads(values["FAIRLEAD_WEIGHTS"])
    return document


def credentials(parsed: Model) -> dict[str, Object]:
    (container,) = weights_containers(parsed, SETTINGS)
    return {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for variable in container["env"]
        if "valueFrom" in variable
    }


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("hf://Qwen/Qwen3-8B", Place(LINK, link=LINK)),
        ("s3://bucket/a/b", Place(LINK, link=LINK)),
        ("hf://Qwen/Qwen3-8B-GGUF/q4.gguf", Place(f"{LINK}/q4.gguf", link=LINK)),
        ("hf://Qwen/Qwen3-8B-GGUF/a/q4.gguf", Place(f"{LINK}/a/q4.gguf", link=LINK, config=LINK)),
        ("hf://Qwen/Qwen3.gguf", Place(LINK, link=LINK)),
        ("s3://bucket/a/q4.gguf", Place(f"{LINK}/q4.gguf", link=LINK)),
        ("s3://bucket/a/q4.gguf/", Place(LINK, link=LINK)),
        ("s3://bucket.gguf", Place(LINK, link=LINK)),
        ("pvc://models/a/q4.gguf", Place("/models/a/q4.gguf", claim_volume("models"), "/models")),
        ("file:///opt/q4.gguf", Place("/opt/q4.gguf")),
        ("pvc://models", Place("/models", claim_volume("models"), "/models")),
        ("pvc://models/", Place("/models", claim_volume("models"), "/models")),
        ("pvc://models/a/b/", Place("/models/a/b", claim_volume("models"), "/models")),
        ("oci://reg/a/b:1", Place("/models", {"image": {"reference": "reg/a/b:1"}}, "/models")),
        (
            "oci://reg/a@sha256:0#x/y",
            Place("/models/x/y", {"image": {"reference": "reg/a@sha256:0"}}, "/models"),
        ),
        ("file:///opt/model/", Place("/opt/model")),
        # Stored before empty segments were refused.
        ("file:////opt//model", Place("/opt/model")),
        ("pvc://models//", Place("/models", claim_volume("models"), "/models")),
        ("pvc://models//a//b", Place("/models/a/b", claim_volume("models"), "/models")),
        ("oci://reg/a#/", Place("/models", {"image": {"reference": "reg/a"}}, "/models")),
        ("oci://reg/a#./x", Place("/models/x", {"image": {"reference": "reg/a"}}, "/models")),
    ],
)
def test_a_source_decides_model_argument_and_mount(source: str, place: Place) -> None:
    assert model_place(of(source)) == place


def test_a_node_folder_is_mounted_and_must_exist() -> None:
    place = model_place(of("file:///srv/models/tiny", fileFrom="Node"))
    volume = {"hostPath": {"path": "/srv/models/tiny", "type": "Directory"}}
    assert place == Place("/models", volume, "/models")


def test_for_a_file_on_the_node_its_folder_is_mounted() -> None:
    place = model_place(of("file:///srv/models/q4.gguf", fileFrom="Node"))
    volume = {"hostPath": {"path": "/srv/models", "type": "Directory"}}
    assert place == Place("/models/q4.gguf", volume, "/models")


def arguments(parsed: Model) -> list[str]:
    (engine,) = pod(parsed)["containers"]
    found: list[str] = engine["args"]
    return found


@pytest.mark.parametrize("source", ["hf://org/tiny-GGUF/q4.gguf", "s3://bucket/tiny/q4.gguf"])
def test_the_engine_gets_the_chosen_file_and_the_download_its_folder(source: str) -> None:
    parsed = of(source)
    (job,) = order(parsed)["jobs"]
    assert (job["source"], job["target"]) == (source, LINK)
    assert [*zip(arguments(parsed), arguments(parsed)[1:], strict=False)].count(
        ("--model", f"{LINK}/q4.gguf")
    )
    assert "--tokenizer" not in arguments(parsed)


def test_a_file_in_a_repository_folder_uses_the_configuration_of_the_repository() -> None:
    words = arguments(of("hf://org/tiny-GGUF/q4/tiny.gguf"))
    for flag, value in (
        ("--model", f"{LINK}/q4/tiny.gguf"),
        ("--hf-config-path", LINK),
        ("--tokenizer", LINK),
    ):
        assert words[words.index(flag) + 1] == value


@pytest.mark.parametrize("file_from", ["Image", "Node"])
@pytest.mark.parametrize("source", ["file:///", "file:////", "file:///./"])
def test_the_root_folder_of_a_node_or_image_is_refused_as_model(source: str, file_from: str) -> None:
    with pytest.raises(ValueError, match="names no folder"):
        model_place(of(source, fileFrom=file_from))


@pytest.mark.parametrize("source", ["pvc://models/../x", "oci://reg/a#../x", "file:///opt/../etc"])
def test_a_path_that_leads_out_of_its_folder_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        model_place(of(source))


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown source"):
        model_place(of("ftp://x"))


def test_each_adapter_has_its_own_mount_path() -> None:
    sources = {
        "a": "hf://org/a",
        "b": "s3://bucket/b",
        "c": "pvc://models/c",
        "d": "oci://reg/d",
        "e": "file:///opt/e",
    }
    parsed = of("pvc://models/tiny", adapters=[{"name": n, "source": s} for n, s in sources.items()])
    places = {adapter.name: adapter_place(parsed, adapter).path for adapter in parsed.spec.model.adapters}
    assert places == {
        "a": "/run/fairlead/adapters/a",
        "b": "/run/fairlead/adapters/b",
        "c": "/adapters/c/c",
        "d": "/adapters/d",
        "e": "/opt/e",
    }
    assert {"/models", "/adapters/c", "/adapters/d", "/weights"} <= mounted(parsed).keys()


def test_a_claim_with_model_and_adapters_is_mounted_as_one_volume() -> None:
    parsed = of("pvc://models/tiny", adapters=[{"name": "a", "source": "pvc://models/a"}])
    claims = [volume for volume in pod(parsed)["volumes"] if "persistentVolumeClaim" in volume]
    assert len(claims) == 1
    assert mounted(parsed)["/adapters/a"]["name"] == mounted(parsed)["/models"]["name"] == claims[0]["name"]


def test_the_order_of_adapters_on_other_claims_does_not_rename_volumes() -> None:
    adapters = [{"name": name, "source": f"pvc://{name}/x"} for name in ("a", "b")]
    one, other = (of("pvc://models/tiny", adapters=given) for given in (adapters, adapters[::-1]))
    assert mounted(one)["/adapters/a"]["name"] == mounted(other)["/adapters/a"]["name"]


@pytest.mark.parametrize("source", ["pvc://models/tiny", "oci://reg/tiny", "file:///opt/tiny"])
def test_a_source_without_download_has_no_download_container(source: str) -> None:
    assert [container["name"] for container in pod(of(source))["initContainers"]] == ["gateway"]
    assert "/weights" not in mounted(of(source))


def test_the_download_is_between_gateway_and_engine() -> None:
    spec = pod(of("hf://a/b"))
    assert [container["name"] for container in spec["initContainers"]] == ["gateway", "weights"]


def test_the_download_order_has_sources_revisions_and_link_paths() -> None:
    adapters = [
        {"name": "poet", "source": "hf://org/poet", "revision": "v2"},
        {"name": "clerk", "source": "pvc://loras/clerk"},
    ]
    document = order(of("hf://a/b", revision="main", endpoint="https://hub.example", adapters=adapters))
    common = {"endpoint": "https://hub.example", "region": None}
    assert document == {
        "cache": "/weights",
        "state": "/run/fairlead/weights.json",
        "jobs": [
            {
                **common,
                "name": "model",
                "source": "hf://a/b",
                "revision": "main",
                "target": "/run/fairlead/model",
            },
            {
                **common,
                "name": "poet",
                "source": "hf://org/poet",
                "revision": "v2",
                "target": "/run/fairlead/adapters/poet",
            },
        ],
    }


def test_the_endpoint_applies_only_to_sources_of_the_models_kind() -> None:
    adapters = [{"name": "clerk", "source": "s3://bucket/clerk"}]
    hub = order(of("hf://a/b", endpoint="https://hub.example", region="eu-1", adapters=adapters))
    assert [(job["endpoint"], job["region"]) for job in hub["jobs"]] == [
        ("https://hub.example", None),
        (None, "eu-1"),
    ]
    mounted_model = order(of("pvc://models", endpoint="https://s3.example", adapters=adapters))
    assert [job["endpoint"] for job in mounted_model["jobs"]] == ["https://s3.example"]


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("hf://a/b", {"HF_TOKEN": "token"}),
        (
            "s3://a/b",
            {
                "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN": "AWS_SESSION_TOKEN",
            },
        ),
    ],
)
def test_the_download_has_the_credentials_of_its_source(source: str, keys: dict[str, str]) -> None:
    found = credentials(of(source, credentials={"secretName": "secret"}))
    assert {name: reference["key"] for name, reference in found.items()} == keys
    assert {reference["name"] for reference in found.values()} == {"secret"}
    optional = {name for name, reference in found.items() if reference.get("optional")}
    assert optional <= {"AWS_SESSION_TOKEN"}


def test_without_credentials_the_download_has_none() -> None:
    assert credentials(of("hf://a/b")) == {}


@pytest.mark.parametrize(
    ("cache", "volume"),
    [
        ({}, {"emptyDir": {}}),
        ({"size": "2048Mi"}, {"emptyDir": {"sizeLimit": "2Gi"}}),
        (
            {"type": "PersistentVolumeClaim", "claimName": "shared"},
            {"persistentVolumeClaim": {"claimName": "shared"}},
        ),
        (
            {"type": "PersistentVolumeClaim", "size": "1Gi"},
            {"persistentVolumeClaim": {"claimName": "tiny-weights"}},
        ),
        (
            {"type": "HostPath", "path": "/srv/cache"},
            {"hostPath": {"path": "/srv/cache", "type": "DirectoryOrCreate"}},
        ),
    ],
)
def test_the_cache_volume_is_read_only_for_the_engine(cache: Object, volume: Object) -> None:
    parsed = of("hf://a/b", cache=cache)
    engine, download = mounted(parsed)["/weights"], mounted(parsed, "weights")["/weights"]
    assert {key: download[key] for key in volume} == volume
    assert engine["name"] == download["name"]
    assert engine["mounted"].get("readOnly") is True
    assert "readOnly" not in download["mounted"]


@pytest.mark.parametrize(("size", "capacity"), [("2Gi", 2 << 30), ("1500M", 1_500_000_000), (None, None)])
def test_the_download_gets_the_size_limit_of_an_ephemeral_cache(
    size: str | None, capacity: int | None
) -> None:
    document = order(of("hf://a/b", cache={"size": size} if size else {}))
    assert document.get("capacityBytes") == capacity


@pytest.mark.parametrize(
    ("replicas", "mode"), [(0, "ReadWriteOnce"), (1, "ReadWriteOnce"), (2, "ReadWriteMany")]
)
def test_a_cache_claim_has_the_requested_size(replicas: int, mode: str) -> None:
    cache = {"type": "PersistentVolumeClaim", "size": "1024Mi", "storageClassName": "fast"}
    made = render_claim(model(model={"source": "hf://a/b", "cache": cache}, replicas=replicas))
    assert made is not None
    assert made["metadata"]["name"] == "tiny-weights"
    assert made["spec"] == {
        "accessModes": [mode],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "fast",
    }


def test_a_replica_on_several_nodes_gets_a_read_write_many_claim() -> None:
    wanted = {"source": "hf://a/b", "cache": {"type": "PersistentVolumeClaim", "size": "1Gi"}}
    made = render_claim(
        model(model=wanted, engine={"nodes": 2}, accelerator={"resourceName": "nvidia.com/gpu"})
    )
    assert made is not None
    assert made["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize(
    ("source", "cache"),
    [
        ("hf://a/b", {}),
        ("hf://a/b", {"type": "PersistentVolumeClaim", "claimName": "shared"}),
        ("hf://a/b", {"type": "HostPath", "path": "/srv/cache"}),
    ],
)
def test_other_sources_and_caches_get_no_claim(source: str, cache: Object) -> None:
    assert render_claim(of(source, cache=cache)) is None
