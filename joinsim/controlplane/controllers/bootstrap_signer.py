"""bootstrapsigner: signs cluster-info with every token that may sign.

Every event (of cluster-info, of a bootstrap token) leads to the same work: drop all
signatures, make those that should be, write if anything changed. A failed write is not
tried again; the next event repairs it. Expiry alone is no event: a token that has run
out keeps its signature until the token cleaner deletes it.
"""

from __future__ import annotations

import trio

from joinsim.api.bootstrap_token import (
    has_expired,
    is_bootstrap_secret,
    secret_data,
    token_id_of_secret_name,
)
from joinsim.api.jws import KEY_PREFIX, compute_detached_signature
from joinsim.api.objects import CONFIG_MAPS, JsonObject, name_of, texts
from joinsim.controlplane.controllers.controller import Informer, key_of
from joinsim.controlplane.controllers.work_queue import WorkQueue
from joinsim.controlplane.loopback import Loopback
from joinsim.errors import ApiError
from joinsim.world import Clock

__all__ = ["BootstrapSigner", "signing_token"]

_CLUSTER_INFO = CONFIG_MAPS.path("cluster-info", "kube-public")
_KEY = "kube-public/cluster-info"


def signing_token(secret: JsonObject, clock: Clock) -> tuple[str, str] | None:
    """The id and secret of a token that may sign now, or None for one that may not."""
    token_id = token_id_of_secret_name(name_of(secret))
    data = secret_data(secret)
    valid = (
        token_id is not None
        and is_bootstrap_secret(secret)
        and data.get("token-id") == token_id
        and bool(data.get("token-secret"))
        and not has_expired(data.get("expiration", ""), clock.now())
        and data.get("usage-bootstrap-signing") == "true"
    )
    return (str(token_id), data["token-secret"]) if valid else None


class BootstrapSigner:
    """Keeps the signatures in ``kube-public/cluster-info``."""

    def __init__(self, client: Loopback, config_maps: Informer, secrets: Informer, clock: Clock) -> None:
        self._client = client
        self._config_maps = config_maps
        self._secrets = secrets
        self._clock = clock

    async def run(self) -> None:
        """Sign until cancelled."""
        async with trio.open_nursery() as nursery:
            queue: WorkQueue[str] = WorkQueue(nursery)

            def info_changed(info: JsonObject, gone: bool) -> None:
                if key_of(info) == _KEY:
                    queue.add(_KEY)

            def secret_changed(secret: JsonObject, gone: bool) -> None:
                if is_bootstrap_secret(secret):
                    queue.add(_KEY)

            self._config_maps.subscribe(info_changed)
            self._secrets.subscribe(secret_changed)
            while True:
                key = await queue.get()
                info = self._config_maps.objects.get(_KEY)
                if info is not None:
                    await self._sign(info)
                queue.done(key)

    async def _sign(self, info: JsonObject) -> None:
        before = texts(info, "data")
        if "kubeconfig" not in before:
            return
        after = {key: value for key, value in before.items() if not key.startswith(KEY_PREFIX)}
        for secret in self._secrets.objects.values():
            token = signing_token(secret, self._clock)
            if token is not None:
                after[KEY_PREFIX + token[0]] = compute_detached_signature(before["kubeconfig"], *token)
        if after == before:
            return
        try:
            await self._client.update(_CLUSTER_INFO, {**info, "data": dict(sorted(after.items()))})
        except ApiError:
            return
