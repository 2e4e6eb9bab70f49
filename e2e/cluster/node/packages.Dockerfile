# The operating system of a node: kind's files and the packages its own node image has, on the base made here.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY files/usr/local/bin/ /usr/local/bin/
COPY files/kind/ /kind/
COPY files/etc/ /etc/
# systemd gets by without its usual units, as nothing of the hardware is the node's to manage.
RUN chmod 755 /usr/local/bin/* /kind /kind/bin /kind/bin/* \
    && DEBIAN_FRONTEND=noninteractive clean-install \
        systemd conntrack iptables nftables iproute2 ethtool util-linux mount kmod libseccomp2 pigz runc \
        containernetworking-plugins e2fsprogs bash curl jq procps \
    && rm -f /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
        /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
        /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/basic.target.wants/* \
        /lib/systemd/system/sockets.target.wants/*udev* /lib/systemd/system/sockets.target.wants/*initctl* \
    && echo "ReadKMsg=no" >> /etc/systemd/journald.conf \
    && ln -sf /lib/systemd/systemd /sbin/init \
    && systemctl enable kubelet.service containerd.service undo-mount-hacks.service \
    && systemctl mask systemd-binfmt.service \
    && mkdir -p /etc/kubernetes/manifests /opt/cni/bin \
    && cp /usr/lib/cni/* /opt/cni/bin/
