"""What a joining machine shows the API server after discovery, and to which server."""

from __future__ import annotations

from dataclasses import replace

from joinsim.api import Cluster, Kubeconfig, User

__all__ = ["bootstrap_kubeconfig", "rekeyed"]

USER = "tls-bootstrap-token-user"


def bootstrap_kubeconfig(discovered: Kubeconfig, tls_bootstrap_token: str) -> Kubeconfig | None:
    """The kubeconfig for TLS bootstrap, or None where there is no credential for it.

    A TLS bootstrap token replaces whatever credential discovery brought; without one the
    discovered credential must do.
    """
    _, cluster = discovered.pick_cluster()
    if tls_bootstrap_token:
        credential = User(token=tls_bootstrap_token)
        return Kubeconfig.basic(
            cluster.server, cluster.certificate_authority_data, "kubernetes", USER, credential
        )
    user = discovered.current_user()
    return discovered if user is not None and user.has_credentials else None


def rekeyed(kubeconfig: Kubeconfig, cluster_name: str) -> Kubeconfig:
    """The same kubeconfig with its one cluster under the name that the cluster gives itself."""
    _, found = kubeconfig.pick_cluster()
    cluster = Cluster(found.server, found.certificate_authority_data)
    context = kubeconfig.contexts[kubeconfig.current_context]
    return replace(
        kubeconfig,
        clusters={cluster_name: cluster},
        contexts={kubeconfig.current_context: replace(context, cluster=cluster_name)},
    )
