"""The in-process control plane: an API server and controllers, as ``kubeadm init`` leaves them."""

from joinsim.controlplane.control_plane import ControlPlane
from joinsim.controlplane.settings import ClusterSettings

__all__ = ["ClusterSettings", "ControlPlane"]
