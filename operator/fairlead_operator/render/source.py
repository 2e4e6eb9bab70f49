"""A source of weights in the pod: the path that vLLM loads, and its volume.

Four of the five kinds are existing folders: of a claim, of an image, of the engine's own image or of the
node. They are mounted read-only, each at its own path, so that a claim may serve the model and several
adapters. A download is in the cache, under a path that only the download knows, with a link at a fixed path.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fairlead_contract.paths import GGUF_ENDING, RUN_PATH
from fairlead_operator.api.model import Adapter
from fairlead_operator.render.model import Model, Object
from fairlead_operator.render.paths import ADAPTERS_PATH, MODELS_PATH

DOWNLOADED_SCHEMES = ("hf", "s3")


@dataclass(frozen=True)
class Place:
    """Where the engine finds a model or an adapter.

    `path` is what vLLM loads: a folder, or a GGUF file. `volume` is the pod's volume without its name ({} if
    there is none), mounted at `mount`. `link` is the init container's link to the downloaded folder; "" if
    nothing is downloaded. `config` is the folder with the configuration and the tokenizer of a GGUF file,
    where that is another one than the file's own.
    """

    path: str
    volume: Object = field(default_factory=dict)
    mount: str = ""
    link: str = ""
    config: str = ""

    @property
    def downloaded(self) -> bool:
        """Whether the init container downloads it."""
        return bool(self.link)


def model_place(model: Model) -> Place:
    """Where the model is."""
    return _place(model, model.spec.model.source, mount=MODELS_PATH, link=f"{RUN_PATH}/model")


def adapter_place(model: Model, adapter: Adapter) -> Place:
    """Where one of its adapters is."""
    mount, link = f"{ADAPTERS_PATH}/{adapter.name}", f"{RUN_PATH}/adapters/{adapter.name}"
    return _place(model, adapter.source, mount=mount, link=link)


def scheme(source: str) -> str:
    """The kind of a source: hf, s3, pvc, oci or file."""
    return source.partition("://")[0]


def _place(model: Model, source: str, *, mount: str, link: str) -> Place:
    """Raises ValueError for what the API server refuses too: an unknown scheme, a path that is no folder
    below the root.
    """
    kind, _, rest = source.partition("://")
    if kind in DOWNLOADED_SCHEMES:
        return _downloaded(kind, rest, link)
    if kind == "pvc":
        claim, _, path = rest.partition("/")
        # Read-only as a volume too, so that fsGroup does not change the owner of the user's files.
        volume = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        return Place(_below(mount, path), volume, mount)
    if kind == "oci":
        image, _, path = rest.partition("#")
        return Place(_below(mount, path), {"image": {"reference": image}}, mount)
    if kind == "file":
        folder = _below("", rest)
        if not folder:
            # The root of a node or of an image is never a model.
            raise ValueError(f"source {source!r} names no folder")
        if model.spec.model.file_from == "Image":
            return Place(folder)
        file = _file_in(rest)
        path = f"{mount}/{file}" if file else mount
        folder = folder.removesuffix(f"/{file}") if file else folder
        return Place(path, {"hostPath": {"path": folder, "type": "Directory"}}, mount)
    raise ValueError(f"unknown source {source!r}")


def _downloaded(kind: str, rest: str, link: str) -> Place:
    """Of a repository a file is chosen by its path, of a bucket by its name: there the path is the folder."""
    of_repository = rest.split("/", 2)[2:]
    file = "".join(of_repository) if kind == "hf" else _file_in(rest)
    if not file:
        return Place(link, link=link)
    return Place(f"{link}/{file}", link=link, config=link if "/" in file else "")


def _file_in(path: str) -> str:
    """The GGUF file at the end of a path; "" if it ends with a folder, or if nothing is before the file."""
    folder, _, last = path.rpartition("/")
    return last if folder and last.endswith(GGUF_ENDING) else ""


def _below(mount: str, path: str) -> str:
    """The path below `mount`, in its shortest form. Raises ValueError for one that could lead out of it."""
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    if ".." in segments:
        raise ValueError(f"path {path!r} leads out of its folder")
    return "/".join((mount, *segments))
