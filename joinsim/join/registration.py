"""The kubelet's two ways of being seen: its Node object and its Lease."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from joinsim.api import JsonObject
from joinsim.api.objects import LEASES, NODES, mapping
from joinsim.errors import ApiError
from joinsim.events import LeaseCreated
from joinsim.join.node_credentials import NodeCredentials
from joinsim.join.node_objects import LEASE_NAMESPACE, lease_object, node_object, ready_status
from joinsim.journal import Journal
from joinsim.wire import RequestFailed
from joinsim.world import Host

__all__ = ["Registration"]

REGISTER_PAUSE_SECONDS = 0.1
LEASE_PAUSE_SECONDS = 0.2
PAUSE_SECONDS_MAX = 7.0
LEASE_RENEW_SECONDS = 10.0
STATUS_REPORT_SECONDS = 300.0


class _OwnerMissing(Exception):
    """There is no Node yet that a Lease could belong to."""


class Registration:
    """Registers a node and keeps it registered, with whatever credential there is.

    Without ``heartbeats`` the Node and the Lease are created and then left alone.
    """

    def __init__(
        self,
        host: Host,
        journal: Journal,
        credentials: NodeCredentials,
        *,
        node_name: str,
        version: str,
        taints: Sequence[JsonObject],
        heartbeats: bool,
    ) -> None:
        self._host = host
        self._journal = journal
        self._credentials = credentials
        self._node_name = node_name
        self._version = version
        self._taints = taints
        self._heartbeats = heartbeats

    # --- the Node ------------------------------------------------------------------------

    async def keep_node(self) -> None:
        """Register the Node, report that it is ready, and go on reporting."""
        pause = REGISTER_PAUSE_SECONDS
        await trio.sleep(pause)
        while not await self._try_to_register():
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
            await trio.sleep(pause)
        while True:
            reported = await self._report_status()
            if reported and not self._heartbeats:
                return
            await trio.sleep(STATUS_REPORT_SECONDS if reported else LEASE_RENEW_SECONDS)

    async def _try_to_register(self) -> bool:
        """One attempt; whether the API server now has the Node."""
        node = node_object(
            self._node_name, self._host.address, self._version, self._taints, self._host.clock.now()
        )
        client = self._credentials.client()
        try:
            await client.create(NODES.path(), node)
        except ApiError as error:
            if error.code not in (403, 409):
                return False
        except RequestFailed:
            return False
        else:
            return True
        # Refused or there already: the kubelet looks whether it has been registered before.
        try:
            await client.get(NODES.path(self._node_name))
        except (ApiError, RequestFailed):
            return False
        return True

    async def _report_status(self) -> bool:
        path = NODES.path(self._node_name, subresource="status")
        try:
            await self._credentials.quick_client().patch(path, ready_status(self._host.clock.now()))
        except (ApiError, RequestFailed):
            return False
        return True

    # --- the Lease -----------------------------------------------------------------------

    async def keep_lease(self) -> None:
        """Create the Lease, owned by the Node, and renew it."""
        pause = LEASE_PAUSE_SECONDS
        while True:
            try:
                lease = await self._lease()
                break
            except _OwnerMissing:
                # Not counted as a failure: the Lease is looked at again when it would be renewed.
                await trio.sleep(LEASE_RENEW_SECONDS)
                pause = LEASE_PAUSE_SECONDS
            except (ApiError, RequestFailed):
                await trio.sleep(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)
        while self._heartbeats:
            await trio.sleep(LEASE_RENEW_SECONDS)
            lease = await self._renew(lease)

    async def _lease(self) -> JsonObject:
        """The Lease as it is, or newly created. Raises _OwnerMissing where the Node cannot be had."""
        client = self._credentials.quick_client()
        try:
            return await client.get(LEASES.path(self._node_name, LEASE_NAMESPACE))
        except ApiError as error:
            if error.code != 404:
                raise
        try:
            node = await client.get(NODES.path(self._node_name))
        except (ApiError, RequestFailed) as error:
            raise _OwnerMissing from error
        created = await client.create(
            LEASES.path(namespace=LEASE_NAMESPACE), lease_object(node, self._host.clock.now())
        )
        self._journal.append(self._host.name, LeaseCreated(self._node_name))
        return created

    async def _renew(self, lease: JsonObject) -> JsonObject:
        moment = self._host.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        renewed: JsonObject = {**lease, "spec": {**mapping(lease, "spec"), "renewTime": moment}}
        client = self._credentials.quick_client()
        path = LEASES.path(self._node_name, LEASE_NAMESPACE)
        try:
            return await client.update(path, renewed)
        except (ApiError, RequestFailed):
            try:
                return await client.get(path)
            except (ApiError, RequestFailed):
                return lease
