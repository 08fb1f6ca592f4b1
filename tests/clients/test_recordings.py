"""What kubectl prints of joinsim's control plane is what it printed of a real one.

The recordings are kubectl 1.32's; other versions word a few things otherwise, which is said here.
"""

import re

import pytest

from joinsim.api.objects import RESOURCES
from joinsim.controlplane.reviews import REVIEWS
from tests.clients.conftest import kubectl_for
from tests.clients.kubectls import BETWEEN, MACHINE, NEWEST, OLDEST, PACKAGES
from tests.clients.recorded_session import COMMANDS, FOLDER, hold, recording, rows_of, session, stable

RECORDED_MINOR = 32

ERRORS = {
    "09b_certificate_approve_denied": 'error: certificate signing request "csr-x2" is already Denied',
    "09c_certificate_approve_missing": (
        'Error from server (NotFound): certificatesigningrequests.certificates.k8s.io "csr-nope" not found'
    ),
    "13b_delete_rolebinding_again": (
        "Error from server (NotFound): rolebindings.rbac.authorization.k8s.io "
        '"kubeadm:bootstrap-signer-clusterinfo" not found'
    ),
    "24_get_crb": (
        "Error from server (NotFound): clusterrolebindings.rbac.authorization.k8s.io "
        '"kubeadm:node-autoapprove-bootstrap" not found'
    ),
    "26_get_nodes_anon_bad_token": "error: You must be logged in to the server (Unauthorized)",
}
"""What those commands say that print nothing; kubectl makes these texts of the server's Status."""

DIVERGENCES = {
    "14_apply_restore": "the recorded cluster's OpenAPI was broken, so kubectl gave up before it applied",
    "15_create_restore": "the same; what was applied before is there already",
    "16_get_cm_table": "no controller publishes kube-root-ca.crt, and the other ConfigMap is OpenShift's",
    "18_version": "the first lines are kubectl's own version",
    "25_get_events": "Events are not served",
    "27_api_resources": "what is not served is not listed",
}
"""The recordings that are not compared whole, each with its reason; each has a test of its own."""

NOT_IN_20 = {"28_whoami": "kubectl 1.20 has no auth whoami"}


def held_by(*names, sources=(MACHINE, OLDEST, *BETWEEN, NEWEST)):
    """One test for each of these commands as each kubectl gave it."""
    marked = [
        pytest.param(source, marks=[] if source == MACHINE else pytest.mark.clients) for source in sources
    ]

    def mark(test):
        test = pytest.mark.parametrize("name", names)(test)
        return pytest.mark.parametrize("held", marked, indirect=True, scope="module")(test)

    return mark


@pytest.fixture(scope="module")
def held(request, tmp_path_factory):
    """The whole session, held once by a kubectl: its minor version, and what each command gave."""
    with session() as cluster:
        kubectl = kubectl_for(request.param, cluster, tmp_path_factory.mktemp("home"))
        return kubectl.minor, hold(kubectl, cluster)


def test_every_recording_is_held_again():
    assert sorted(COMMANDS) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert set(DIVERGENCES) | set(ERRORS) <= set(COMMANDS)


def worded_by(minor, recorded):
    """What another version of kubectl makes of the same answers."""
    if minor >= 34:
        recorded = re.sub(
            r"^(rolebinding.* deleted)$", r"\1 from kube-public namespace", recorded, flags=re.MULTILINE
        )
    return recorded


@held_by(*(name for name in COMMANDS if name not in {**ERRORS, **DIVERGENCES}))
def test_what_is_printed_is_what_was_recorded(held, name):
    minor, printed = held[0], held[1][name][0]
    if minor == 20 and name in NOT_IN_20:
        pytest.skip(NOT_IN_20[name])
    recorded = worded_by(minor, recording(name)[0])
    assert (printed.code, printed.err) == (0, "")
    if recorded.startswith(("NAME ", "ATTRIBUTE ")):
        assert rows_of(printed.out) == rows_of(recorded)
    else:
        assert stable(printed.out) == stable(recorded)


@held_by(*ERRORS)
def test_what_prints_nothing_says_why(held, name):
    printed = held[1][name][0]
    assert recording(name)[0] == ""
    assert (printed.code, printed.out, printed.err.strip()) == (1, "", ERRORS[name])


REQUESTS_DIFFER = {
    "14_apply_restore": DIVERGENCES["14_apply_restore"],
    "15_create_restore": DIVERGENCES["15_create_restore"],
    "25_get_events": "kubectl asks again what there is, before it says that there are no Events",
    "11_describe_csr": "the search for Events is refused; the selector's terms come in any order",
}


@held_by(*(name for name in COMMANDS if name not in REQUESTS_DIFFER), sources=(MACHINE, f"v{RECORDED_MINOR}"))
def test_the_requests_are_those_that_were_recorded(held, name):
    minor, (_, requests) = held[0], held[1][name]
    if minor != RECORDED_MINOR:
        pytest.skip(f"the requests are those of kubectl 1.{RECORDED_MINOR}, this one is 1.{minor}")
    assert requests == recording(name)[1]


# --- the divergences ---------------------------------------------------------------------


@held_by("14_apply_restore")
def test_what_was_deleted_can_be_applied(held, name):
    printed = held[1][name][0]
    made = "rolebinding.rbac.authorization.k8s.io/kubeadm:bootstrap-signer-clusterinfo created\n"
    assert (printed.code, printed.out, printed.err) == (0, made, "")


@held_by("15_create_restore")
def test_what_is_there_cannot_be_created(held, name):
    printed = held[1][name][0]
    assert (printed.code, printed.out) == (1, "")
    refusal = 'rolebindings.rbac.authorization.k8s.io "kubeadm:bootstrap-signer-clusterinfo" already exists'
    assert printed.err == (
        f'Error from server (AlreadyExists): error when creating "binding.yaml": {refusal}\n'
    )


@held_by("16_get_cm_table")
def test_of_the_public_config_maps_two_are_missing(held, name):
    recorded = rows_of(recording(name)[0])
    kept = [row for row in recorded if row[0] not in {"kube-root-ca.crt", "openshift-service-ca.crt"}]
    assert rows_of(held[1][name][0].out) == kept != recorded


@held_by("18_version")
def test_the_version_of_the_server_is_the_recorded_one(held, name):
    (recorded,) = re.findall(r"Server Version: (\S+)", recording(name)[0])
    (told,) = re.findall(r'Server Version: (?:.* GitVersion:)?"?(v[\d.]+)', held[1][name][0].out)
    assert told == recorded


@held_by("25_get_events")
def test_there_are_no_events(held, name):
    printed = held[1][name][0]
    assert (printed.code, printed.out) == (1, "")
    assert printed.err == 'error: the server doesn\'t have a resource type "events"\n'


@held_by("27_api_resources")
def test_what_is_served_is_listed_as_it_was_recorded(held, name):
    (heading, *recorded), printed = rows_of(recording(name)[0]), held[1][name][0]
    served = {(each.plural, each.api_version) for each in (*RESOURCES, *REVIEWS.values())}
    kept = [row for row in recorded if (row[0], row[2]) in served]
    assert rows_of(printed.out) == [heading, *kept]
    assert len(kept) == len(served)


def test_all_versions_are_asked():
    assert set(PACKAGES) == {OLDEST, *BETWEEN, NEWEST}
