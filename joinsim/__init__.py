"""joinsim: who ends up trusting whom when a machine joins a Kubernetes cluster."""

__version__ = "0.1.0"
