"""The API server: a request in, an answer out, through the real one's stages in its order.

Who asks (401), may they (403), is there such a thing (404, 405), can we talk about it
(406, 415, 400), and only then the thing itself. An unauthorized request for something
that does not exist is therefore refused, not missing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from email.utils import formatdate
from functools import lru_cache

import trio
from cryptography import x509

from joinsim.api import status
from joinsim.api.objects import BY_PLURAL, JsonObject, Resource, new_uid
from joinsim.controlplane.authentication import Authenticator
from joinsim.controlplane.authorization import Attributes, Authorizer
from joinsim.controlplane.deleting import Deleter
from joinsim.controlplane.encoding import decode_object, encode, encode_event, wants_indentation
from joinsim.controlplane.known import is_known_group_version, is_known_resource, is_known_subresource
from joinsim.controlplane.negotiation import JSON, PROTOBUF, YAML, Form, form_of_refusals, negotiate
from joinsim.controlplane.paths import TEXT, answer_path
from joinsim.controlplane.reading import Reader
from joinsim.controlplane.request_info import RequestInfo, read_request_info
from joinsim.controlplane.reviews import REVIEWS, Reviews
from joinsim.controlplane.shapes import shape
from joinsim.controlplane.users import User
from joinsim.controlplane.writing import Writer
from joinsim.errors import ApiError
from joinsim.events import RequestServed
from joinsim.gofmt import quote
from joinsim.wire import Request, Response, WatchEvent, serve_connection
from joinsim.world import Clock, Stream

__all__ = ["ApiServer"]

_VERBS_WITHOUT_NAME = ("create", "list", "watch", "deletecollection")


class ApiServer:
    """Answers requests.

    ``record`` is told of every one that was answered, ``overhear`` shown every one that comes
    over the network, before it is.
    """

    def __init__(
        self,
        *,
        cluster: str,
        version: str,
        authenticator: Authenticator,
        authorizer: Authorizer,
        reader: Reader,
        writer: Writer,
        deleter: Deleter,
        reviews: Reviews,
        clock: Clock,
        stream: Stream,
        record: Callable[[RequestServed], None],
        overhear: Callable[[Request], None] | None = None,
    ) -> None:
        self._cluster = cluster
        self._version = version
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._reader = reader
        self._writer = writer
        self._deleter = deleter
        self._reviews = reviews
        self._clock = clock
        self._stream = stream
        self._record = record
        self._overhear = overhear

    async def serve(self, stream: trio.abc.Stream, certificate: x509.Certificate | None) -> None:
        """Answer one connection, whose client showed this certificate, until it ends."""

        async def handle(request: Request) -> Response:
            return self.handle(request, certificate)

        await serve_connection(stream, handle)

    def handle(self, request: Request, certificate: x509.Certificate | None) -> Response:
        """Answer a request from the network."""
        if self._overhear is not None:
            self._overhear(request)
        info = read_request_info(request)
        try:
            user = self._authenticator.authenticate(request.headers.get("authorization", ""), certificate)
        except ApiError as error:
            return self._refuse(request, info, None, error)
        return self._answer(user, info, request)

    def handle_as(self, user: User, request: Request) -> Response:
        """Answer a request whose user is known: the loopback of the control plane's own parts."""
        return self._answer(user, read_request_info(request), request)

    def _answer(self, user: User, info: RequestInfo, request: Request) -> Response:
        decision = self._authorizer.authorize(user, Attributes.of(info))
        if not decision.allowed:
            return self._refuse(request, info, user, _forbidden(user, info, decision.reason), nosniff=True)
        try:
            if "impersonate-user" in request.headers:
                # Whoever asks as somebody else must not be answered as themselves.
                raise status.not_supported("impersonation")
            return self._dispatch(user, info, request)
        except ApiError as error:
            return self._refuse(request, info, user, error)
        except RecursionError:
            # Divergence: what is nested some hundreds deep is refused; a real API server goes to 10,000.
            return self._refuse(request, info, user, status.bad_request("exceeded max depth"))

    # --- routing -------------------------------------------------------------------------

    def _dispatch(self, user: User, info: RequestInfo, request: Request) -> Response:
        if not info.is_resource:
            return self._answer_path(user, info, request)
        key = (info.group, info.version, info.resource)
        review = REVIEWS.get(key)
        resource = BY_PLURAL.get(key)
        if review is not None and not info.subresource:
            return self._answer_review(review, user, info, request)
        if resource is None or (info.subresource and info.subresource not in resource.subresources):
            return self._answer_unrouted(user, info, request)
        if resource.namespaced and not info.namespace and info.verb not in ("list", "watch"):
            raise status.no_such_resource() if info.name else status.method_not_allowed()
        if not info.verb or (info.verb in _VERBS_WITHOUT_NAME) != (not _names_object(info)):
            raise status.method_not_allowed()
        if info.subresource and info.verb not in ("get", "update", "patch"):
            raise status.method_not_allowed()
        return self._answer_resource(resource, user, info, request)

    def _answer_path(self, user: User, info: RequestInfo, request: Request) -> Response:
        if info.verb not in ("get", "head"):
            raise status.method_not_allowed()
        answer = answer_path(request, self._version)
        return self._finish(request, info, user, answer.status, answer.body, answer.media, [*answer.headers])

    def _answer_unrouted(self, user: User, info: RequestInfo, request: Request) -> Response:
        """404 for what Kubernetes does not have, 501 for what it has and this control plane has not."""
        if not is_known_group_version(info.group, info.version):
            return self._finish(request, info, user, 404, b"404 page not found\n", TEXT)
        served = (info.group, info.version, info.resource) in BY_PLURAL
        if served and not is_known_subresource(info.resource, info.subresource):
            raise status.no_such_resource()
        if (info.group, info.version, info.resource, info.verb) == ("", "v1", "events", "list"):
            # Divergence: events are not kept. Their list is empty, and writing one is refused.
            form = negotiate(request.headers.get("accept", ""))
            return self._object(request, info, user, 200, _no_events(self._reader.version), Form(form.media))
        if is_known_resource(info.group, info.version, info.resource):
            raise status.not_supported(f"the resource {info.full_resource}")
        raise status.no_such_resource()

    def _answer_review(self, review: Resource, user: User, info: RequestInfo, request: Request) -> Response:
        if info.verb != "create":
            raise status.method_not_allowed()
        form = negotiate(request.headers.get("accept", ""))
        answer = self._reviews.answer(review, decode_object(request, review).content, user)
        return self._object(request, info, user, 201, answer, Form(form.media))

    def _answer_resource(
        self, resource: Resource, user: User, info: RequestInfo, request: Request
    ) -> Response:
        form = negotiate(request.headers.get("accept", ""))
        warnings: list[str] = []
        code = 200
        match info.verb:
            case "get":
                answer = self._reader.get(resource, info)
            case "list":
                answer = self._reader.list(resource, info)
            case "watch":
                return self._watch(resource, user, info, request, form)
            case "create":
                code = 201
                answer = self._writer.create(resource, info, request, user, warnings.append)
            case "update":
                answer = self._writer.update(resource, info, request, user, warnings.append)
            case "patch":
                answer = self._writer.patch(resource, info, request, user, warnings.append)
            case "delete":
                answer = self._deleter.delete(resource, info, request, user)
            case "deletecollection":
                listed = self._reader.list(resource, info)
                answer = self._deleter.delete_collection(resource, listed, info, request, user)
            case _:
                raise status.not_supported(f"the verb {info.verb} on {resource.plural}")
        shaped = shape(answer, form, resource, info, self._clock.now())
        return self._object(request, info, user, code, shaped, form, warnings)

    def _watch(
        self, resource: Resource, user: User, info: RequestInfo, request: Request, form: Form
    ) -> Response:
        if form.media == YAML:
            raise status.not_supported(f"watches in {YAML}")
        events = self._reader.watch(resource, info)
        chunks = self._encoded(events, resource, info, form)
        media = f"{PROTOBUF};stream=watch" if form.media == PROTOBUF else JSON
        return self._finish(request, info, user, 200, chunks, media)

    async def _encoded(
        self, events: AsyncGenerator[WatchEvent, None], resource: Resource, info: RequestInfo, form: Form
    ) -> AsyncGenerator[bytes, None]:
        first = True
        async with aclosing(events):
            async for event in events:
                content = event.object
                if event.type != "ERROR":
                    content = shape(content, form, resource, info, self._clock.now())
                    if form.shape == "Table" and not first:
                        # The columns are told once.
                        content = {**content, "columnDefinitions": None}
                    first = False
                yield encode_event(event.type, content, form.media)

    # --- answers -------------------------------------------------------------------------

    def _object(
        self,
        request: Request,
        info: RequestInfo,
        user: User,
        code: int,
        answer: JsonObject,
        form: Form,
        warnings: Sequence[str] = (),
    ) -> Response:
        body = encode(answer, form.media, indent=wants_indentation(request))
        headers = [("Warning", f"299 - {quote(warning)}") for warning in warnings]
        return self._finish(request, info, user, code, body, form.media, headers)

    def _refuse(
        self,
        request: Request,
        info: RequestInfo,
        user: User | None,
        error: ApiError,
        *,
        nosniff: bool = False,
    ) -> Response:
        indent = wants_indentation(request) or error.code == 406
        media = form_of_refusals(request.headers.get("accept", ""))
        body = encode(status.body(error), media, indent=indent)
        headers = [("X-Content-Type-Options", "nosniff")] if nosniff else []
        if error.code in (429, 504):
            headers.append(("Retry-After", "1"))
        return self._finish(request, info, user, error.code, body, media, headers, error.message)

    def _finish(
        self,
        request: Request,
        info: RequestInfo,
        user: User | None,
        code: int,
        body: bytes | AsyncGenerator[bytes, None],
        media: str,
        more: list[tuple[str, str]] | None = None,
        message: str = "",
    ) -> Response:
        # Divergence: no X-Kubernetes-PF-* headers, for want of API priority and fairness.
        named = more or []
        cached = [("Cache-Control", "no-cache, private")]
        headers = [
            ("Audit-Id", request.headers.get("audit-id") or new_uid(self._stream.bytes)),
            *([] if named[:1] and named[0][0] == "Cache-Control" else cached),
            ("Content-Type", media),
            *named,
            *([("X-Content-Type-Options", "nosniff")] if media == TEXT else []),
            ("Date", _http_date(int(self._clock.now().timestamp()))),
        ]
        self._record(
            RequestServed(
                cluster=self._cluster,
                user=user.name if user else "",
                groups=user.groups if user else (),
                verb=info.verb,
                path=request.target,
                status=code,
                user_agent=request.headers.get("user-agent", "").partition(" ")[0],
                message=message,
            )
        )
        return Response(code, headers, body)


def _no_events(version: int) -> JsonObject:
    metadata: JsonObject = {"resourceVersion": str(version)}
    return {"kind": "EventList", "apiVersion": "v1", "metadata": metadata, "items": []}


@lru_cache(maxsize=8)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _names_object(info: RequestInfo) -> bool:
    """Whether the path goes on to an object (a selector names one too, but not in the path)."""
    return bool(info.name) and info.verb not in ("list", "watch")


def _forbidden(user: User, info: RequestInfo, reason: str) -> ApiError:
    if not info.is_resource:
        return status.no_such_path(user.name, info.verb, info.path)
    where = f"in the namespace {quote(info.namespace)}" if info.namespace else "at the cluster scope"
    problem = (
        f"User {quote(user.name)} cannot {info.verb} resource {quote(info.full_resource)} "
        f"in API group {quote(info.group)} {where}"
    )
    subject = Resource(info.group, info.version, "", info.resource, bool(info.namespace))
    return status.forbidden(subject, info.name, f"{problem}: {reason}" if reason else problem)
