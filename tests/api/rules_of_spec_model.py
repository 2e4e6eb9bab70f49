"""The rules of spec.model for test_validation: what keeps each one, what breaks it, words of the refusal."""

from __future__ import annotations

from typing import Any

from tests.api.rules_of_spec_api import Rule

HUB = "hf://Qwen/Qwen3-8B"
BUCKET = "s3://models/qwen"
FOLDER = "pvc://models/qwen"


def model(source: str = HUB, **more: Any) -> dict[str, Any]:
    return {"model": {"source": source, **more}}


def cache(source: str = HUB, **more: Any) -> dict[str, Any]:
    return model(source, cache=more)


def adapter(source: str = HUB, **more: Any) -> dict[str, Any]:
    return {"name": "a", "source": source, **more}


MODEL_RULES: dict[str, Rule] = {
    "source-hub": (model(HUB), model("hf://Qwen"), "spec.model.source must be hf://ORG/NAME"),
    "source-hub-file": (
        model(f"{HUB}-GGUF/Q4_K_M/Qwen3 8B-00001-of-00002.gguf"),
        model(f"{HUB}-GGUF/config.json"),
        "spec.model.source must be hf://ORG/NAME, hf://ORG/NAME/FILE.gguf, pvc://",
    ),
    "source-hub-file-up": (
        model(f"{HUB}/a..gguf"),
        model(f"{HUB}/../x.gguf"),
        "segments . and ..",
    ),
    "source-hub-file-empty": (model(f"{HUB}/a.gguf"), model(f"{HUB}//a.gguf"), "spec.model.source must be"),
    "adapter-hub-file": (
        model(adapters=[adapter()]),
        model(adapters=[adapter(f"{HUB}/a.gguf")]),
        "spec.model.adapters[].source must be hf://ORG/NAME, pvc://",
    ),
    "source-claim": (model("pvc://a/b c/d"), model("pvc://A/b"), "spec.model.source must be"),
    "source-file": (model("file:///opt/m"), model("file://opt/m"), "spec.model.source must be"),
    "source-file-folder": (model("file:///opt/m/"), model("file:///"), "spec.model.source must be"),
    "source-file-root": (model("file:///m"), model("file:////"), "spec.model.source must be"),
    "source-file-root-longer": (
        model("file:///data/a b/m", fileFrom="Node"),
        model("file://////x", fileFrom="Node"),
        "whose PATH has no empty segments",
    ),
    "source-file-empty": (model("file:///a.b/c"), model("file:///a//b"), "has no empty segments"),
    "source-file-up": (model("file:///a../b"), model("file:///a/../b"), "segments . and .."),
    "source-image-up": (
        model("oci://a#./models/..x"),
        model("oci://a#../models"),
        "segments . and ..",
    ),
    "source-image-up-alone": (model("oci://a#/"), model("oci://a#.."), "segments . and .."),
    "source-claim-root": (model("pvc://a//"), model("pvc://a/.."), "segments . and .."),
    "source-bucket-up": (model("s3://a-b//c"), model("s3://a-b/c/.."), "segments . and .."),
    "source-scheme": (model("pvc://a"), model("ftp://a/b"), "spec.model.source must be"),
    "source-path": (model("pvc://a/..b"), model("pvc://a/../b"), "segments . and .."),
    "source-length": (
        model("pvc://a/" + "b" * 900),
        model("pvc://a/" + "b" * 1100),
        "source: Too long",
    ),
    "revision": (
        model(revision="v1.0"),
        model("pvc://a", revision="v1"),
        "spec.model.revision is only for hf://",
    ),
    "revision-word": (
        model(revision="refs/pr/1"),
        model(revision="--x"),
        "revision must be a branch",
    ),
    "credentials": (
        model(credentials={"secretName": "s"}),
        model("pvc://a", credentials={"secretName": "s"}),
        "spec.model.credentials is only for hf://",
    ),
    "served-name": (model(servedName="a/b:c"), model(servedName="-a"), "spec.model.servedName must start"),
    "aliases": (
        model(aliases=["a", "b"]),
        model(aliases=["a", "a"]),
        "aliases[1]: Duplicate value",
    ),
    "alias-word": (model(aliases=["a"]), model(aliases=["a b"]), "an item of spec.model.aliases must start"),
    "alias-served": (
        model(servedName="a", aliases=["b"]),
        model(servedName="a", aliases=["a"]),
        "spec.model.aliases must not repeat spec.model.servedName",
    ),
    "source-bucket": (model("s3://a-b.c/d e/f"), model("s3://A/b"), "spec.model.source must be"),
    "source-image": (
        model("oci://registry.example:5000/a/b@sha256:0#models/x"),
        model("oci://a#"),
        "spec.model.source must be",
    ),
    "file-of-node": (
        model("file:///data/m", fileFrom="Node"),
        model(fileFrom="Node"),
        "spec.model.fileFrom Node is only for file:// sources",
    ),
    "file-from": (
        model("file:///opt/m", fileFrom="Image"),
        model("file:///opt/m", fileFrom="Disk"),
        "spec.model.fileFrom: Unsupported value",
    ),
    "endpoint": (
        model(endpoint="https://hub.example:8443/api"),
        model(endpoint="hub.example"),
        "spec.model.endpoint must be an http:// or https:// URL",
    ),
    "endpoint-downloads": (
        model(FOLDER, adapters=[adapter()], endpoint="http://hub"),
        model(FOLDER, endpoint="http://hub"),
        "spec.model.endpoint is only for hf:// and s3:// sources",
    ),
    "region": (
        model(BUCKET, region="eu-central-1"),
        model(BUCKET, region="EU Central"),
        "spec.model.region must be a region's name",
    ),
    "region-of-bucket": (
        model(adapters=[adapter(BUCKET)], region="x"),
        model(region="x"),
        "spec.model.region is only for s3:// sources",
    ),
    "credentials-of-adapter": (
        model(FOLDER, adapters=[adapter(BUCKET)], credentials={"secretName": "s"}),
        model(FOLDER, adapters=[adapter(FOLDER)], credentials={"secretName": "s"}),
        "spec.model.credentials is only for hf:// and s3:// sources",
    ),
    "cache-type": (cache(type="Ephemeral"), cache(type="Disk"), "spec.model.cache.type: Unsupported value"),
    "cache-of-download": (
        cache(type="HostPath", path="/var/cache/models"),
        cache(FOLDER, type="HostPath", path="/var/cache/models"),
        "spec.model.cache is only for hf:// and s3:// sources",
    ),
    "cache-claim": (
        cache(type="PersistentVolumeClaim", claimName="c"),
        cache(type="PersistentVolumeClaim"),
        "spec.model.cache of type PersistentVolumeClaim needs either claimName",
    ),
    "cache-claim-or-size": (
        cache(type="PersistentVolumeClaim", size="100Gi"),
        cache(type="PersistentVolumeClaim", size="100Gi", claimName="c"),
        "spec.model.cache of type PersistentVolumeClaim needs either claimName",
    ),
    "cache-claim-name": (
        cache(type="PersistentVolumeClaim", claimName="c"),
        cache(claimName="c"),
        "spec.model.cache.claimName needs spec.model.cache.type PersistentVolumeClaim",
    ),
    "cache-class": (
        cache(type="PersistentVolumeClaim", size="1Ti", storageClassName="fast"),
        cache(type="PersistentVolumeClaim", claimName="c", storageClassName="fast"),
        "spec.model.cache.storageClassName is for a claim that is made",
    ),
    "cache-path": (
        cache(type="HostPath", path="/a"),
        cache(path="/a"),
        "spec.model.cache.path and type HostPath go together",
    ),
    "cache-path-form": (
        cache(type="HostPath", path="/a/..b"),
        cache(type="HostPath", path="/a/../b"),
        "spec.model.cache.path must be an absolute path",
    ),
    "cache-path-root": (
        cache(type="HostPath", path="/srv/"),
        cache(type="HostPath", path="//"),
        "spec.model.cache.path must be an absolute path without empty segments",
    ),
    "cache-path-root-longer": (
        cache(type="HostPath", path="/.cache"),
        cache(type="HostPath", path="///"),
        "spec.model.cache.path must be an absolute path without empty segments",
    ),
    "cache-path-here": (
        cache(type="HostPath", path="/srv/.x"),
        cache(type="HostPath", path="/./"),
        "without the segments . and ..",
    ),
    "cache-size": (
        cache(size="10Gi"),
        cache(type="HostPath", path="/a", size="10Gi"),
        "spec.model.cache.size has no effect with type HostPath",
    ),
    "cache-quantity": (cache(size="10Gi"), cache(size="ten"), "spec.model.cache.size"),
    "adapter-name": (
        model(adapters=[adapter(name="sql-v1.0_b")]),
        model(adapters=[adapter(name="a/b")]),
        "spec.model.adapters[].name must start with a letter or digit",
    ),
    "adapter-twice": (
        model(adapters=[adapter(), adapter(name="b")]),
        model(adapters=[adapter(), adapter()]),
        "spec.model.adapters[1]: Duplicate value",
    ),
    "adapter-source": (
        model(adapters=[adapter("oci://a#lora")]),
        model(adapters=[adapter("lora")]),
        "spec.model.adapters[].source must be hf://ORG/NAME",
    ),
    "adapter-file": (
        model(adapters=[adapter("file:///opt/lora")]),
        model(adapters=[adapter("file:////")]),
        "spec.model.adapters[].source must be hf://ORG/NAME",
    ),
    "adapter-path": (
        model(adapters=[adapter("pvc://a/b..")]),
        model(adapters=[adapter("pvc://a/..")]),
        "spec.model.adapters[].source must not have the path segments",
    ),
    "adapter-revision": (
        model(adapters=[adapter(revision="v1")]),
        model(adapters=[adapter(FOLDER, revision="v1")]),
        "spec.model.adapters[].revision is only for hf:// sources",
    ),
    "adapter-revision-word": (
        model(adapters=[adapter(revision="v1")]),
        model(adapters=[adapter(revision=" ")]),
        "spec.model.adapters[].revision must be a branch",
    ),
    # The case's name is that of its object.
    "adapter-own-name": (
        model(servedName="b", adapters=[adapter(name="adapter-own-name")]),
        model(adapters=[adapter(name="adapter-own-name")]),
        "spec.model.adapters[].name must not be metadata.name",
    ),
    "adapter-served-name": (
        model(servedName="b", aliases=["c"], adapters=[adapter()]),
        model(aliases=["a"], adapters=[adapter()]),
        "spec.model.adapters[].name must not be spec.model.servedName",
    ),
}
