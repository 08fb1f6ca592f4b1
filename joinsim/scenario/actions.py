"""Carries out the steps of a timeline: by the administrator, a node, or an adversary."""

from __future__ import annotations

from urllib.parse import urlsplit

from joinsim.adversary import impersonate_control_plane
from joinsim.api import User
from joinsim.errors import ApiError
from joinsim.events import FilePublished, StepFailed, StepFired
from joinsim.join import JoinEngine, KubeletSettings
from joinsim.scenario.administrator import ActionFailed
from joinsim.scenario.cast import ADMINISTRATOR, TIMELINE
from joinsim.scenario.schema import Publication, Step
from joinsim.scenario.stage import Stage, node_name, token_record
from joinsim.scenario.timeline import Signals
from joinsim.wire import RequestFailed

__all__ = ["Actions"]


class Actions:
    """The actions of one run."""

    def __init__(self, stage: Stage, signals: Signals) -> None:
        self._stage = stage
        self._signals = signals

    async def perform(self, index: int, step: Step) -> None:
        """Carry out a step. That it comes to nothing is told to the journal, not raised."""
        journal = self._stage.world.journal
        journal.append(TIMELINE, StepFired(index, step.action))
        try:
            await self._perform(step)
        except (ActionFailed, ApiError, RequestFailed) as error:
            journal.append(TIMELINE, StepFailed(index, step.action, str(error)))

    async def _perform(self, step: Step) -> None:
        stage = self._stage
        if step.join is not None:
            stage.world.nursery.start_soon(self._join, step.join)
        elif step.attack is not None:
            assert step.by is not None
            await impersonate_control_plane(stage.adversaries[step.by])
        elif step.approve is not None:
            await stage.administrator.decide(self._node_name(step.approve), approve=True)
        elif step.deny is not None:
            await stage.administrator.decide(self._node_name(step.deny), approve=False)
        elif step.create_token is not None:
            token = stage.tokens[step.create_token.name]
            now = stage.world.clock.now()
            await stage.administrator.create_token(token_record(token, step.create_token, now))
        elif step.delete_token is not None:
            await stage.administrator.delete_token(stage.tokens[step.delete_token].id)
        elif step.delete_binding is not None:
            await stage.administrator.delete_binding(step.delete_binding)
        elif step.restore_binding is not None:
            await stage.administrator.restore_binding(step.restore_binding)
        elif step.publish is not None:
            await self._publish(step.publish)

    def _node_name(self, machine: str) -> str:
        return node_name(machine, self._stage.model.nodes[machine])

    async def _join(self, machine: str) -> None:
        world, node = self._stage.world, self._stage.model.nodes[machine]
        self._signals.send("join", machine, "started")
        kubelet = KubeletSettings(heartbeats=node.heartbeats)
        config = self._stage.join_configuration(node)
        await JoinEngine(world.hosts[machine], config, world.journal, kubelet).run()
        self._signals.send("join", machine, "ended")

    async def _publish(self, publication: Publication) -> None:
        """Make a discovery file and carry it where it belongs, past the network: by hand."""
        stage, asked = self._stage, publication.credentials
        credentials = asked if isinstance(asked, str) else User(token=stage.token(asked.token))
        content = (await stage.administrator.discovery_file(credentials)).encode()
        if publication.url is not None:
            parts = urlsplit(publication.url)
            stage.servers[parts.hostname or ""].publish(parts.path, content)
            target = publication.url
        else:
            assert publication.node is not None
            assert publication.path is not None
            stage.world.hosts[publication.node].files.write(publication.path, content, 0o600)
            target = f"{publication.node}:{publication.path}"
        said = asked if isinstance(asked, str) else "token"
        stage.world.journal.append(ADMINISTRATOR, FilePublished(target, said))
