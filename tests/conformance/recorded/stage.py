"""The state that the real server was in when a recording was made, made again in the fake.

Everything is done over the wire, as the administrator or a token's bearer did it. The
one exception says so.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import trio
from cryptography import x509

from joinsim.gofmt import rfc3339
from joinsim.pki import CertificateAuthority, KeyAlgorithm, KeyPair, Validity, build_request, parse_bundle
from joinsim.wire import Answer, ClientTls, Connections, connection_of
from tests.pair import TOKEN, JoinPair

RECORDED = Path(__file__).parents[2] / "recorded" / "exchanges"

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
SECRET_PATH = "/api/v1/namespaces/kube-system/secrets"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
AUTO_APPROVE = f"{RBAC}/clusterrolebindings/kubeadm:node-autoapprove-bootstrap"
CLUSTER_INFO_BINDING = f"{RBAC}/namespaces/kube-public/rolebindings/kubeadm:bootstrap-signer-clusterinfo"
GROUP = "system:bootstrappers:kubeadm:default-node-token"
TOKEN_SECRET = "0123456789abcdef"


def load(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


@dataclass
class Stage:
    """A control plane, those who ask it, and how to ask."""

    pair: JoinPair
    connections: Connections
    node: str = "live1"
    credential: tuple[bytes, KeyPair] | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def set(cls, world, **fields):
        pair = await JoinPair.create(world)
        return cls(pair, Connections(pair.worker.dialer, pair.worker.clock), **fields)

    async def send(self, tls, method, target, headers, body=b"") -> Answer:
        http = self.connections.http(f"https://{self.pair.control_plane.endpoint}", tls)
        # White space around a header's value is no part of it (RFC 9110, section 5.5): nobody may send it.
        stripped = [(name, value.strip()) for name, value in headers]
        return await http.send(method, target, stripped, body, timeout_seconds=600)

    async def replay(self, asked, identity) -> Answer:
        """A recorded request, as it was, but naming the uid and version that its object has here."""
        target = asked["path"] + (f"?{asked['query']}" if asked.get("query") else "")
        body = await self._translated(asked.get("body"))
        tls = await self.tls_of(identity)
        return await self.send(tls, asked["method"], target, asked["headers"].items(), body)

    async def _translated(self, body):
        if body is None or isinstance(body, str):
            return (body or "").encode()
        metadata = body.get("metadata", {})
        if "uid" in metadata:
            stored = await self.admin("GET", f"{CSRS}/{metadata['name']}")
            changed = {"uid": stored["metadata"]["uid"]}
            if "resourceVersion" in metadata:
                changed["resourceVersion"] = self.versions[metadata["name"]]
            body = {**body, "metadata": {**metadata, **changed}}
        return json.dumps(body).encode()

    async def tls_of(self, identity):
        """The handshake of whoever asked: by certificate, or without one."""
        whose = re.search(r"(admin|live1|srv)\.crt", identity or "")
        if whose is None:
            return ClientTls(None)
        if whose[1] == "admin":
            return self.admin_tls()
        if whose[1] == "srv":
            return self.strangers_tls()
        return await self.node_tls()

    def admin_tls(self):
        worker = self.pair.worker
        kubeconfig = self.pair.control_plane.admin_kubeconfig()
        return connection_of(kubeconfig, worker.files.read, worker.ca_bundle).tls

    def strangers_tls(self):
        """A client certificate of a CA that this cluster has never heard of."""
        stream = self.pair.worker.randomness.stream("strangers keys")
        now = self.pair.worker.clock.now()
        period = Validity(now, now + timedelta(hours=1))
        key = KeyPair.generate(KeyAlgorithm.ECDSA_P256, stream.bytes)
        ca = CertificateAuthority.create("stranger", key, period, 1)
        return ClientTls(None, ca.issue_client("srv", [], key.public_key, period, 2), key)

    async def node_tls(self):
        """The identity of the node, asked for with a token as a kubelet does."""
        if self.credential is None:
            stream = self.pair.worker.randomness.stream("keys")
            key = KeyPair.generate(KeyAlgorithm.ECDSA_P256, stream.bytes)
            request = build_request(key, f"system:node:{self.node}", ["system:nodes"])
            body = csr_body(base64.b64encode(request).decode(), generateName="csr-")
            name = (await self.post_csr(body))["metadata"]["name"]
            await trio.sleep(1)
            issued = await self.admin("GET", f"{CSRS}/{name}")
            await self.admin("DELETE", f"{CSRS}/{name}")
            self.credential = base64.b64decode(issued["status"]["certificate"]), key
        pem, key = self.credential
        return ClientTls(None, parse_bundle(pem)[0], key)

    async def admin(self, method, path, body=None, kind="application/json"):
        """A request of the administrator's, which must succeed."""
        headers = [("Content-Type", kind)] if body is not None else []
        data = b"" if body is None else json.dumps(body).encode()
        answer = await self.send(self.admin_tls(), method, path, headers, data)
        assert answer.status < 300, answer
        return json.loads(answer.body)

    async def post_csr(self, body):
        headers = [("Content-Type", "application/json"), ("Authorization", f"Bearer {TOKEN.value}")]
        answer = await self.send(ClientTls(None), "POST", CSRS, headers, json.dumps(body).encode())
        assert answer.status == 201, answer
        return json.loads(answer.body)

    async def decide(self, name, kind="Approved", reason="KubectlApprove", message=""):
        """Approve or deny a CSR, as kubectl does."""
        csr = await self.admin("GET", f"{CSRS}/{name}")
        message = message or "This CSR was approved by kubectl certificate approve."
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        csr.setdefault("status", {}).setdefault("conditions", []).append(condition)
        return await self.admin("PUT", f"{CSRS}/{name}/approval", csr)

    async def token(self, token_id, *, name="", secret=TOKEN_SECRET, groups=GROUP, **more):
        """A bootstrap token's Secret; ``more`` are its other keys, underscores for hyphens."""
        data = {
            "token-id": token_id,
            "token-secret": secret,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            **({"auth-extra-groups": groups} if groups else {}),
            **{key.replace("_", "-"): value for key, value in more.items()},
        }
        secret = {
            "metadata": {"name": name or f"bootstrap-token-{token_id}", "namespace": "kube-system"},
            "type": "bootstrap.kubernetes.io/token",
            "stringData": data,
        }
        return await self.admin("POST", SECRET_PATH, secret)


def csr_body(request, **metadata):
    spec = {
        "request": request,
        "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": ["digital signature", "client auth"],
    }
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": metadata,
        "spec": spec,
    }


def contents_of(pem, now):
    """What a certificate says, in the recorder's words."""
    certificate = x509.load_pem_x509_certificate(pem)
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return {
        "subject": certificate.subject.rfc4514_string(),
        "subject_der_order": [
            [attribute.oid._name, attribute.value, attribute._type.name] for attribute in certificate.subject
        ],
        "issuer": certificate.issuer.rfc4514_string(),
        "seconds": (ends - starts).total_seconds(),
        "version": certificate.version.name,
        "pem_blocks": pem.count(b"BEGIN"),
        "extensions": [
            {
                "oid": extension.oid.dotted_string,
                "name": extension.oid._name,
                "critical": extension.critical,
                "value": str(extension.value),
            }
            for extension in certificate.extensions
        ],
        "backdate_s": (now - starts).total_seconds(),
    }


# --- scenes ------------------------------------------------------------------------------


async def as_shown(stage, shown):
    """Store an object so that a GET would show what was recorded, the server's own fields aside."""
    kept = {key: value for key, value in shown.items() if key != "status"}
    kept["metadata"] = {
        key: value
        for key, value in shown["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp", "managedFields")
    }
    namespace = shown["metadata"].get("namespace")
    collection = f"/api/v1/{f'namespaces/{namespace}/' if namespace else ''}{shown['kind'].lower()}s"
    path = f"{collection}/{shown['metadata']['name']}"
    if shown["metadata"]["name"] not in ("cluster-info", "kubeadm-config"):
        await stage.admin("POST", collection, kept)
    await stage.admin("PUT", path, kept)
    if "status" in shown:
        await stage.admin("PUT", f"{path}/status", {**kept, "status": shown["status"]})


async def cluster_info_as_shown(stage, recording):
    """The recorded kubeconfig, whose signatures the fake's own signer makes."""
    shown = recording["response"]["body"]
    if isinstance(shown, str):
        shown = load("a1_anon_cluster_info")["response"]["body"]
    unsigned = {"kubeconfig": shown["data"]["kubeconfig"]}
    await as_shown(stage, {**shown, "data": unsigned})
    await trio.sleep(1)


async def object_as_shown(stage, recording):
    await as_shown(stage, recording["response"]["body"])


async def kubeconfig_taken_out(stage, recording):
    shown = load("a1_anon_cluster_info")["response"]["body"]
    await stage.token("sgn004", secret="fedcba9876543210")
    await as_shown(stage, {**shown, "data": {"kubeconfig": shown["data"]["kubeconfig"]}})
    await trio.sleep(1)
    left = await stage.admin("GET", CLUSTER_INFO)
    del left["data"]["kubeconfig"]
    await stage.admin("PUT", CLUSTER_INFO, left)
    await trio.sleep(1)


def gone(path):
    async def scene(stage, recording):
        await stage.admin("DELETE", path)

    return scene


def tokens(*ids, then=None, **settings):
    async def scene(stage, recording):
        for token_id in ids:
            await stage.token(token_id, **settings)
        await trio.sleep(0.5)
        if then is not None:
            await then(stage, recording)

    return scene


async def token_expired(stage, recording):
    expiration = stage.pair.worker.clock.now() + timedelta(seconds=4)
    await stage.token("exp011", expiration=rfc3339(expiration))
    await trio.sleep(20)


async def token_used_and_deleted(stage, recording):
    await stage.token("gone01")
    asked = recording["request"]
    used = await stage.send(ClientTls(None), "GET", asked["path"], asked["headers"].items())
    assert used.status == 200
    await stage.admin("DELETE", f"{SECRET_PATH}/bootstrap-token-gone01")
    await trio.sleep(11)


async def token_being_deleted(stage, recording):
    secret = await stage.token("del002")
    path = f"{SECRET_PATH}/bootstrap-token-del002"
    secret["metadata"]["finalizers"] = ["example.com/hold"]
    await stage.admin("PUT", path, secret)
    await stage.admin("DELETE", path)


async def dup_first(stage, recording):
    await stage.post_csr(load("c_dup_first_create")["request"]["body"])


def manual_approval(*decisions, stale=False):
    """The CSR that the recorded body is about, under its recorded name, and what was decided on it."""

    async def scene(stage, recording):
        await stage.admin("DELETE", AUTO_APPROVE)
        asked = recording["request"]["body"] if "request" in recording else recording
        name = asked["metadata"]["name"]
        csr = await stage.post_csr(csr_body(asked["spec"]["request"], name=name, generateName="csr-"))
        stage.versions[name] = csr["metadata"]["resourceVersion"]
        for decision in decisions:
            await trio.sleep(1)
            decided = await stage.decide(name, *decision)
            stage.versions[name] = decided["metadata"]["resourceVersion"]
        await trio.sleep(1)
        if not stale:
            current = await stage.admin("GET", f"{CSRS}/{name}")
            stage.versions[name] = current["metadata"]["resourceVersion"]
        else:
            await stage.admin(
                "PATCH", f"{CSRS}/{name}", {"metadata": {"labels": {"x": "y"}}}, kind=STRATEGIC_MERGE_PATCH
            )

    return scene


STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
DENIED = ("Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.")


async def node_registered(stage, recording):
    labels = {
        "kubernetes.io/hostname": "live1",
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
    }
    await stage.admin("POST", "/api/v1/nodes", {"metadata": {"name": "live1", "labels": labels}})


async def node_as_shown(stage, recording):
    await as_shown(stage, load("e15_node_after"))


async def listed_csrs(stage, recording):
    for shown in recording["response"]["body"]["items"]:
        metadata = {"name": shown["metadata"]["name"], "generateName": "csr-"}
        await stage.post_csr({"metadata": metadata, "spec": shown["spec"]})
    await trio.sleep(1)


async def watched(stage, recording):
    """The CSR is there and unapproved when the watch begins; then the approver may."""
    binding = await stage.admin("GET", AUTO_APPROVE)
    await stage.admin("DELETE", AUTO_APPROVE)
    created = recording["response"]["events"][0][1]["object"]
    metadata = {"name": created["metadata"]["name"], "generateName": "csr-"}
    await stage.post_csr({"metadata": metadata, "spec": created["spec"]})

    async def restore():
        await trio.sleep(1)
        del binding["metadata"]["resourceVersion"]
        await stage.admin("POST", AUTO_APPROVE.rpartition("/")[0], binding)

    stage.pair.world.nursery.start_soon(restore)


async def csr_x1(stage, recording):
    request = load("c00_create")["request"]["body"]
    await stage.post_csr({**request, "metadata": {"name": "csr-x1"}})


SCENES = {
    r"a1b?_.*|g_cluster_info_curl_ua|g_yaml": cluster_info_as_shown,
    r"a3_.*": gone(CLUSTER_INFO_BINDING),
    r"b01_.*|b04_.*|b13_.*": object_as_shown,
    r"b30_after_tokencleaner": token_expired,
    r"b30_auth_True_cap": tokens("auth03", usage_bootstrap_authentication="True"),
    r"b30_auth_false": tokens("auth01", usage_bootstrap_authentication="false"),
    r"b30_empty_desc": tokens("dsc001", description="hello", then=object_as_shown),
    r"b30_extra_groups": tokens(
        "grp001", groups=f"{GROUP},system:bootstrappers:worker", then=object_as_shown
    ),
    r"b30_group_with_masters": tokens("grp004", groups="system:masters"),
    r"b30_sign_false": tokens("sign01", usage_bootstrap_signing="false", then=object_as_shown),
    r"b30_wrong_secret_name": tokens("nam001", name="bootstrap-token-other1"),
    r"b31_extra_groups_whoami": tokens("grp001", groups=f"{GROUP},system:bootstrappers:worker"),
    r"b31_no_groups_.*": tokens("grp002", groups=""),
    r"b32_.*": token_being_deleted,
    r"b33_before_delete": tokens("gone01", then=object_as_shown),
    r"b33_after_delete": token_used_and_deleted,
    r"c00_watch": watched,
    r"c_dup_second_.*": dup_first,
    r"d3b_.*|d3c_.*": manual_approval(("Approved",)),
    r"d4b_.*": manual_approval(DENIED),
    r"d4_put_deny|d5[bc]_.*": manual_approval(),
    r"d5_.*": manual_approval(stale=True),
    r"e04.*": node_registered,
    r"e13_.*|e14_.*": node_as_shown,
    r"e07_.*": listed_csrs,
    r"f1_.*": tokens("sgn000", "sgn001", "sgn002", "sgn003", "sgn004", then=cluster_info_as_shown),
    r"f3_.*": kubeconfig_taken_out,
    r"f4_.*": gone(CLUSTER_INFO),
    r"g_table_csr_one": csr_x1,
}


def scene_of(name):
    """What has to happen before this recording's request; nothing for most."""
    found = [scene for pattern, scene in SCENES.items() if re.fullmatch(pattern, name)]
    assert len(found) <= 1, name
    return found[0] if found else None
