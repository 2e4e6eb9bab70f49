# A kind node of one Kubernetes version; the control plane's images are imported into it afterwards.
ARG PACKAGES_IMAGE
FROM ${PACKAGES_IMAGE}
COPY local/ /usr/local/bin/
COPY bin/ /usr/bin/
COPY 10-bridge.conflist /etc/cni/net.d/
COPY default-storage.yaml /kind/manifests/
ARG VERSION
ARG PAUSE_IMAGE
ARG VOLUMES
# restrict_oom_score_adj: without CAP_SYS_RESOURCE no process may lower its score.
# cri-base.json: no resource limits, which may not be raised either, and kind's hook that hides the host's products.
RUN sed -i "s#sandbox_image = .*#sandbox_image = \"${PAUSE_IMAGE}\"#; s/restrict_oom_score_adj = false/restrict_oom_score_adj = true/" \
        /etc/containerd/config.toml \
    && ctr oci spec \
        | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
        > /etc/containerd/cri-base.json \
    && printf %s "${VERSION}" > /kind/version \
    && for number in $(seq "${VOLUMES}"); do mkdir -p -m 0777 "/fairlead/volumes/v${number}"; done
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
