"""Strategic merge patches, as far as the kinds served here have them.

Objects are merged key by key, and a null removes a key. Lists are replaced, except
those that Kubernetes merges by a key of their items.
"""

from __future__ import annotations

from joinsim.api import status
from joinsim.api.objects import JsonObject, JsonValue, mapping, text

__all__ = ["strategic_merge"]

_MERGE_KEYS: dict[tuple[str, ...], str] = {
    ("metadata", "ownerReferences"): "uid",
    ("metadata", "finalizers"): "",
    ("status", "addresses"): "type",
    ("status", "conditions"): "type",
}
"""List fields that are merged, with the field that tells their items apart (none: by value)."""


def strategic_merge(original: JsonObject, patch: JsonObject) -> JsonObject:
    """The object that a strategic merge patch makes of another.

    Raises 501 for the directives (``$patch``, ``$retainKeys``, …) that nothing in a join uses.
    """
    return _merge_objects(original, patch, ())


def _merge_objects(original: JsonObject, patch: JsonObject, path: tuple[str, ...]) -> JsonObject:
    merged = {**original}
    for key, value in patch.items():
        if key.startswith("$"):
            if key.startswith("$setElementOrder/"):
                # It orders the result of a merge; the order here is that of arrival.
                continue
            raise status.not_supported(f"the strategic merge patch directive {key}")
        here = (*path, key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge_objects(mapping(merged, key), value, here)
        elif isinstance(value, list) and here in _MERGE_KEYS:
            present = merged.get(key)
            merged[key] = _merge_lists(present if isinstance(present, list) else [], value, _MERGE_KEYS[here])
        else:
            merged[key] = value
    return merged


def _merge_lists(original: list[JsonValue], patch: list[JsonValue], key: str) -> list[JsonValue]:
    merged = [*original]
    for item in patch:
        if not key:
            if item not in merged:
                merged.append(item)
            continue
        if "$patch" in mapping(item):
            raise status.not_supported("the strategic merge patch directive $patch")
        wanted = text(item, key)
        place = next((index for index, known in enumerate(merged) if text(known, key) == wanted), None)
        if place is None:
            merged.append(item)
        else:
            merged[place] = {**mapping(merged[place]), **mapping(item)}
    return merged
