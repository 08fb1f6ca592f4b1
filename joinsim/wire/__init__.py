"""HTTP/1.1 and TLS over any byte stream, judged on the world's clock."""

from joinsim.wire.client import Answer, ApiClient, HttpClient, RequestFailed, WatchEvent
from joinsim.wire.credentials import Connection, Connections, connection_of
from joinsim.wire.http import Headers, Request, Response
from joinsim.wire.server import BODY_BYTES_MAX, Handler, serve_connection
from joinsim.wire.tls import ClientTls, ServerTls, TlsError, TlsStream

__all__ = [
    "BODY_BYTES_MAX",
    "Answer",
    "ApiClient",
    "ClientTls",
    "Connection",
    "Connections",
    "Handler",
    "Headers",
    "HttpClient",
    "Request",
    "RequestFailed",
    "Response",
    "ServerTls",
    "TlsError",
    "TlsStream",
    "WatchEvent",
    "connection_of",
    "serve_connection",
]
