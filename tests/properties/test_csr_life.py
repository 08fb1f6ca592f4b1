"""The life of CertificateSigningRequests under everybody's hands, against a model of its own.

The model knows what the API server and the controllers promise: who may ask, decide and
sign; that decisions are final; that an approved request of a good shape is issued and one
of a bad shape fails; that a request which its requestor may not have waits, and is granted
when the permission comes back, at the approver's next retry.
"""

import base64
import json
import queue
import threading

import trio
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_ROLE_BINDINGS
from joinsim.backends import FakeGround
from joinsim.errors import ApiError
from joinsim.events import CsrApproved, CsrDenied, CsrFailed, CsrIssued
from joinsim.wire import Headers, Request
from tests.controlplane.api import CSRS, a_condition, a_csr, node
from tests.pair import JoinPair

BINDING = "kubeadm:node-autoapprove-bootstrap"
BINDINGS = CLUSTER_ROLE_BINDINGS.path()
RETRY_SECONDS_MAX = 1000
SETTLE_SECONDS = 5.003
"""Long enough for the controllers to see and do what there is, their watches beginning anew included.

No sum of the times here makes the 90 seconds after which the server ends an idle connection:
whoever asks at that very moment may get no answer, as in life.
"""

SHAPES = {
    "good": {},
    "bad organization": {"orgs": ("system:masters",)},
    "bad usages": {"usages": ["client auth"]},
    "foreign signer": {"signer": "example.com/custom"},
}
names = st.sampled_from(["csr-a", "csr-b", "csr-c"])
shapes = st.sampled_from([*sorted(SHAPES), "good", "good", "good"])
anybody = st.sampled_from(["administrator", "administrator", "administrator", "token", "node", "anonymous"])
requestors = st.sampled_from(["token", "token", "node", "administrator", "anonymous"])


class Stage:
    """A world in a thread of its own, in which time stands still between two commands.

    While it waits for a command its loop is blocked, so virtual time has no occasion to pass.
    """

    def __init__(self):
        self._commands = queue.SimpleQueue()
        self._results = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            FakeGround().run(self._serve, seed=1)
        except BaseException as error:
            self._results.put((None, error))
            raise

    async def _serve(self, world):
        pair = await JoinPair.create(world)
        clients = {
            "administrator": pair.administrator(),
            "token": pair.client(pair.token.value),
            "anonymous": pair.client(),
        }
        while (command := self._commands.get()) is not None:
            try:
                self._results.put((await command(pair, clients), None))
            except Exception as error:  # noqa: BLE001 (it goes to whoever gave the command)
                self._results.put((None, error))

    def do(self, command):
        self._commands.put(command)
        result, error = self._results.get()
        if error is not None:
            raise error
        return result

    def close(self):
        self._commands.put(None)
        self._thread.join()

    def ask(self, who, method, path, body=None):
        """The status of an answer, and its object."""

        async def command(pair, clients):
            if who == "node":
                return _as_node(pair, method, path, body)
            client = clients[who]
            try:
                match method:
                    case "POST":
                        return 201, await client.create(path, body)
                    case "PUT":
                        return 200, await client.update(path, body)
                    case "DELETE":
                        return 200, await client.delete(path)
            except ApiError as error:
                return error.code, error.message

        return self.do(command)

    def sleep(self, seconds):
        async def command(pair, clients):
            await trio.sleep(seconds)
            return pair.world.clock.elapsed()

        return self.do(command)

    def stored(self, name):
        async def command(pair, clients):
            return pair.control_plane.store.get(CERTIFICATE_SIGNING_REQUESTS, name)

        return self.do(command)

    def events(self, *kinds):
        async def command(pair, clients):
            return [type(record.event) for record in pair.world.journal if isinstance(record.event, kinds)]

        return self.do(command)


def _as_node(pair, method, path, body):
    headers = Headers([("Content-Type", "application/json")])
    content = json.dumps(body).encode() if body is not None else b""
    request = Request(method, path, headers, content)
    response = pair.control_plane.apiserver.handle_as(node("worker-1"), request)
    return response.status, json.loads(response.body)


class Model:
    """What is known of one CSR."""

    def __init__(self, requestor, shape, version):
        self.requestor = requestor
        self.shape = shape
        self.version = version
        self.decision = ""
        self.outcome = ""
        self.waits_since = None

    @property
    def recognised(self):
        return self.shape == "good"


class CsrLife(RuleBasedStateMachine):
    @initialize(bound=st.booleans())
    def begin(self, bound):
        self.stage = Stage()
        self.csrs = {}
        self.bound = True
        self.now = 0.0
        self.counts = dict.fromkeys((CsrApproved, CsrDenied, CsrFailed, CsrIssued), 0)
        if not bound:
            self.delete_the_binding()

    def teardown(self):
        if hasattr(self, "stage"):
            self.stage.close()

    # --- what the model expects -------------------------------------------------------------

    def may_have(self, csr):
        """Whether the requestor may have what it asks for, by itself."""
        if csr.requestor == "token":
            return self.bound
        # A node renews its own certificate, and an administrator may have everything.
        return True

    def decide(self, csr, decision):
        csr.decision = decision
        self.counts[CsrApproved if decision == "Approved" else CsrDenied] += 1
        if decision == "Approved" and csr.shape != "foreign signer":
            csr.outcome = "issued" if csr.recognised else "failed"
            self.counts[CsrIssued if csr.recognised else CsrFailed] += 1

    def settle(self, seconds=SETTLE_SECONDS):
        self.now = self.stage.sleep(seconds)

    def one(self, data):
        """The name of a CSR: mostly of one that there is."""
        return data.draw(st.sampled_from([*sorted(self.csrs) * 3, "csr-none"]), label="name")

    # --- rules -------------------------------------------------------------------------------

    @rule(name=names, who=requestors, shape=shapes)
    def create(self, name, who, shape):
        code, answer = self.stage.ask(who, "POST", CSRS, a_csr(name, **SHAPES[shape]))
        if who == "anonymous":
            assert code == 403
        elif name in self.csrs:
            assert code == 409
        else:
            assert code == 201
            csr = Model(who, shape, answer["metadata"]["resourceVersion"])
            csr.seen = answer
            self.csrs[name] = csr
            if csr.recognised and self.may_have(csr):
                self.decide(csr, "Approved")
        self.settle()

    @rule(name=names)
    def create_in_the_name_of_another_node(self, name):
        code, _ = self.stage.ask("node", "POST", CSRS, a_csr(name, cn="system:node:worker-2"))
        assert code == 403

    @rule(data=st.data(), who=anybody, decision=st.sampled_from(["Approved", "Denied"]))
    def put_a_decision(self, data, who, decision):
        name = self.one(data)
        stored = self.stage.stored(name) or a_csr(name) | {"status": {}}
        conditions = [*stored["status"].get("conditions", []), a_condition(decision, reason="Test")]
        body = stored | {"status": stored["status"] | {"conditions": conditions}}
        code, _ = self.stage.ask(who, "PUT", f"{CSRS}/{name}/approval", body)
        csr = self.csrs.get(name)
        if who != "administrator":
            assert code == 403
        elif csr is None:
            assert code == 404
        elif csr.decision:
            # Twice the same is a duplicate, the other one contradicts it.
            assert code == 422
        else:
            assert code == 200
            self.decide(csr, decision)
        self.settle()

    @precondition(lambda self: self.csrs)
    @rule(data=st.data(), decision=st.sampled_from(["Approved", "Denied"]))
    def put_a_decision_on_what_was_first_seen(self, data, decision):
        name = data.draw(st.sampled_from(sorted(self.csrs)))
        csr = self.csrs[name]
        changed = self.stage.stored(name)["metadata"]["resourceVersion"] != csr.version
        body = csr.seen | {"status": {"conditions": [a_condition(decision)]}}
        code, _ = self.stage.ask("administrator", "PUT", f"{CSRS}/{name}/approval", body)
        assert code == (409 if changed else 200)
        assert changed or not csr.decision
        if not changed:
            self.decide(csr, decision)
        self.settle()

    @precondition(lambda self: self.csrs)
    @rule(data=st.data())
    def take_the_decision_back(self, data):
        name = data.draw(st.sampled_from(sorted(self.csrs)))
        csr = self.csrs[name]
        stored = self.stage.stored(name)
        for subresource in ("/approval", "/status"):
            body = stored | {"status": {key: v for key, v in stored["status"].items() if key != "conditions"}}
            code, _ = self.stage.ask("administrator", "PUT", f"{CSRS}/{name}{subresource}", body)
            assert code == (422 if csr.decision else 200)
        self.settle()

    @rule(data=st.data(), who=anybody, what=st.sampled_from(["approve", "certificate"]))
    def write_the_status(self, data, who, what):
        name = self.one(data)
        stored = self.stage.stored(name) or a_csr(name) | {"status": {}}
        status = dict(stored["status"])
        if what == "approve":
            status["conditions"] = [*status.get("conditions", []), a_condition("Approved")]
        else:
            status["certificate"] = base64.b64encode(b"no certificate").decode()
        code, _ = self.stage.ask(who, "PUT", f"{CSRS}/{name}/status", stored | {"status": status})
        assert code == (403 if who != "administrator" else 422 if name in self.csrs else 404)
        self.settle()

    @rule(data=st.data(), who=anybody, label=st.sampled_from(["x", "y"]))
    def write_the_object_itself(self, data, who, label):
        name = self.one(data)
        stored = self.stage.stored(name) or a_csr(name) | {"status": {}}
        metadata = stored["metadata"] | {"labels": {"label": label}}
        other = a_csr(name, cn="system:node:other")["spec"] | {"username": "system:masters"}
        body = {
            **stored,
            "metadata": metadata,
            "spec": other,
            "status": {"conditions": [a_condition("Approved")]},
        }
        code, answer = self.stage.ask(who, "PUT", f"{CSRS}/{name}", body)
        assert code == (403 if who != "administrator" else 200 if name in self.csrs else 404)
        if code == 200:
            assert answer["spec"] == stored["spec"]
            assert answer["status"] == stored["status"]
            assert answer["metadata"]["labels"] == {"label": label}
        self.settle()

    @rule(name=names, who=anybody)
    def delete(self, name, who):
        code, _ = self.stage.ask(who, "DELETE", f"{CSRS}/{name}")
        assert code == (403 if who != "administrator" else 200 if name in self.csrs else 404)
        if code == 200:
            del self.csrs[name]
        self.settle()

    @precondition(lambda self: self.bound)
    @rule()
    def delete_the_binding(self):
        code, _ = self.stage.ask("administrator", "DELETE", f"{BINDINGS}/{BINDING}")
        assert code == 200
        self.bound = False
        for csr in self.csrs.values():
            csr.waits_since = None

    @precondition(lambda self: not self.bound)
    @rule()
    def restore_the_binding(self):
        binding = {
            "metadata": {"name": BINDING},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            },
            "subjects": [
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": "system:bootstrappers:kubeadm:default-node-token",
                }
            ],
        }
        code, _ = self.stage.ask("administrator", "POST", BINDINGS, binding)
        assert code == 201
        self.bound = True
        for csr in self.csrs.values():
            csr.waits_since = self.now

    @rule(seconds=st.sampled_from([0.1, 30.007, 600, RETRY_SECONDS_MAX + SETTLE_SECONDS]))
    def time_passes(self, seconds):
        self.settle(seconds)

    # --- what holds at every moment -----------------------------------------------------------

    @invariant()
    def every_csr_is_where_the_model_has_it(self):
        if not hasattr(self, "stage"):
            return
        for name in ("csr-a", "csr-b", "csr-c"):
            stored = self.stage.stored(name)
            csr = self.csrs.get(name)
            if csr is None:
                assert stored is None
                continue
            conditions = {item["type"]: item for item in stored["status"].get("conditions", [])}
            certificate = "certificate" in stored["status"]
            if self.waits(csr):
                if "Approved" in conditions:
                    self.decide(csr, "Approved")
                else:
                    # Restored, and not yet retried: at most as long as the longest pause.
                    assert csr.waits_since is not None
                    assert self.now - csr.waits_since < RETRY_SECONDS_MAX + SETTLE_SECONDS
            expected = {csr.decision} - {""} | ({"Failed"} if csr.outcome == "failed" else set())
            assert set(conditions) == expected
            assert certificate is (csr.outcome == "issued")
            requestor = {"token": "system:bootstrap:abcdef", "node": "system:node:worker-1"}
            assert stored["spec"]["username"] == requestor.get(csr.requestor, "kubernetes-admin")

    def waits(self, csr):
        return csr.recognised and not csr.decision and self.may_have(csr)

    @invariant()
    def the_journal_tells_of_every_decision_and_certificate_once(self):
        if not hasattr(self, "stage"):
            return
        told = self.stage.events(*self.counts)
        assert {kind: told.count(kind) for kind in self.counts} == self.counts


TestCsrLife = CsrLife.TestCase
# Without shrinking, which would take minutes: every step is a request.
TestCsrLife.settings = settings(
    max_examples=settings().max_examples * 2 // 5,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.generate],
)
