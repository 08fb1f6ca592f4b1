"""The administrator: a person with an admin kubeconfig, who does everything through the API.

Each method is what a documented command does (``kubectl certificate approve``, ``kubeadm
token create``, ``kubectl delete clusterrolebinding``), request by request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from joinsim.api import Context, JsonObject, Kubeconfig, TokenRecord, User
from joinsim.api.bootstrap_token import secret_name
from joinsim.api.csr import csr_state, request_bytes
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CONFIG_MAPS,
    ROLE_BINDINGS,
    SECRETS,
    Resource,
    items,
    mapping,
    name_of,
    texts,
)
from joinsim.backends import Cluster
from joinsim.errors import ApiError, JoinsimError
from joinsim.events import AdministratorActed
from joinsim.gofmt import rfc3339
from joinsim.journal import Journal
from joinsim.pki import CertificateRequest, RequestError
from joinsim.scenario.cast import ADMINISTRATOR
from joinsim.scenario.schema import Binding
from joinsim.wire import Connections, RequestFailed, connection_of

__all__ = ["ActionFailed", "Administrator", "requested_node"]

USER_AGENT = "kubectl/v1.36.2 (linux/amd64) kubernetes/joinsim"
REQUEST_SECONDS = 30.0
CONFLICTS_MAX = 10
REWATCH_SECONDS = 1.0
_NODE_PREFIX = "system:node:"
_WHERE: dict[Binding, tuple[Resource, str]] = {
    Binding.APPROVAL: (CLUSTER_ROLE_BINDINGS, ""),
    Binding.CLUSTER_INFO: (ROLE_BINDINGS, "kube-public"),
}


class ActionFailed(JoinsimError):
    """What the administrator set out to do came to nothing; the message says why."""


def requested_node(csr: JsonObject) -> str:
    """The node that a CSR asks a certificate for; empty where it is for something else."""
    try:
        name = CertificateRequest.parse(request_bytes(csr)).common_name
    except RequestError:
        return ""
    return name.removeprefix(_NODE_PREFIX) if name.startswith(_NODE_PREFIX) else ""


class Administrator:
    """One administrator, working from the cluster's own machine."""

    def __init__(self, cluster: Cluster, journal: Journal) -> None:
        self._cluster = cluster
        self._journal = journal
        host = cluster.administrators_host
        self._kubeconfig = cluster.admin_kubeconfig()
        connections = Connections(host.dialer, host.clock)
        self._clock = host.clock
        connection = connection_of(self._kubeconfig, host.files.read, host.ca_bundle)
        self._client = connections.client(connection, user_agent=USER_AGENT, timeout_seconds=REQUEST_SECONDS)
        # A watch has no deadline of its own.
        self._watcher = connections.client(connection, user_agent=USER_AGENT)
        self._deleted: dict[Binding, JsonObject] = {}

    def _acted(self, action: str, target: str) -> None:
        self._journal.append(ADMINISTRATOR, AdministratorActed(action, target))

    # --- certificate signing requests -------------------------------------------------------

    async def decide(self, node: str, *, approve: bool) -> None:
        """Approve or deny every pending CSR for a node; ActionFailed where there is none."""
        listed = await self._client.get(CERTIFICATE_SIGNING_REQUESTS.path())
        names = [
            name_of(csr)
            for csr in items(listed, "items")
            if isinstance(csr, dict) and csr_state(csr) == "pending" and requested_node(csr) == node
        ]
        if not names:
            raise ActionFailed(f"expected a pending CSR for {node}, found none")
        for name in names:
            await self._decide_one(name, approve=approve)
            self._acted("approve" if approve else "deny", name)

    async def _decide_one(self, name: str, *, approve: bool) -> None:
        verb, kind, reason = (
            ("approved", "Approved", "KubectlApprove") if approve else ("denied", "Denied", "KubectlDeny")
        )
        command = "approve" if approve else "deny"
        for _ in range(CONFLICTS_MAX):
            csr = await self._client.get(CERTIFICATE_SIGNING_REQUESTS.path(name))
            condition: JsonObject = {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": f"This CSR was {verb} by kubectl certificate {command}.",
                "lastUpdateTime": rfc3339(self._clock.now()),
            }
            conditions = [*items(csr, "status", "conditions"), condition]
            decided: JsonObject = {**csr, "status": {**mapping(csr, "status"), "conditions": conditions}}
            try:
                await self._client.update(
                    CERTIFICATE_SIGNING_REQUESTS.path(name, subresource="approval"), decided
                )
            except ApiError as error:
                if error.code != 409:
                    raise
            else:
                return
        raise ActionFailed(f"the CSR {name} changed {CONFLICTS_MAX} times while it was being decided")

    # --- tokens -------------------------------------------------------------------------------

    async def create_token(self, record: TokenRecord) -> None:
        """``kubeadm token create``: refuse an id that is there, then POST the Secret."""
        try:
            await self._client.get(SECRETS.path(secret_name(record.token.id), "kube-system"))
        except ApiError:
            pass
        else:
            raise ActionFailed(f'a token with id "{record.token.id}" already exists')
        await self._client.create(SECRETS.path(namespace="kube-system"), record.to_secret())
        self._acted("create-token", record.token.id)

    async def delete_token(self, token_id: str) -> None:
        """``kubeadm token delete``."""
        await self._client.delete(SECRETS.path(secret_name(token_id), "kube-system"))
        self._acted("delete-token", token_id)

    # --- hardening ----------------------------------------------------------------------------

    async def delete_binding(self, binding: Binding) -> None:
        """Delete one of the two bindings that the hardening guide deletes, and keep a copy."""
        resource, namespace = _WHERE[binding]
        path = resource.path(binding.value, namespace)
        self._deleted[binding] = await self._client.get(path)
        await self._client.delete(path)
        self._acted("delete-binding", binding.value)

    async def restore_binding(self, binding: Binding) -> None:
        """Put back what :meth:`delete_binding` deleted."""
        resource, namespace = _WHERE[binding]
        if binding not in self._deleted:
            raise ActionFailed(f"expected {binding.value} to have been deleted, found that it was not")
        kept = self._deleted[binding]
        metadata: JsonObject = {
            key: value
            for key, value in mapping(kept, "metadata").items()
            if key in ("name", "namespace", "labels", "annotations")
        }
        await self._client.create(resource.path(namespace=namespace), {**kept, "metadata": metadata})
        self._acted("restore-binding", binding.value)

    # --- discovery files ------------------------------------------------------------------------

    async def discovery_file(self, credentials: str | User) -> str:
        """cluster-info's kubeconfig, as it is, or with the administrator's or other credentials in it."""
        info = await self._client.get(CONFIG_MAPS.path("cluster-info", "kube-public"))
        plain = texts(info, "data").get("kubeconfig", "")
        if credentials == "none":
            return plain
        user = self._kubeconfig.current_user() if isinstance(credentials, str) else credentials
        assert user is not None
        _, cluster = Kubeconfig.parse(plain).pick_cluster()
        return replace(
            Kubeconfig({"kubernetes": cluster}),
            users={"joiner": user},
            contexts={"joiner@kubernetes": Context("kubernetes", "joiner")},
            current_context="joiner@kubernetes",
        ).dump()

    # --- watching -------------------------------------------------------------------------------

    async def follow(self, resource: Resource, seen: Callable[[JsonObject], None]) -> None:
        """``kubectl get --watch``: be shown every object, now and when it changes, until cancelled."""
        while True:
            try:
                async with self._watcher.watch(resource.path()) as events:
                    async for event in events:
                        if event.type in ("ADDED", "MODIFIED"):
                            seen(event.object)
            except (ApiError, RequestFailed):
                # The API server is away; it may come back.
                pass
            await trio.sleep(REWATCH_SECONDS)
