"""Where kubeadm and the kubelet keep things on a node."""

KUBERNETES = "/etc/kubernetes"
BOOTSTRAP_KUBELET_CONF = f"{KUBERNETES}/bootstrap-kubelet.conf"
KUBELET_CONF = f"{KUBERNETES}/kubelet.conf"
MANIFESTS = f"{KUBERNETES}/manifests"
KUBELET = "/var/lib/kubelet"
KUBELET_CONFIG = f"{KUBELET}/config.yaml"
INSTANCE_CONFIG = f"{KUBELET}/instance-config.yaml"
KUBEADM_FLAGS = f"{KUBELET}/kubeadm-flags.env"
KUBELET_PKI = f"{KUBELET}/pki"
CURRENT_CERTIFICATE = f"{KUBELET_PKI}/kubelet-client-current.pem"
SYSTEMD_RESOLVED = "/run/systemd/resolve/resolv.conf"

__all__ = [
    "BOOTSTRAP_KUBELET_CONF",
    "CURRENT_CERTIFICATE",
    "INSTANCE_CONFIG",
    "KUBEADM_FLAGS",
    "KUBELET",
    "KUBELET_CONF",
    "KUBELET_CONFIG",
    "KUBELET_PKI",
    "KUBERNETES",
    "MANIFESTS",
    "SYSTEMD_RESOLVED",
]
