"""tokencleaner: deletes bootstrap tokens when their time is up.

There is no polling: each Secret is looked at when it changes and again at the very
moment at which it expires. A failed deletion is not tried again.
"""

from __future__ import annotations

from datetime import datetime

import trio

from joinsim.api.bootstrap_token import has_expired, is_bootstrap_secret, secret_data
from joinsim.api.objects import SECRETS, JsonObject, name_of, text
from joinsim.controlplane.controllers.controller import Informer, key_of
from joinsim.controlplane.controllers.work_queue import WorkQueue
from joinsim.controlplane.loopback import Loopback
from joinsim.errors import ApiError
from joinsim.gofmt import parse_rfc3339
from joinsim.world import Clock

__all__ = ["TokenCleaner"]


class TokenCleaner:
    """Deletes expired bootstrap tokens in ``kube-system``."""

    def __init__(self, client: Loopback, secrets: Informer, clock: Clock) -> None:
        self._client = client
        self._secrets = secrets
        self._clock = clock

    async def run(self) -> None:
        """Clean until cancelled."""
        async with trio.open_nursery() as nursery:
            queue: WorkQueue[str] = WorkQueue(nursery)

            def changed(secret: JsonObject, gone: bool) -> None:
                if not gone and is_bootstrap_secret(secret):
                    queue.add(key_of(secret))

            self._secrets.subscribe(changed)
            while True:
                key = await queue.get()
                secret = self._secrets.objects.get(key)
                if secret is not None:
                    await self._look_at(secret, queue)
                queue.done(key)

    async def _look_at(self, secret: JsonObject, queue: WorkQueue[str]) -> None:
        expiration = secret_data(secret).get("expiration", "")
        if not expiration:
            return
        if not has_expired(expiration, self._clock.now()):
            queue.add_after(key_of(secret), _seconds_until(expiration, self._clock.now()))
            return
        path = SECRETS.path(name_of(secret), "kube-system")
        try:
            await self._client.delete(path, uid=text(secret, "metadata", "uid"))
        except ApiError:
            return


def _seconds_until(expiration: str, now: datetime) -> float:
    return (parse_rfc3339(expiration) - now).total_seconds()
