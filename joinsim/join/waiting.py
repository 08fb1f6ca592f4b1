"""The two waits at the end of a join: for the kubelet to live, and for it to have a certificate."""

from __future__ import annotations

import trio

from joinsim.join.paths import CURRENT_CERTIFICATE, KUBELET_CONF
from joinsim.join.polling import Poll
from joinsim.pki import CertificateError, KeyPair, parse_bundle
from joinsim.wire import HttpClient, RequestFailed
from joinsim.world import Host

__all__ = ["wait_for_certificate", "wait_for_kubelet"]

HEALTH_POLL_SECONDS = 0.5
CERTIFICATE_POLL_SECONDS = 1.0


async def wait_for_kubelet(host: Host, port: int, timeout_seconds: float) -> str:
    """Ask the kubelet's health port until it answers 200; the last problem where it never does."""
    url = f"http://127.0.0.1:{port}"
    # Divergence: kubeadm ends these texts with a newline, which only spoils a report.
    call = f"The HTTP call equal to 'curl -sSL {url}/healthz' returned"
    poll: Poll | None = Poll.begin(trio.current_time(), HEALTH_POLL_SECONDS, timeout_seconds)
    problem, gives_up_at = "", trio.current_time()
    while poll is not None:
        await trio.sleep_until(poll.attempt_at)
        client = HttpClient(host.dialer, url, host.clock)
        try:
            answer = await client.send("GET", "/healthz")
        except RequestFailed as error:
            problem = f"{call} error: {error}"
        else:
            if answer.status == 200:
                return ""
            problem = f"{call} status code: {answer.status}"
        finally:
            await client.aclose()
        gives_up_at = poll.gives_up_at(trio.current_time())
        poll = poll.again(trio.current_time())
    await trio.sleep_until(gives_up_at)
    return problem


async def wait_for_certificate(host: Host, timeout_seconds: float) -> bool:
    """Look until a client could be made from ``kubelet.conf``; no request is made."""
    poll: Poll | None = Poll.begin(trio.current_time(), CERTIFICATE_POLL_SECONDS, timeout_seconds)
    gives_up_at = trio.current_time()
    while poll is not None:
        await trio.sleep_until(poll.attempt_at)
        if _usable(host):
            return True
        gives_up_at = poll.gives_up_at(trio.current_time())
        poll = poll.again(trio.current_time())
    await trio.sleep_until(gives_up_at)
    return False


def _usable(host: Host) -> bool:
    if not host.files.exists(KUBELET_CONF):
        return False
    try:
        content = host.files.read(CURRENT_CERTIFICATE)
        parse_bundle(content)
        KeyPair.from_pem(content)
    except (FileNotFoundError, CertificateError, ValueError):
        return False
    return True
