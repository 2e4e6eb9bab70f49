"""Reasons why the weights are not there."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

_SOURCE = "download, launcher"

REASONS = (
    ConditionReason(
        "WeightsUnauthorized",
        "The hub or the object store requires credentials (HTTP 401), or does not accept the given ones.",
        "Name a Secret with valid credentials in spec.model.credentials.",
        _SOURCE,
        stalled=True,
    ),
    ConditionReason(
        "WeightsForbidden",
        "The credentials may not read the model (HTTP 403), or the files cannot be read.",
        "Accept the model's licence with the token's account, or give it the right to read; files must be "
        "readable for the pods' user, 65532 by default.",
        _SOURCE,
        stalled=True,
    ),
    ConditionReason(
        "WeightsNotFound",
        "The repository, revision, bucket or folder does not exist, or has no model in it.",
        "Correct spec.model.source or spec.model.revision.",
        _SOURCE,
        stalled=True,
    ),
    ConditionReason(
        "WeightsAmbiguous",
        "The source has several models in GGUF files, of which the engine serves one.",
        "Name the file in spec.model.source: hf://ORG/NAME/FILE.gguf; the message has the choices.",
        "download",
        stalled=True,
    ),
    ConditionReason(
        "WeightsCorrupt",
        "What the source or the cache has cannot be right: a wrong size or digest, a file that is cut off, a "
        "name that is no path, or a link.",
        "See that the source is complete and the endpoint is the right one. Remove the link that the message "
        "names, or delete the model's folder in the cache.",
        _SOURCE,
        stalled=True,
    ),
    ConditionReason(
        "CacheNotWritable",
        "The cache for the weights cannot be written.",
        "Make the claim or folder of spec.model.cache writable for the pods' user or group, 65532 by "
        "default.",
        "download",
        stalled=True,
    ),
    ConditionReason(
        "DiskFull",
        "There is no room for the weights, or for the engine's own files.",
        "Make spec.model.cache larger, or free disk space on the node.",
        "download, launcher, kubelet",
    ),
    ConditionReason(
        "WeightsRateLimited",
        "The hub limits the rate of downloads (HTTP 429).",
        "Wait: the download continues. A token raises the limit; a shared spec.model.cache saves downloads.",
        _SOURCE,
    ),
    ConditionReason(
        "WeightsUnavailable",
        "The hub or the object store cannot be reached, or fails.",
        "Wait: it is tried again. If it lasts, see the network and spec.model.endpoint.",
        "download",
    ),
    ConditionReason(
        "WeightsDownloadFailed",
        "The download ended without saying why.",
        "See its log (`kubectl logs POD -c weights --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
)
STATE = (
    ConditionReason(
        "WeightsWaiting",
        "Another pod downloads the same weights into the shared cache.",
        "Wait; status.weights says how far it is.",
        "download",
        healthy=True,
    ),
    ConditionReason(
        "WeightsDownloading",
        "The weights are being downloaded.",
        "Wait; status.weights says how far it is.",
        "download",
        healthy=True,
    ),
    ConditionReason(
        "WeightsComplete", "The weights of every pod are there.", "Nothing.", "download", healthy=True
    ),
    ConditionReason(
        "WeightsMounted",
        "Nothing is downloaded: the weights are in a claim, an image or a folder.",
        "Nothing.",
        healthy=True,
    ),
)
