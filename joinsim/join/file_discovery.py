"""Discovery by a file: a kubeconfig that was carried to the machine, or fetched from a URL.

A state machine without I/O, like the one for tokens. Its rules:

    1. The file must name one cluster, and its current context must fit together.
    2. Certificates and keys that it names by path are read and kept inside.
    3. Fetch cluster-info with the trust and the credential that the file has. An answer
       is good, and so is 403: the server has proved itself. Every other error, 401
       included, is tried again every 5 s until the discovery timeout.
    4. A file without a CA takes the one in the ConfigMap. Everything else stays the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from joinsim.api import Cluster, Kubeconfig, KubeconfigError
from joinsim.errors import Reason
from joinsim.gofmt import duration, quote
from joinsim.join.discovery import RETRY_SECONDS, Accept, Fetch, Refuse, Step, refuse
from joinsim.join.polling import Poll

__all__ = ["FileDiscovery"]


class FileDiscovery:
    """Discovery by the text of a kubeconfig.

    ``method`` is what an acceptance says vouched for the cluster: ``file`` or ``url``.
    ``read`` gives the contents of files that the kubeconfig names.
    """

    def __init__(
        self, content: str, method: str, timeout_seconds: float, read: Callable[[str], bytes]
    ) -> None:
        self._content = content
        self._method = method
        self._timeout = timeout_seconds
        self._read = read
        self._poll = Poll.begin(0, 0, 0)
        self._kubeconfig = Kubeconfig()

    def begin(self, now: float) -> Step:
        """Start: judge the file; the first thing to do."""
        try:
            kubeconfig = Kubeconfig.parse(self._content)
        except KubeconfigError as error:
            return _malformed(now, str(error))
        if not kubeconfig.clusters:
            return _malformed(now, "the provided kubeconfig file must have at least one Cluster defined")
        try:
            kubeconfig.pick_cluster()
        except KubeconfigError as error:
            return _malformed(now, f"the provided kubeconfig file is malformed: {error}")
        problems = _context_problems(kubeconfig, self._read)
        if problems:
            told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            return _malformed(now, f"invalid configuration: {told}")
        self._kubeconfig = _embedded(kubeconfig, self._read)
        self._poll = Poll.begin(now, RETRY_SECONDS, self._timeout)
        return self._fetch()

    def _fetch(self) -> Fetch:
        _, cluster = self._kubeconfig.pick_cluster()
        return Fetch(self._poll.attempt_at, self._kubeconfig, verified=not cluster.insecure_skip_tls_verify)

    def failed(self, problem: str, now: float, *, forbidden: bool = False) -> Step:
        """A fetch brought an error; 403 is an answer from a server that has proved itself."""
        if forbidden:
            return Accept(self._kubeconfig, self._method)
        again = self._poll.again(now)
        if again is None:
            said = f"Abort reading the cluster-info ConfigMap after timeout of {duration(self._timeout)}: {problem}"
            at = self._poll.gives_up_at(now)
            return refuse(at, Reason.CLUSTER_INFO_UNAVAILABLE, said, timed_out=True)
        self._poll = again
        return self._fetch()

    def fetched(self, data: Mapping[str, str], now: float) -> Step:
        """A fetch brought cluster-info's data."""
        name, cluster = self._kubeconfig.pick_cluster()
        if not cluster.certificate_authority_data:
            found = _cluster_in(data)
            if found is not None and found.certificate_authority_data:
                filled = replace(
                    cluster,
                    certificate_authority_data=found.certificate_authority_data,
                    insecure_skip_tls_verify=False,
                )
                self._kubeconfig = self._kubeconfig.with_cluster(name, filled)
        return Accept(self._kubeconfig, self._method)


def _malformed(now: float, problem: str) -> Refuse:
    return refuse(now, Reason.DISCOVERY_FILE_MALFORMED, problem)


def _cluster_in(data: Mapping[str, str]) -> Cluster | None:
    try:
        return Kubeconfig.parse(data.get("kubeconfig", "")).pick_cluster()[1]
    except KubeconfigError:
        return None


def _context_problems(kubeconfig: Kubeconfig, read: Callable[[str], bytes]) -> list[str]:
    """What does not fit together in the current context, in client-go's words."""
    context = kubeconfig.contexts.get(kubeconfig.current_context)
    if context is None:
        return []
    shown = f"context {quote(kubeconfig.current_context)}"
    problems = []
    if not context.user:
        problems.append(f"user was not specified for {shown}")
    elif context.user not in kubeconfig.users:
        problems.append(f"user {quote(context.user)} was not found for {shown}")
    if not context.cluster:
        problems.append(f"cluster was not specified for {shown}")
    elif context.cluster not in kubeconfig.clusters:
        problems.append(f"cluster {quote(context.cluster)} was not found for {shown}")
    user = kubeconfig.users.get(context.user)
    if user is not None:
        for kind, path in (("client-cert", user.client_certificate), ("client-key", user.client_key)):
            problems += _unreadable(kind, path, context.user, read)
    cluster = kubeconfig.clusters.get(context.cluster)
    if cluster is not None:
        if not cluster.server:
            problems.append(f"no server found for cluster {quote(context.cluster)}")
        problems += _unreadable("certificate-authority", cluster.certificate_authority, context.cluster, read)
    return problems


def _unreadable(kind: str, path: str, owner: str, read: Callable[[str], bytes]) -> list[str]:
    if not path:
        return []
    try:
        read(path)
    except OSError as error:
        return [f"unable to read {kind} {path} for {owner} due to {error}"]
    return []


def _embedded(kubeconfig: Kubeconfig, read: Callable[[str], bytes]) -> Kubeconfig:
    """The same kubeconfig with the files that it names read into it."""
    name, cluster = kubeconfig.pick_cluster()
    if cluster.certificate_authority and not cluster.certificate_authority_data:
        authority = read(cluster.certificate_authority)
        embedded = replace(cluster, certificate_authority="", certificate_authority_data=authority)
        kubeconfig = kubeconfig.with_cluster(name, embedded)
    context = kubeconfig.contexts.get(kubeconfig.current_context)
    user = kubeconfig.current_user()
    if context is None or user is None:
        return kubeconfig
    if user.client_certificate and not user.client_certificate_data:
        user = replace(user, client_certificate="", client_certificate_data=read(user.client_certificate))
    if user.client_key and not user.client_key_data:
        user = replace(user, client_key="", client_key_data=read(user.client_key))
    if user.token_file and not user.token:
        user = replace(user, token_file="", token=read(user.token_file).decode().strip())
    return kubeconfig.with_user(context.user, user)
