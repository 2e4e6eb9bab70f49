"""The input of `fairlead run`: models, and the Secrets and ConfigMaps that they refer to, from YAML files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fairlead_operator.bounds import LOCAL_MODELS
from fairlead_operator.cli.documents import DocumentError, ManifestDocument, read_documents
from fairlead_operator.cli.offline import problems_of
from fairlead_operator.cli.validation import with_defaults
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.kube_objects import stored
from fairlead_operator.local.sources import Files, Sources, contents
from fairlead_operator.local.sources_of_options import claim_of_option, secret_of_folder
from fairlead_operator.plan.served_names import ServedNames, claim_of
from fairlead_operator.render.model import Model, parse_model

Object = dict[str, Any]
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True)
class GivenModel:
    """A model with the object that the router reads and the place of its manifest, for messages."""

    document: ManifestDocument
    body: Object
    model: Model

    @property
    def key(self) -> str:
        """NAMESPACE/NAME."""
        return f"{self.model.namespace}/{self.model.name}"

    @property
    def folder(self) -> str:
        """The name of its folders in a run."""
        name, namespace = self.model.name, self.model.namespace
        return name if namespace == DEFAULT_NAMESPACE else f"{namespace}.{name}"

    def at(self, field: str = "") -> str:
        """File, line and title, for the start of a message about a field."""
        return self.document.at(tuple(field.split(".")) if field else ())


class InvalidModelsError(LocalError):
    """Manifests that no cluster would take either."""


def read_input(
    documents: Sequence[ManifestDocument], secrets: Iterable[str], volumes: Iterable[str]
) -> tuple[list[GivenModel], Sources]:
    """The models of all files, and what they may refer to. `secrets` and `volumes` are the options' values.

    Raises InvalidModelsError as `fairlead validate` would, and LocalError.
    """
    models = [document for document in documents if document.is_model]
    if not models:
        raise LocalError("there is no ModelDeployment in the files of -f")
    wrong = [
        f"{document.at(found.path)}: {found.text}" for document in models for found in problems_of(document)
    ]
    if wrong:
        raise InvalidModelsError(*wrong)
    if len(models) > LOCAL_MODELS:
        raise LocalError(f"{len(models)} models are more than {LOCAL_MODELS}; start them in several runs")
    now = datetime.now(UTC)
    given = [_given(document, now) for document in models]
    if doubled := [*_same(given), *_contested(given)]:
        raise InvalidModelsError(*doubled)
    return given, _sources(documents, secrets, volumes)


def read_files(files: Iterable[str]) -> list[ManifestDocument]:
    """All objects of the files. Raises LocalError."""
    try:
        return [document for file in files for document in read_documents(file)]
    except DocumentError as error:
        raise LocalError(str(error)) from None


def _given(document: ManifestDocument, now: datetime) -> GivenModel:
    body = with_defaults(document.body)
    namespace = body["metadata"].get("namespace") or DEFAULT_NAMESPACE
    body = stored(body, namespace, str(uuid4()), now)
    return GivenModel(document, body, parse_model(body))


def _same(given: Sequence[GivenModel]) -> list[str]:
    """The models whose name and namespace an earlier one has."""
    first: dict[str, GivenModel] = {}
    found = []
    for item in given:
        if item.key in first:
            found.append(
                f"{item.at('metadata.name')}: metadata.name: {item.key} is also in {first[item.key].at()}; "
                "rename one"
            )
        first.setdefault(item.key, item)
    return found


def _contested(given: Sequence[GivenModel]) -> list[str]:
    """The models of which a name for clients belongs to another one."""
    names, found = ServedNames(), []
    claims = [claim_of(item.body) for item in given]
    for claim in claims:
        names.put(claim)
    for item, claim in zip(given, claims, strict=True):
        found += [
            f"{item.at('spec.model')}: {name} is already a name of ModelDeployment {holder}; choose another "
            "spec.model.servedName or alias"
            for name, holder in names.taken(claim.key).items()
        ]
    return found


def _sources(
    documents: Iterable[ManifestDocument], secrets: Iterable[str], volumes: Iterable[str]
) -> Sources:
    kinds: dict[str, dict[str, Files]] = {"Secret": {}, "ConfigMap": {}}
    for document in documents:
        body = document.body
        if not isinstance(body, dict) or body.get("kind") not in kinds or not document.name:
            continue
        try:
            kinds[body["kind"]][document.name] = contents(body)
        except (AttributeError, TypeError, ValueError) as error:
            raise LocalError(f"{document.at()}: {error}") from None
    given = dict(map(secret_of_folder, secrets))
    return Sources({**kinds["Secret"], **given}, kinds["ConfigMap"], dict(map(claim_of_option, volumes)))
