"""`fairlead validate` and `fairlead render`: check and render models without a cluster, or with its names
alone.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fairlead_contract.names import GROUP
from fairlead_operator import __version__
from fairlead_operator.api.manifest import to_yaml
from fairlead_operator.cli.documents import DocumentError, ManifestDocument, header_problem, read_documents
from fairlead_operator.cli.output import painter, structured
from fairlead_operator.cli.validation import Problem, validate, with_defaults
from fairlead_operator.cli.verdicts import Verdict, text_lines, verdicts_document
from fairlead_operator.plan.scaling.replicas import with_current_replicas
from fairlead_operator.render.children import fit_model, render_children
from fairlead_operator.render.model import Model, RenderSettings, parse_model
from fairlead_operator.settings import Settings

if TYPE_CHECKING:
    from fairlead_operator.kube.podschema import FieldProblem

Object = dict[str, Any]

# Whether a pod template fits does not depend on the images.
_ANY = RenderSettings(gateway_image="gateway", engine_image="engine")
# The settings of an installation of the chart with its defaults.
DEFAULT_IMAGES = {
    "gateway_image": f"ghcr.io/fairlead-dev/gateway:{__version__}",
    "engine_image": "vllm/vllm-openai:v0.32.0",
}


def run_validate(options: Namespace) -> int:
    """Prints the problems, or that there are none; 0 if all models are valid, 1 if not, 2 if a file cannot be
    read.
    """
    documents = _documents(options.files)
    problems = [list(problems_of(document)) for document in documents]
    if options.cluster:
        sound = [number for number, found in enumerate(problems) if not found]
        taken = _taken_names(options, [documents[number] for number in sound])
        for number, texts in zip(sound, taken, strict=True):
            problems[number] += texts
    verdicts = [
        Verdict(document, found, () if found else list(_warnings(document)))
        for document, found in zip(documents, problems, strict=True)
    ]
    if options.output == "table":
        paint = painter(sys.stdout)
        sys.stdout.write("".join(f"{line}\n" for item in verdicts for line in text_lines(item, paint)))
    else:
        sys.stdout.write(structured(verdicts_document(verdicts), options.output))
    return int(any(problems))


def run_render(options: Namespace) -> int:
    """Prints the objects that the operator would make; only the problems, on stderr, if a model is wrong. The
    exit codes are those of `validate`.
    """
    documents = _documents(options.files)
    verdicts = [Verdict(document, list(problems_of(document))) for document in documents]
    if not all(verdict.valid for verdict in verdicts):
        paint = painter(sys.stderr)
        wrong = [line for item in verdicts if not item.valid for line in text_lines(item, paint)]
        sys.stderr.write("".join(f"{line}\n" for line in wrong))
        return 1
    settings = _settings(options)
    objects = [item for document in documents for item in _rendered(document, options.namespace, settings)]
    if options.output == "json":
        sys.stdout.write(structured({"apiVersion": "v1", "kind": "List", "items": objects}, "json"))
    else:
        sys.stdout.write(to_yaml(*objects))
    return 0


def _taken_names(options: Namespace, documents: list[ManifestDocument]) -> list[list[Problem]]:
    # Only with this option: the rest works without a client for the API server.
    from fairlead_operator.cli.cluster import ClusterError
    from fairlead_operator.cli.names import taken_names

    try:
        return taken_names(options, documents)
    except ClusterError as error:
        raise DocumentError(f"fairlead validate: {error}") from error


def _documents(files: Iterable[str]) -> list[ManifestDocument]:
    """The ModelDeployments of all files. Raises DocumentError if there is none."""
    found = [document for file in files for document in read_documents(file)]
    models = [document for document in found if document.is_model]
    if not models:
        others = f", only {', '.join(document.title for document in found)}" if found else ""
        raise DocumentError(f"there is no ModelDeployment in {', '.join(files)}{others}")
    return models


def problems_of(document: ManifestDocument) -> Iterator[Problem]:
    """The problems of a document, by line."""
    if problem := header_problem(document):
        yield Problem((), problem)
        return
    problems = sorted(validate(document.body), key=lambda item: document.line(item.path))
    yield from problems
    if not problems:
        model = _model(document, None)
        unfit = fit_model(model, _ANY).problems
        yield from (Problem(("spec", "podTemplate"), text) for text in unfit)
        wrong = [found for found in _pod_problems(model) if found.certain]
        for misfit in sorted(wrong, key=lambda item: document.line(item.path)):
            yield Problem(tuple(misfit.path), str(misfit))


def _warnings(document: ManifestDocument) -> Iterator[Problem]:
    """Possible problems of a valid model."""
    for found in _pod_problems(_model(document, None)):
        yield Problem(tuple(found.path), str(found))


def _pod_problems(model: Model) -> list[FieldProblem]:
    if not (model.spec.pod_template or model.spec.scheduling.affinity):
        return []
    # Only with these fields: the import of the schema takes half a second.
    from fairlead_operator.kube.podschema import spec_problems

    return spec_problems(model, _ANY)


def _settings(options: Namespace) -> RenderSettings:
    """The operator's settings from the environment, overridden by the options."""
    names = ("gateway_image", "engine_image", "image_pull_policy", "monitoring_namespaces", "network_policy")
    given: Object = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.operator_namespace:
        given["pod_namespace"] = options.operator_namespace
    defaults = {
        name: image for name, image in DEFAULT_IMAGES.items() if f"FAIRLEAD_{name.upper()}" not in os.environ
    }
    try:
        return Settings(**{**defaults, **given}).render
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DocumentError(f"setting {'_'.join(map(str, first['loc']))}: {first['msg']}") from error


def _rendered(
    document: ManifestDocument, namespace: str | None, settings: RenderSettings
) -> Iterator[Object]:
    """The children of a model.

    They have no owner: that needs the identity of a stored object, and with a wrong one the garbage
    collection would remove them. The operator's bookkeeping annotations are left out.
    """
    model = _model(document, namespace)
    model = with_current_replicas(model, {}, None, settings.router_host)
    for child in render_children(model, settings).children:
        del child["metadata"]["ownerReferences"]
        kept = {key: value for key, value in child["metadata"].pop("annotations").items() if not _own(key)}
        if kept:
            child["metadata"]["annotations"] = kept
        yield child


def _model(document: ManifestDocument, namespace: str | None) -> Model:
    """The model as if it were stored."""
    body = with_defaults(document.body)
    metadata = {"namespace": "default", **body["metadata"], "uid": "", "generation": 1}
    if namespace:
        metadata["namespace"] = namespace
    return parse_model({**body, "metadata": metadata})


def _own(annotation: str) -> bool:
    return annotation.partition("/")[0] == GROUP
