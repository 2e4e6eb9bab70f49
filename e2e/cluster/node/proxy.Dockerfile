# What kube-proxy needs beside itself.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        iptables nftables kmod conntrack ipset > /dev/null \
    && rm -rf /var/lib/apt/lists/*
