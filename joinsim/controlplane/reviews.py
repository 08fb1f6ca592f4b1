"""Questions that the API server answers and does not store: may they, and who am I."""

from __future__ import annotations

from joinsim.api.conforming import as_go_writes_it
from joinsim.api.objects import JsonObject, JsonValue, Resource, mapping, strings, text
from joinsim.controlplane.authorization import Attributes, Authorizer
from joinsim.controlplane.users import User
from joinsim.gofmt import rfc3339
from joinsim.world import Clock

__all__ = ["REVIEWS", "Reviews"]

_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
SUBJECT_ACCESS = Resource(_AUTHORIZATION, "v1", "SubjectAccessReview", "subjectaccessreviews", False)
SELF_SUBJECT_ACCESS = Resource(
    _AUTHORIZATION, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False
)
SELF_SUBJECT = Resource(_AUTHENTICATION, "v1", "SelfSubjectReview", "selfsubjectreviews", False)

REVIEWS: dict[tuple[str, str, str], Resource] = {
    (review.group, review.version, review.plural): review
    for review in (SUBJECT_ACCESS, SELF_SUBJECT_ACCESS, SELF_SUBJECT)
}


class Reviews:
    """Answers reviews out of what authorization and authentication know."""

    def __init__(self, authorizer: Authorizer, clock: Clock) -> None:
        self._authorizer = authorizer
        self._clock = clock

    def answer(self, review: Resource, asked: JsonObject, user: User) -> JsonObject:
        """The review with its status filled in, as a POST gives it back."""
        if review is SELF_SUBJECT:
            return {
                "kind": review.kind,
                "apiVersion": review.api_version,
                "metadata": {"creationTimestamp": rfc3339(self._clock.now())},
                "status": {"userInfo": user.as_json()},
            }
        spec = mapping(asked, "spec")
        subject = user if review is SELF_SUBJECT_ACCESS else _subject(spec)
        decision = self._authorizer.authorize(subject, _attributes(spec))
        said: JsonObject = {"allowed": decision.allowed}
        if decision.reason:
            said["reason"] = decision.reason
        reviewed: JsonObject = {
            "kind": review.kind,
            "apiVersion": review.api_version,
            "metadata": mapping(asked, "metadata"),
            "spec": spec,
            "status": said,
        }
        return as_go_writes_it(review, reviewed)


def _subject(spec: JsonValue) -> User:
    extra = {key: tuple(strings(mapping(spec, "extra"), key)) for key in mapping(spec, "extra")}
    return User(text(spec, "user"), tuple(strings(spec, "groups")), text(spec, "uid"), extra)


def _attributes(spec: JsonValue) -> Attributes:
    path = mapping(spec, "nonResourceAttributes")
    if path:
        return Attributes(text(path, "verb"), path=text(path, "path"))
    asked = mapping(spec, "resourceAttributes")
    return Attributes(
        text(asked, "verb"),
        text(asked, "group"),
        text(asked, "resource"),
        text(asked, "subresource"),
        text(asked, "namespace"),
        text(asked, "name"),
    )
