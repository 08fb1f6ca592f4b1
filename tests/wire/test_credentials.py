import pytest
import trio

from joinsim.api import Cluster, Context, Kubeconfig, User
from joinsim.pki import to_pem
from joinsim.wire import (
    ClientTls,
    Connection,
    Connections,
    Response,
    ServerTls,
    connection_of,
    serve_connection,
)
from joinsim.world import MemoryFiles
from tests.wire import pki

SERVER = "https://server:6443"


def kubeconfig(cluster=None, user=None):
    cluster = cluster or Cluster(SERVER, pki.CA.pem)
    return Kubeconfig(
        {"kubernetes": cluster},
        {} if user is None else {"admin": user},
        {"c": Context("kubernetes", "admin")},
        "c",
    )


def connect(cluster=None, user=None, files=(), system_roots=b""):
    disk = MemoryFiles()
    for path, content in dict(files).items():
        disk.write(path, content)
    return connection_of(kubeconfig(cluster, user), disk.read, lambda: system_roots)


# --- from a kubeconfig --------------------------------------------------------------------


def test_a_cluster_with_its_authority_embedded():
    assert connect() == Connection(SERVER, ClientTls((pki.CA.certificate,)))


def test_all_certificates_of_a_bundle_are_believed():
    connection = connect(Cluster(SERVER, pki.CA.pem + pki.OTHER_CA.pem))
    assert connection.tls.roots == (pki.CA.certificate, pki.OTHER_CA.certificate)


def test_an_authority_in_a_file_is_read_and_an_embedded_one_comes_first():
    files = {"/ca.crt": pki.OTHER_CA.pem}
    by_file = connect(Cluster(SERVER, certificate_authority="/ca.crt"), files=files)
    assert by_file.tls.roots == (pki.OTHER_CA.certificate,)
    both = connect(Cluster(SERVER, pki.CA.pem, "/ca.crt"), files=files)
    assert both.tls.roots == (pki.CA.certificate,)


def test_without_an_authority_the_hosts_own_count():
    assert connect(Cluster(SERVER), system_roots=pki.OTHER_CA.pem).tls.roots == (pki.OTHER_CA.certificate,)


def test_the_hosts_own_authorities_do_not_count_where_one_is_named():
    assert pki.OTHER_CA.certificate not in connect(system_roots=pki.OTHER_CA.pem).tls.roots


def test_who_skips_verification_believes_everybody():
    assert connect(Cluster(SERVER, insecure_skip_tls_verify=True)).tls.roots is None


def test_a_server_may_have_to_be_somebody_else_than_whom_the_client_dials():
    tls = connect(Cluster(SERVER, pki.CA.pem, tls_server_name="kubernetes")).tls
    assert tls.server_name == "kubernetes"
    assert connect().tls.server_name == ""


@pytest.mark.parametrize("embedded", [True, False])
def test_a_client_certificate_and_its_key(embedded):
    certificate, key = to_pem([pki.CLIENT_CERTIFICATE]), pki.CLIENT_KEY.private_pem()
    # The kubelet keeps both in one file, the certificate first.
    files = {"/current.pem": certificate + key}
    user = (
        User(client_certificate_data=certificate, client_key_data=key)
        if embedded
        else User(client_certificate="/current.pem", client_key="/current.pem")
    )
    tls = connect(user=user, files=files).tls
    assert tls.certificate == pki.CLIENT_CERTIFICATE
    assert tls.key.matches(pki.CLIENT_CERTIFICATE.public_key())


@pytest.mark.parametrize(
    ("user", "token"),
    [
        (None, ""),
        (User(), ""),
        (User(token="abc"), "abc"),
        (User(token_file="/token"), "from the file"),
        (User(token="abc", token_file="/token"), "abc"),
    ],
    ids=["no user", "an empty user", "in place", "in a file", "both"],
)
def test_a_bearer_token(user, token):
    connection = connect(user=user, files={"/token": b"  from the file\n"})
    assert connection.token == token
    assert "abc" not in repr(connection)


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        (Cluster(SERVER, certificate_authority="/missing"), None),
        (Cluster(SERVER, pki.CA.pem), User(token_file="/missing")),
        (Cluster(SERVER, pki.CA.pem), User(client_certificate="/missing")),
        (Cluster(SERVER, pki.CA.pem), User(client_key="/missing")),
    ],
    ids=["authority", "token", "certificate", "key"],
)
def test_a_file_that_is_not_there_is_named(cluster, user):
    with pytest.raises(FileNotFoundError, match="open /missing: no such file or directory"):
        connect(cluster, user)


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        (Cluster(SERVER, b"no certificate"), None),
        (Cluster(SERVER, pki.CA.pem[:200]), None),
        (Cluster(SERVER, pki.CA.pem), User(client_certificate_data=b"x")),
        (Cluster(SERVER, pki.CA.pem), User(client_key_data=b"x")),
    ],
    ids=["no certificate", "half a certificate", "bad certificate", "bad key"],
)
def test_certificates_and_keys_that_cannot_be_read_are_errors(cluster, user):
    with pytest.raises(ValueError, match=r"certificate|key"):
        connect(cluster, user)


# --- connections that are shared ----------------------------------------------------------


def test_clients_with_equal_tls_share_their_connections_whatever_token_they_send(play):
    async def body(world):
        opened, tokens = [], []
        listener = world.add_host("server").listen(6443)
        server: ServerTls = pki.server_tls()

        async def handler(request):
            tokens.append(request.headers.get("authorization", ""))
            return Response(200, [], b"{}")

        async def serve(stream):
            await serve_connection(await server.accept(stream), handler)

        async def accept():
            while True:
                opened.append(await listener.accept())
                world.nursery.start_soon(serve, opened[-1])

        world.nursery.start_soon(accept)
        host = world.add_host("worker-1")
        connections = Connections(host.dialer, host.clock)

        def client(tls, token):
            return connections.client(Connection(SERVER, tls, token), user_agent="tests/1")

        for token in ("", "one", "two"):
            await client(pki.client_tls(), token).get("/")
        assert len(opened) == 1
        assert tokens == ["", "Bearer one", "Bearer two"]
        await client(ClientTls(None), "").get("/")
        await client(pki.client_tls(pki.CA, pki.OTHER_CA), "").get("/")
        assert len(opened) == 3
        await connections.aclose()
        await trio.sleep(1)
        assert all(stream._closed for stream in opened)
        await client(pki.client_tls(), "").get("/")
        assert len(opened) == 4

    play(body)
