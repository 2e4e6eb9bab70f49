# The gateway: the sidecar of every model pod, and the carrier of the engine launcher and of the downloader.
# Built from the repository root; plain enough for the classic builder (no RUN --mount, no COPY --chmod).
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Registries behind a private certificate authority: paths inside the base image.
ARG PIP_CERT
ARG SSL_CERT_FILE
COPY operator/fairlead_operator/local/packages/uv.requirements.txt /opt/uv.requirements.txt
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/uv.requirements.txt
WORKDIR /src
COPY pyproject.toml uv.lock ./
# The lock alone decides what is installed; the package itself is only copied, so that code changes rebuild nothing.
RUN UV_PROJECT_ENVIRONMENT=/opt/fairlead/venv UV_PYTHON=python3 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 \
    /opt/uv/bin/uv sync --frozen --no-install-project --only-group gateway-image --compile-bytecode
# Of the descriptions of AWS' services, 27 MB, only those stay that reading a bucket needs, with its ways to log in.
RUN find /opt/fairlead/venv/lib -path '*/botocore/data/*' -prune -type d \
    ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -r {} +

FROM ${BASE_IMAGE}
COPY --from=build /opt/fairlead/venv /opt/fairlead/venv
COPY serving-image/fairlead_contract /opt/fairlead/app/fairlead_contract
COPY serving-image/fairlead_gateway /opt/fairlead/app/fairlead_gateway
COPY serving-image/fairlead_launcher /opt/fairlead/app/fairlead_launcher
COPY serving-image/fairlead_weights /opt/fairlead/app/fairlead_weights
RUN python3 -m compileall -q /opt/fairlead/app
ENV PATH=/opt/fairlead/venv/bin:$PATH \
    PYTHONPATH=/opt/fairlead/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8000 8001
ENTRYPOINT ["python", "-m", "fairlead_gateway"]
CMD ["serve"]
