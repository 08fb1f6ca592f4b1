"""kubeconfig files: clusters, users, contexts, and the choice of one.

The same format serves as a node's credential, as an administrator's, as a discovery
file and as the payload of cluster-info. Errors have client-go's and kubeadm's words.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from joinsim.api.objects import JsonObject, JsonValue, boolean, items, mapping, text
from joinsim.api.yaml_codec import YamlError, dump_yaml, load_yaml
from joinsim.gofmt import quote

__all__ = ["Cluster", "Context", "Kubeconfig", "KubeconfigError", "User"]


class KubeconfigError(ValueError):
    """A kubeconfig that cannot be read or does not fit together."""


@dataclass(frozen=True)
class Cluster:
    """Where an API server is and what vouches for it."""

    server: str = ""
    certificate_authority_data: bytes = b""
    certificate_authority: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""

    def as_json(self) -> JsonObject:
        return _present(
            {
                "certificate-authority": self.certificate_authority,
                "certificate-authority-data": _encode(self.certificate_authority_data),
                "insecure-skip-tls-verify": self.insecure_skip_tls_verify,
                "tls-server-name": self.tls_server_name,
            },
            server=self.server,
        )


@dataclass(frozen=True)
class User:
    """A credential. Its repr shows which kinds it holds, never the values."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    client_certificate_data: bytes = field(default=b"", repr=False)
    client_certificate: str = ""
    client_key_data: bytes = field(default=b"", repr=False)
    client_key: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    exec_command: str = ""
    auth_provider: str = ""

    @property
    def has_credentials(self) -> bool:
        """Whether kubeadm counts this as a credential (any one complete kind is enough)."""
        certificate = self.client_certificate_data or self.client_certificate
        key = self.client_key_data or self.client_key
        return bool(
            self.token
            or self.token_file
            or (self.username and self.password)
            or (certificate and key)
            or self.exec_command
            or self.auth_provider
        )

    def as_json(self) -> JsonObject:
        written: JsonObject = {
            "client-certificate": self.client_certificate,
            "client-certificate-data": _encode(self.client_certificate_data),
            "client-key": self.client_key,
            "client-key-data": _encode(self.client_key_data),
            "token": self.token,
            "tokenFile": self.token_file,
            "username": self.username,
            "password": self.password,
        }
        if self.exec_command:
            written["exec"] = {"command": self.exec_command}
        if self.auth_provider:
            written["auth-provider"] = {"name": self.auth_provider}
        return _present(written)


@dataclass(frozen=True)
class Context:
    """A pair of a cluster and a user, by name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""

    def as_json(self) -> JsonObject:
        return _present({"namespace": self.namespace}, cluster=self.cluster, user=self.user)


@dataclass(frozen=True)
class Kubeconfig:
    """A whole kubeconfig file."""

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    contexts: Mapping[str, Context] = field(default_factory=dict)
    current_context: str = ""

    @classmethod
    def parse(cls, content: str) -> Kubeconfig:
        """Read YAML or JSON. Unknown fields are ignored, as client-go ignores them."""
        try:
            document = load_yaml(content)
        except YamlError as error:
            raise KubeconfigError(str(error)) from None
        if document is None:
            document = {}
        if not isinstance(document, dict):
            raise KubeconfigError(
                "couldn't get version/kind; json parse error: json: cannot unmarshal "
                f"{_go_kind(document)} into Go value of type struct {{ APIVersion string "
                '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
            )
        version, kind = text(document, "apiVersion") or "v1", text(document, "kind") or "Config"
        if (version, kind) != ("v1", "Config"):
            raise KubeconfigError(
                f"no kind {quote(kind)} is registered for version {quote(version)} in scheme "
                '"pkg/runtime/scheme.go:110"'
            )
        return cls(
            {name: _read_cluster(entry) for name, entry in _named(document, "clusters", "cluster")},
            {name: _read_user(entry) for name, entry in _named(document, "users", "user")},
            {name: _read_context(entry) for name, entry in _named(document, "contexts", "context")},
            text(document, "current-context"),
        )

    @classmethod
    def basic(cls, server: str, ca: bytes, cluster: str, user: str, credential: User) -> Kubeconfig:
        """One cluster, one user, and the context ``user@cluster`` between them."""
        context = f"{user}@{cluster}"
        return cls(
            {cluster: Cluster(server, ca)}, {user: credential}, {context: Context(cluster, user)}, context
        )

    def dump(self) -> str:
        """Write YAML. A file without contexts or users has ``null`` there, as cluster-info has."""
        return dump_yaml(
            {
                "apiVersion": "v1",
                "clusters": _entries(self.clusters, "cluster"),
                "contexts": _entries(self.contexts, "context"),
                "current-context": self.current_context,
                "kind": "Config",
                "users": _entries(self.users, "user"),
            }
        )

    def pick_cluster(self) -> tuple[str, Cluster]:
        """The cluster that kubeadm uses: the unnamed one, else the current context's."""
        if "" in self.clusters:
            return "", self.clusters[""]
        context = self.contexts.get(self.current_context)
        if context is None:
            raise KubeconfigError(f"the current context is invalid: {self.current_context}")
        if context.cluster not in self.clusters:
            raise KubeconfigError(f"no matching cluster for the current context: {self.current_context}")
        return context.cluster, self.clusters[context.cluster]

    def current_user(self) -> User | None:
        """The user of the current context, where both are there."""
        context = self.contexts.get(self.current_context)
        return self.users.get(context.user) if context else None

    def with_cluster(self, name: str, cluster: Cluster) -> Kubeconfig:
        """The same file with one cluster replaced."""
        return replace(self, clusters={**self.clusters, name: cluster})

    def with_user(self, name: str, user: User) -> Kubeconfig:
        """The same file with one user replaced."""
        return replace(self, users={**self.users, name: user})


def _present(optional: JsonObject, **required: JsonValue) -> JsonObject:
    return {**{key: value for key, value in optional.items() if value}, **required}


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _entries(named: Mapping[str, Cluster | User | Context], key: str) -> JsonValue:
    return [{key: entry.as_json(), "name": name} for name, entry in sorted(named.items())] or None


_GO_NAMES = {"clusters": "Cluster", "users": "AuthInfo", "contexts": "Context"}


def _named(document: JsonObject, plural: str, singular: str) -> list[tuple[str, JsonObject]]:
    found: dict[str, JsonObject] = {}
    for entry in items(document, plural):
        name, kind = text(entry, "name"), _GO_NAMES[plural]
        if name in found:
            # Divergence: client-go goes on to print the whole list, credentials included.
            raise KubeconfigError(
                f"error converting *[]Named{kind} into *map[string]*api.{kind}: "
                f'duplicate name "{name}" in list'
            )
        found[name] = mapping(entry, singular)
    return list(found.items())


def _decode(entry: JsonObject, key: str) -> bytes:
    value = text(entry, key)
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise KubeconfigError(f"{key}: illegal base64 data") from None


def _read_cluster(entry: JsonObject) -> Cluster:
    return Cluster(
        text(entry, "server"),
        _decode(entry, "certificate-authority-data"),
        text(entry, "certificate-authority"),
        boolean(entry, "insecure-skip-tls-verify"),
        text(entry, "tls-server-name"),
    )


def _read_user(entry: JsonObject) -> User:
    return User(
        token=text(entry, "token"),
        token_file=text(entry, "tokenFile"),
        client_certificate_data=_decode(entry, "client-certificate-data"),
        client_certificate=text(entry, "client-certificate"),
        client_key_data=_decode(entry, "client-key-data"),
        client_key=text(entry, "client-key"),
        username=text(entry, "username"),
        password=text(entry, "password"),
        exec_command=text(entry, "exec", "command"),
        auth_provider=text(entry, "auth-provider", "name"),
    )


def _read_context(entry: JsonObject) -> Context:
    return Context(text(entry, "cluster"), text(entry, "user"), text(entry, "namespace"))


def _go_kind(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"
