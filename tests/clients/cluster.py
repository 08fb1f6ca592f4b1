"""A control plane on a loopback socket, and the few requests that tests make past any client."""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509

from joinsim.api import BootstrapToken, Kubeconfig, TokenRecord
from joinsim.backends.serving import ServeSettings, serving_in_thread
from joinsim.controlplane import ClusterSettings
from joinsim.events import RequestServed
from joinsim.pki import KeyAlgorithm, KeyPair, build_request

TOKEN = BootstrapToken("abcdef", "0123456789abcdef")
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
AUTOAPPROVE = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:node-autoapprove-bootstrap"
KEY = KeyPair.generate(KeyAlgorithm.ECDSA_P256, os.urandom)
WAIT_SECONDS_MAX = 60


class Cluster:
    """What is served, with the administrator's and a bootstrap token's way in."""

    def __init__(self, served, records):
        self.served = served
        self.url = served.url
        self.kubeconfig = served.kubeconfig
        self.ca_file = served.ca_file
        self._records = records
        self._anybody = ssl.create_default_context(cafile=served.ca_file)
        self._administrator = ssl.create_default_context(cafile=served.ca_file)
        user = Kubeconfig.parse(served.kubeconfig.read_text()).current_user()
        pair = served.folder / "administrator.pem"
        pair.write_bytes(user.client_certificate_data + user.client_key_data)
        self._administrator.load_cert_chain(pair)

    def ask(self, method, path, body=None):
        """The status and the document that answer the administrator's request."""
        return self._ask(self._administrator, method, path, body)

    def anonymously(self, method, path, body=None, *, token=""):
        """The same without a client certificate, with a bootstrap token where one is given."""
        return self._ask(
            self._anybody, method, path, body, {"Authorization": f"Bearer {token}"} if token else {}
        )

    def _ask(self, tls, method, path, body, headers=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=tls, timeout=WAIT_SECONDS_MAX) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path):
        status, document = self.ask("GET", path)
        assert status == 200, document
        return document

    def until(self, path, holds):
        """What is at a path as soon as it is as it should be."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not holds(found := self.get(path)):
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return found

    def post_csr(self, name, *, common_name="", organization="system:nodes"):
        """Ask for a node's client certificate, as a kubelet does with the bootstrap token."""
        body = csr_manifest(name, common_name=common_name, organization=organization)
        status, created = self.anonymously("POST", CSRS, body, token=TOKEN.value)
        assert status == 201, created
        return created

    def issued(self, name):
        """The CSR once the signer is done with it."""

        def done(csr):
            told = csr.get("status", {})
            conditions = [each["type"] for each in told.get("conditions", [])]
            return "certificate" in told or "Failed" in conditions

        return self.until(f"{CSRS}/{name}", done)

    @staticmethod
    def certificate_of(csr):
        """The certificate that a CSR was answered with."""
        return x509.load_pem_x509_certificate(base64.b64decode(csr["status"]["certificate"]))

    def asked_by(self, agent):
        """What a client that calls itself so has asked: path and status of each request."""
        served = [record.event for record in list(self._records) if isinstance(record.event, RequestServed)]
        return [(each.path, each.status) for each in served if each.user_agent.startswith(agent)]


def csr_manifest(name, *, common_name="", organization="system:nodes", signer=SIGNER):
    """A kubelet's CSR."""
    request = build_request(KEY, common_name or f"system:node:{name}", [organization])
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": signer,
            "usages": ["digital signature", "client auth"],
        },
    }


def users_csr_manifest(name):
    """A user's CSR, which nobody approves but a person; a node's, of the administrator, is approved at once."""
    signer = "kubernetes.io/kube-apiserver-client"
    return csr_manifest(name, common_name="jane", organization="developers", signer=signer)


@contextmanager
def served_cluster(*, autoapprove=True, tokens=()):
    """Serve a new cluster; without ``autoapprove`` CSRs wait for the administrator."""
    records = []
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=24)
    settings = ClusterSettings(tokens=(TokenRecord(TOKEN, expiration=expires), *tokens))
    with serving_in_thread(ServeSettings(cluster=settings, follow=records.append)) as served:
        cluster = Cluster(served, records)
        if not autoapprove:
            cluster.ask("DELETE", AUTOAPPROVE)
        yield cluster
