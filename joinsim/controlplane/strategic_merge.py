"""Kubernetes' strategic merge patch: a merge patch that knows which lists are merged, and by what.

A patch may hold directives: ``$patch`` replaces or deletes an object or an item of a list,
``$setElementOrder/…`` says how a merged list is ordered, ``$deleteFromPrimitiveList/…`` takes
values out of one, and ``$retainKeys`` drops the fields it does not name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from joinsim.api import status
from joinsim.api.objects import JsonObject, JsonValue, encode_json, mapping, text
from joinsim.errors import ApiError
from joinsim.gofmt import go_value

__all__ = ["strategic_merge"]

_DIRECTIVE, _RETAINED = "$patch", "$retainKeys"
_ORDER, _DELETED = "$setElementOrder/", "$deleteFromPrimitiveList/"

_MERGED: Mapping[tuple[str, ...], str] = {
    ("*", "metadata", "ownerReferences"): "uid",
    ("*", "metadata", "finalizers"): "",
    ("Node", "spec", "podCIDRs"): "",
    ("Node", "status", "addresses"): "type",
    ("Node", "status", "conditions"): "type",
    ("Namespace", "status", "conditions"): "type",
}
"""The lists that are merged, with the field that tells their items apart (none: by value)."""

_List = Sequence[JsonValue]


def strategic_merge(original: JsonObject, patch: JsonObject) -> JsonObject:
    """The object that a strategic merge patch makes of another. Raises 400 or 422 for what is no patch."""
    return _merge(original, patch, (text(original, "kind"),))


def _merge(original: JsonObject, patch: JsonObject, path: tuple[str, ...]) -> JsonObject:
    directive = patch.get(_DIRECTIVE)
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive is not None:
        raise _bad_patch_type(directive, patch)
    merged = {**original}
    if isinstance(patch.get(_RETAINED), list):
        retained = patch[_RETAINED]
        merged = {
            key: value for key, value in merged.items() if isinstance(retained, list) and key in retained
        }
    for key, value in patch.items():
        if key.startswith((_ORDER, _DELETED)) or key == _RETAINED:
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge(mapping(merged, key), value, (*path, key))
        elif isinstance(value, list) and _merge_key(path, key) is not None:
            present = merged.get(key)
            merged[key] = _merge_lists(present if isinstance(present, list) else [], value, path, key)
        else:
            merged[key] = value
    _apply_list_directives(merged, original, patch, path)
    return merged


def _merge_key(path: tuple[str, ...], field: str) -> str | None:
    """By what the items of a list are told apart; None for one that is replaced as a whole."""
    return _MERGED.get(("*", *path[1:], field), _MERGED.get((*path, field)))


def _apply_list_directives(
    merged: JsonObject, original: JsonObject, patch: JsonObject, path: tuple[str, ...]
) -> None:
    for key, value in patch.items():
        directive, _, field = key.partition("/")
        present = merged.get(field)
        if (
            not key.startswith((_ORDER, _DELETED))
            or not isinstance(value, list)
            or not isinstance(present, list)
        ):
            continue
        if directive == _DELETED.rstrip("/"):
            merged[field] = present = [each for each in present if each not in value]
        else:
            merge_key = _merge_key(path, field) or ""
            given = patch.get(field)
            _check_order(given if isinstance(given, list) else [], value, merge_key)
            was = original.get(field)
            merged[field] = _ordered(present, value, was if isinstance(was, list) else [], merge_key)


# --- lists -------------------------------------------------------------------------------


def _merge_lists(original: _List, patch: _List, path: tuple[str, ...], field: str) -> list[JsonValue]:
    key = _merge_key(path, field) or ""
    if not key:
        told_apart = {_identity(item, key): item for item in (*original, *patch)}
        return _ordered([*told_apart.values()], patch, original, key)
    if not all(isinstance(item, dict) for item in (*original, *patch)):
        raise status.bad_request("list element types are not identical")
    directives = [mapping(item).get(_DIRECTIVE) for item in patch]
    plain: list[JsonObject] = []
    merged = [*original]
    for item, directive in zip(map(mapping, patch), directives, strict=True):
        if directive == "merge":
            raise status.bad_request("merging lists cannot yet be specified in the patch")
        if directive not in (None, "delete", "replace"):
            raise _bad_patch_type(directive, item)
        if directive != "replace" and key not in item:
            raise _unprocessable()
        if directive == "delete":
            merged = [known for known in merged if mapping(known).get(key) != item[key]]
        elif directive is None:
            plain.append(item)
    if "replace" in directives:
        return [*plain]
    for item in plain:
        place = next((at for at, known in enumerate(merged) if mapping(known).get(key) == item[key]), None)
        if place is None:
            merged.append(_merge({}, item, (*path, field)))
        else:
            merged[place] = _merge(mapping(merged[place]), item, (*path, field))
    return _ordered(merged, plain, original, key)


def _ordered(merged: _List, wanted: _List, before: _List, key: str) -> list[JsonValue]:
    """A merged list in the order of the patch, and, where it says nothing, in that of before."""
    order = [_identity(item, key) for item in wanted]
    known = [_identity(item, key) for item in before]
    asked = sorted(
        (item for item in merged if _identity(item, key) in order),
        key=lambda item: order.index(_identity(item, key)),
    )
    left = [item for item in merged if _identity(item, key) not in order]
    result: list[JsonValue] = []
    while asked and left:
        ours, theirs = _identity(left[0], key), _identity(asked[0], key)
        # What the patch does not name goes first only where it stood before what the patch names.
        first = ours in known and theirs in known and known.index(ours) < known.index(theirs)
        result.append((left if first else asked).pop(0))
    return [*result, *asked, *left]


def _check_order(given: _List, order: _List, key: str) -> None:
    """The items of a patch must be named by its order, in that order."""
    named = iter([_identity(item, key) for item in order])
    plain = [item for item in given if _DIRECTIVE not in mapping(item)]
    if not all(_identity(item, key) in named for item in plain):
        raise status.bad_request(
            f"The order in patch list:\n{go_value([*given])}\n doesn't match $setElementOrder list:\n{go_value([*order])}\n"
        )


def _identity(item: JsonValue, key: str) -> str:
    """What tells an item of a list from others: its key, or all of it."""
    return encode_json(mapping(item).get(key) if key else item).decode()


# --- refusals ----------------------------------------------------------------------------


def _bad_patch_type(directive: JsonValue, patch: JsonObject) -> ApiError:
    return status.bad_request(f"unknown patch type: {go_value(directive)} in map: {go_value(patch)}")


def _unprocessable() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})
