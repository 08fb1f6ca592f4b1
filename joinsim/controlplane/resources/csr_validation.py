"""What makes a CertificateSigningRequest invalid, in the API server's order and words."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Sequence

from cryptography import x509

from joinsim.api.csr import request_bytes
from joinsim.api.objects import JsonObject, JsonValue, items, mapping, strings, text
from joinsim.api.status import Cause, FieldProblem
from joinsim.controlplane.validation import dns1123_subdomain_problem, invalid, required
from joinsim.gofmt import quote
from joinsim.pki import CertificateRequest, RequestError

__all__ = ["TERMINAL", "certificate_problems", "condition_problems", "spec_problems", "types_of"]

KNOWN_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
TERMINAL = ("Approved", "Denied", "Failed")
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
EXPIRATION_SECONDS_MIN = 600
_DOMAIN_MAX, _SIGNER_NAME_MAX = 253, 571

_PEM_BLOCK = re.compile(
    rb"-----BEGIN (?P<label>[^-\n]*)-----[ \t\r]*\n(?P<body>.*?)-----END (?P=label)-----", re.DOTALL
)


def spec_problems(csr: JsonObject) -> list[FieldProblem]:
    """What is wrong with the spec of a new CSR."""
    problems = []
    try:
        CertificateRequest.parse(request_bytes(csr))
    except RequestError as error:
        problems.append(invalid("spec.request", text(csr, "spec", "request"), str(error)))
    problems += _usage_problems(strings(csr, "spec", "usages"))
    problems += _signer_name_problems(text(csr, "spec", "signerName"))
    seconds = mapping(csr, "spec").get("expirationSeconds")
    if isinstance(seconds, int) and seconds < EXPIRATION_SECONDS_MIN:
        message = f"Invalid value: {seconds}: may not specify a duration less than 600 seconds (10 minutes)"
        problems.append(FieldProblem("spec.expirationSeconds", Cause.INVALID, message))
    return problems


def _usage_problems(usages: Sequence[str]) -> list[FieldProblem]:
    if not usages:
        return [required("spec.usages")]
    problems = []
    seen = set()
    supported = ", ".join(map(quote, KNOWN_USAGES))
    for index, usage in enumerate(usages):
        field = f"spec.usages[{index}]"
        if usage not in KNOWN_USAGES:
            message = f"Unsupported value: {quote(usage)}: supported values: {supported}"
            problems.append(FieldProblem(field, Cause.NOT_SUPPORTED, message))
        if usage in seen:
            problems.append(FieldProblem(field, Cause.DUPLICATE, f"Duplicate value: {quote(usage)}"))
        seen.add(usage)
    return problems


def _signer_name_problems(signer: str) -> list[FieldProblem]:
    field = "spec.signerName"
    if signer == LEGACY_SIGNER:
        return [invalid(field, signer, "the legacy signerName is not allowed via this API version")]
    if not signer:
        return [required(field)]
    domain, *rest = signer.split("/")
    if len(rest) != 1:
        form = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(field, signer, form)]
    path = rest[0]
    problems = []
    if len(domain) > _DOMAIN_MAX:
        problems.append(_too_long(field, _DOMAIN_MAX))
    elif problem := dns1123_subdomain_problem(domain):
        problems.append(invalid(field, domain, problem))
    for label in domain.split("."):
        if len(label) > 63:
            said = f"validating label {quote(label)}: must be no more than 63 characters"
            problems.append(invalid(field, domain, said))
    if "." not in domain:
        said = "should be a domain with at least two segments separated by dots"
        problems.append(invalid(field, domain, said))
    for label in path.split("."):
        if problem := dns1123_subdomain_problem(label):
            problems.append(invalid(field, path, f"validating label {quote(label)}: {problem}"))
    if len(signer) > _SIGNER_NAME_MAX:
        problems.append(_too_long(field, _SIGNER_NAME_MAX))
    return problems


def _too_long(field: str, length_max: int) -> FieldProblem:
    return FieldProblem(field, Cause.TOO_LONG, f"Too long: may not be more than {length_max} bytes")


def types_of(csr: JsonObject) -> list[str]:
    """The types of a CSR's conditions, in order."""
    return [text(condition, "type") for condition in items(csr, "status", "conditions")]


def condition_problems(new: JsonObject, old: JsonObject, subresource: str) -> list[FieldProblem]:
    """What is wrong with the conditions of a CSR that changes through an endpoint."""
    field = "status.conditions"
    problems = []
    seen = set()
    for index, condition in enumerate(items(new, "status", "conditions")):
        problems += _one_condition_problems(f"{field}[{index}]", condition)
        kind = text(condition, "type")
        if kind in seen:
            said = f"Duplicate value: {quote(kind)}"
            problems.append(FieldProblem(f"{field}[{index}].type", Cause.DUPLICATE, said))
        seen.add(kind)
        if kind in ("Approved", "Denied") and {"Approved", "Denied"} <= seen:
            said = "Approved and Denied conditions are mutually exclusive"
            problems.append(invalid(field, kind, said))
    return problems + _transition_problems(field, new, old, subresource)


def _one_condition_problems(field: str, condition: JsonValue) -> list[FieldProblem]:
    problems = []
    kind, state = text(condition, "type"), text(condition, "status")
    if not kind:
        problems.append(required(f"{field}.type"))
    allowed = ["True"] if kind in TERMINAL else ["False", "True", "Unknown"]
    if not state:
        problems.append(required(f"{field}.status"))
    elif state not in allowed:
        supported = ", ".join(map(quote, allowed))
        said = f"Unsupported value: {quote(state)}: supported values: {supported}"
        problems.append(FieldProblem(f"{field}.status", Cause.NOT_SUPPORTED, said))
    return problems


def _transition_problems(
    field: str, new: JsonObject, old: JsonObject, subresource: str
) -> list[FieldProblem]:
    had, has = Counter(types_of(old)), Counter(types_of(new))
    may_add = {"approval": TERMINAL, "status": ("Failed",)}.get(subresource, ())
    problems = []
    for kind in TERMINAL:
        if has[kind] < had[kind]:
            said = f"Forbidden: updates may not remove a condition of type {quote(kind)}"
        elif has[kind] > had[kind] and kind not in may_add:
            said = f"Forbidden: updates may not add a condition of type {quote(kind)}"
        else:
            continue
        problems.append(FieldProblem(field, Cause.FORBIDDEN, said))
    return problems


def certificate_problems(new: JsonObject, old: JsonObject, subresource: str) -> list[FieldProblem]:
    """What is wrong with the certificate of a CSR that changes through an endpoint."""
    field = "status.certificate"
    before, after = text(old, "status", "certificate"), text(new, "status", "certificate")
    if after == before:
        return []
    if subresource != "status":
        said = "Forbidden: updates may not set certificate content"
        return [FieldProblem(field, Cause.FORBIDDEN, said)]
    if before:
        said = "Forbidden: updates may not modify existing certificate content"
        return [FieldProblem(field, Cause.FORBIDDEN, said)]
    problem = _pem_problem(base64.b64decode(after))
    return [invalid(field, "<certificate data>", problem)] if problem else []


def _pem_problem(pem: bytes) -> str:
    blocks = list(_PEM_BLOCK.finditer(pem))
    if not blocks:
        return "must contain at least one CERTIFICATE PEM block"
    for block in blocks:
        label = block["label"].decode("utf-8", "replace")
        if label != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {quote(label)}"
        if b":" in block["body"]:
            return "no PEM block headers are permitted"
        if not block["body"].strip():
            return "found CERTIFICATE PEM block containing 0 certificates"
        try:
            x509.load_pem_x509_certificate(block.group())
        except ValueError:
            return "x509: malformed certificate"
    return ""
