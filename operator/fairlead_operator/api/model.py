"""spec.model: what is served, where its weights come from, and where they are kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict

from fairlead_operator.api.env import Quantity
from fairlead_operator.api.markers import FORBIDDEN, items, length, rule, validations
from fairlead_operator.api.part import ApiObject

_REPOSITORY = "hf://[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
_GGUF_FILE = "(/[^/[:cntrl:]]+)*/[^/[:cntrl:]]+[.]gguf"
_CLAIM = "pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[^[:cntrl:]]*)?"
_BUCKET = "s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[^[:cntrl:]]*)?"
_IMAGE = "oci://[A-Za-z0-9][A-Za-z0-9._:/@-]*(#[^[:cntrl:]]+)?"
# A path with an empty segment could be the root by another name.
_ABSOLUTE_PATH = "(/[^/[:cntrl:]]+)+/?"
_FOLDER = f"file://{_ABSOLUTE_PATH}"


def _source(field: str, file: str = "") -> Any:
    """The rules of a source; `file` is what of a repository may be chosen, as a regular expression."""
    hub = f"{_REPOSITORY}({file})?" if file else _REPOSITORY
    forms = "hf://ORG/NAME, hf://ORG/NAME/FILE.gguf" if file else "hf://ORG/NAME"
    return validations(
        rule(
            f"self.matches('^({hub}|{_CLAIM}|{_BUCKET}|{_IMAGE}|{_FOLDER})$')",
            f"{field} must be {forms}, pvc://CLAIM/PATH, s3://BUCKET/PATH, oci://IMAGE#PATH or "
            "file:///PATH (PATH may be absent but for file, whose PATH has no empty segments)",
        ),
        rule(
            "!self.matches('(/[.][.]?|#[.][.])(/|$)')",
            f"{field} must not have the path segments . and ..; give the path in full",
        ),
    )


def _revision(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._/-]*$')",
            f"{field} must be a branch, tag or commit of the hub's repository",
        )
    )


def _served_name(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._:/-]*$')",
            f"{field} must start with a letter or digit and have only letters, digits and . _ : / -",
        )
    )


class Credentials(ApiObject):
    """Credentials for downloading the weights."""

    secret_name: Annotated[str, length(1, 253)]
    """secretName is the name of a Secret in the model's namespace. For `hf://` its key `token` is a Hugging
    Face token; for `s3://` its keys `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if need be
    `AWS_SESSION_TOKEN`, are those of the bucket.
    """


class Cache(ApiObject):
    """Where downloaded weights are kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.type) || self.type != 'PersistentVolumeClaim' || "
                    "has(self.claimName) != has(self.size)",
                    "spec.model.cache of type PersistentVolumeClaim needs either claimName, a claim of "
                    "yours, or size, for a claim that is made for the model",
                ),
                rule(
                    "!has(self.claimName) || (has(self.type) && self.type == 'PersistentVolumeClaim')",
                    "spec.model.cache.claimName needs spec.model.cache.type PersistentVolumeClaim",
                    at=".claimName",
                    reason=FORBIDDEN,
                ),
                rule(
                    "!has(self.storageClassName) || (has(self.size) && has(self.type) && "
                    "self.type == 'PersistentVolumeClaim')",
                    "spec.model.cache.storageClassName is for a claim that is made: it needs type "
                    "PersistentVolumeClaim and size",
                    at=".storageClassName",
                    reason=FORBIDDEN,
                ),
                rule(
                    "has(self.path) == (has(self.type) && self.type == 'HostPath')",
                    "spec.model.cache.path and type HostPath go together; set both, or neither",
                    at=".path",
                ),
                rule(
                    "!has(self.size) || !has(self.type) || self.type != 'HostPath'",
                    "spec.model.cache.size has no effect with type HostPath; remove it",
                    at=".size",
                    reason=FORBIDDEN,
                ),
            ]
        }
    )

    type: Literal["Ephemeral", "PersistentVolumeClaim", "HostPath"] = "Ephemeral"
    """type of the cache: `Ephemeral` is part of the pod and downloaded again for each; a
    `PersistentVolumeClaim` outlives pods and is shared by those that can mount it; `HostPath` is a folder of
    the node, shared by all models there.
    """
    claim_name: Annotated[str | None, length(1, 253)] = None
    """claimName is the name of a PersistentVolumeClaim of yours; several models may share it."""
    size: Quantity | None = None
    """size of the claim that is made for the model, or the bound of an ephemeral cache."""
    storage_class_name: Annotated[str | None, length(1, 253)] = None
    """storageClassName of the claim that is made; the cluster's default class if absent."""
    path: Annotated[
        str | None,
        length(2, 1024),
        validations(
            rule(
                f"self.matches('^{_ABSOLUTE_PATH}$') && !self.matches('/[.][.]?(/|$)')",
                "spec.model.cache.path must be an absolute path without empty segments and without the "
                "segments . and ..",
            )
        ),
    ] = None
    """path of the folder on the node, writable for the user of the pods: 65532, unless the installation says
    otherwise.
    """


class Adapter(ApiObject):
    """A LoRA adapter, served under its own name beside the model."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.revision) || self.source.startsWith('hf://')",
                    "spec.model.adapters[].revision is only for hf:// sources; remove it",
                    at=".revision",
                    reason=FORBIDDEN,
                )
            ]
        }
    )

    name: Annotated[
        str,
        length(1, 63),
        validations(
            rule(
                "self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')",
                "spec.model.adapters[].name must start with a letter or digit and have only letters, digits "
                "and . _ -",
            )
        ),
    ]
    """name that clients put into `model`."""
    source: Annotated[str, length(1, 1024), _source("spec.model.adapters[].source")]
    """source of the adapter, as for the model itself; credentials, endpoint and cache are the model's."""
    revision: Annotated[str | None, length(1, 250), _revision("spec.model.adapters[].revision")] = None
    """revision is the branch, tag or commit of an `hf://` source; the hub's default branch if absent."""


# CEL over spec.model: something is downloaded, something comes from S3.
_DOWNLOADED = "(self.source.matches('^(hf|s3)://') || (has(self.adapters) && "
_DOWNLOADED += "self.adapters.exists(a, a.source.matches('^(hf|s3)://'))))"
_FROM_S3 = "(self.source.startsWith('s3://') || (has(self.adapters) && "
_FROM_S3 += "self.adapters.exists(a, a.source.startsWith('s3://'))))"


class Model(ApiObject):
    """What is served."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.revision) || self.source.startsWith('hf://')",
                    "spec.model.revision is only for hf:// sources; remove it",
                    at=".revision",
                    reason=FORBIDDEN,
                ),
                rule(
                    f"!has(self.credentials) || {_DOWNLOADED}",
                    "spec.model.credentials is only for hf:// and s3:// sources; remove it",
                    at=".credentials",
                    reason=FORBIDDEN,
                ),
                rule(
                    f"!has(self.endpoint) || {_DOWNLOADED}",
                    "spec.model.endpoint is only for hf:// and s3:// sources; remove it",
                    at=".endpoint",
                    reason=FORBIDDEN,
                ),
                rule(
                    f"!has(self.region) || {_FROM_S3}",
                    "spec.model.region is only for s3:// sources; remove it",
                    at=".region",
                    reason=FORBIDDEN,
                ),
                rule(
                    f"!has(self.cache) || !has(self.cache.type) || self.cache.type == 'Ephemeral' || "
                    f"{_DOWNLOADED}",
                    "spec.model.cache is only for hf:// and s3:// sources, which are downloaded; remove it",
                    at=".cache",
                    reason=FORBIDDEN,
                ),
                rule(
                    "!has(self.fileFrom) || self.fileFrom == 'Image' || self.source.startsWith('file://')",
                    "spec.model.fileFrom Node is only for file:// sources; remove it",
                    at=".fileFrom",
                    reason=FORBIDDEN,
                ),
                rule(
                    "!has(self.servedName) || !has(self.aliases) || !(self.servedName in self.aliases)",
                    "spec.model.aliases must not repeat spec.model.servedName; remove it there",
                    at=".aliases",
                ),
                rule(
                    "!has(self.adapters) || self.adapters.all(a, "
                    "(!has(self.servedName) || a.name != self.servedName) && "
                    "(!has(self.aliases) || !(a.name in self.aliases)))",
                    "spec.model.adapters[].name must not be spec.model.servedName or one of "
                    "spec.model.aliases; rename the adapter",
                    at=".adapters",
                ),
            ]
        }
    )

    source: Annotated[str, length(1, 1024), _source("spec.model.source", _GGUF_FILE)]
    """source says where the weights are: `hf://ORG/NAME` (Hugging Face hub), `s3://BUCKET/PATH` (any S3
    endpoint), both downloaded before the engine starts; `pvc://CLAIM/PATH` (a folder of a
    PersistentVolumeClaim in the same namespace, mounted read-only); `oci://IMAGE#PATH` (a folder of an
    image, mounted read-only as an image volume); or `file:///PATH` (a folder of the engine image, or of the
    node). A path that ends in `.gguf` is one file, also `hf://ORG/NAME/FILE.gguf`; of a split model it is the
    first part.
    """
    file_from: Literal["Image", "Node"] = "Image"
    """fileFrom says whose folder a `file://` source is: the engine image's, or the node's, which is mounted
    read-only and must be on every node that may run the model.
    """
    revision: Annotated[str | None, length(1, 250), _revision("spec.model.revision")] = None
    """revision is the branch, tag or commit of an `hf://` source; the hub's default branch if absent."""
    endpoint: Annotated[
        str | None,
        length(1, 1024),
        validations(
            rule(
                "self.matches('^https?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]+)?"
                "(/[^[:cntrl:] ]*)?$')",
                "spec.model.endpoint must be an http:// or https:// URL",
            )
        ),
    ] = None
    """endpoint is the URL of a mirror of the hub or of an S3 service; huggingface.co or AWS if absent."""
    region: Annotated[
        str | None,
        length(1, 64),
        validations(
            rule(
                "self.matches('^[a-z0-9-]+$')", "spec.model.region must be a region's name like eu-central-1"
            )
        ),
    ] = None
    """region of an S3 bucket, where its service has regions."""
    served_name: Annotated[str | None, length(1, 253), _served_name("spec.model.servedName")] = None
    """servedName is the name that clients put into `model`; the name of the ModelDeployment if absent."""
    aliases: Annotated[
        tuple[Annotated[str, length(1, 253), _served_name("an item of spec.model.aliases")], ...],
        items(16, "set"),
    ] = ()
    """aliases are further names under which the model is served."""
    credentials: Credentials | None = None
    """credentials for downloading the weights; public models need none."""
    cache: Cache = Cache()
    """cache says where downloaded weights are kept."""
    adapters: Annotated[tuple[Adapter, ...], items(32, "map", "name")] = ()
    """adapters are LoRA adapters of the model, loaded with the engine and served under their own names."""
