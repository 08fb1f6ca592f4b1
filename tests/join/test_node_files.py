import pytest

from joinsim.api import Cluster, Kubeconfig
from joinsim.api.yaml_codec import load_yaml
from joinsim.events import FileRemoved, FileWritten
from joinsim.join import NodeRegistration, Taint
from joinsim.join.node_files import NodeFiles
from tests.pair import JoinPair

KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
CONFIG = "/var/lib/kubelet/config.yaml"


def with_files(play, check, **registration):
    async def body(world):
        pair = await JoinPair.create(world)
        config = pair.pinned(node_registration=NodeRegistration(**registration)).defaulted("worker-1")
        return check(NodeFiles(pair.worker, world.journal, config), pair.worker.files, world.journal)

    return play(body)


def flags(play, **registration):
    def check(node_files, files, journal):
        node_files.write_kubelet_flags()
        return files.read(KUBEADM_FLAGS).decode()

    return with_files(play, check, **registration)


def test_a_node_named_as_its_machine_needs_no_flags(play):
    assert flags(play) == 'KUBELET_KUBEADM_ARGS=""\n'
    assert flags(play, name="worker-1") == 'KUBELET_KUBEADM_ARGS=""\n'


def test_another_name_and_taints_are_flags_in_order(play):
    taints = (Taint("a", "NoSchedule", "b"), Taint("c", "NoExecute"))
    assert flags(play, name="w1", taints=taints) == (
        'KUBELET_KUBEADM_ARGS="--hostname-override=w1 --register-with-taints=a=b:NoSchedule,c=:NoExecute"\n'
    )


def test_the_users_flags_come_last_in_their_own_order_and_win(play):
    given = (("v", "2"), ("hostname-override", "mine"), ("a", "1"), ("v", "3"))
    assert flags(play, name="w1", kubelet_extra_args=given) == (
        'KUBELET_KUBEADM_ARGS="--v=2 --hostname-override=mine --a=1 --v=3"\n'
    )


def test_the_runtimes_socket_is_in_a_file_of_its_own(play):
    def check(node_files, files, journal):
        node_files.write_instance_config()
        return files.read("/var/lib/kubelet/instance-config.yaml").decode()

    found = with_files(play, check, cri_socket="unix:///run/crio/crio.sock")
    assert found == 'containerRuntimeEndpoint: "unix:///run/crio/crio.sock"\n'


def kubelet_config(play, cluster_wide, *, resolved=False):
    def check(node_files, files, journal):
        if resolved:
            files.write("/run/systemd/resolve/resolv.conf", b"")
        node_files.write_kubelet_config(cluster_wide)
        return load_yaml(files.read(CONFIG).decode())

    return with_files(play, check, cri_socket="unix:///run/c.sock")


def test_the_kubelets_configuration_has_kubeadms_defaults_where_the_cluster_is_silent(play):
    found = kubelet_config(play, {})
    assert found == {
        "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
        "cgroupDriver": "systemd",
        "containerRuntimeEndpoint": "unix:///run/c.sock",
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "rotateCertificates": True,
        "staticPodPath": "/etc/kubernetes/manifests",
    }


def test_what_the_cluster_says_wins_but_for_rotation_and_the_nodes_own_socket(play):
    told = {
        "cgroupDriver": "cgroupfs",
        "rotateCertificates": False,
        "containerRuntimeEndpoint": "unix:///theirs.sock",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": "/own.crt"}},
    }
    found = kubelet_config(play, told)
    assert found["cgroupDriver"] == "cgroupfs"
    assert found["rotateCertificates"] is True
    assert found["containerRuntimeEndpoint"] == "unix:///run/c.sock"
    assert found["authentication"] == told["authentication"]
    assert told["rotateCertificates"] is False


@pytest.mark.parametrize("resolved", [True, False])
def test_systemds_resolver_is_used_where_it_runs(play, resolved):
    found = kubelet_config(play, {}, resolved=resolved)
    assert found.get("resolvConf") == ("/run/systemd/resolve/resolv.conf" if resolved else None)
    own = kubelet_config(play, {"resolvConf": "/etc/own"}, resolved=resolved)
    assert own["resolvConf"] == "/etc/own"


def test_the_bootstrap_kubeconfig_is_secret_and_the_ca_is_not(play):
    def check(node_files, files, journal):
        node_files.write_bootstrap(Kubeconfig({"": Cluster("https://x", b"CA")}))
        written = [event for _, event in journal.of(FileWritten, "worker-1")]
        assert written == [
            FileWritten("/etc/kubernetes/bootstrap-kubelet.conf", "0600"),
            FileWritten("/etc/kubernetes/pki/ca.crt", "0644"),
        ]
        assert files.read("/etc/kubernetes/pki/ca.crt") == b"CA"

    with_files(play, check)


def test_what_is_gone_already_can_be_removed(play):
    def check(node_files, files, journal):
        node_files.remove_bootstrap()
        assert not list(journal.of(FileRemoved))

    with_files(play, check)
