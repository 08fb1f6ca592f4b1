import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.api.conforming import conform
from joinsim.api.message_types import type_name_of
from joinsim.api.protobuf import MAGIC, ProtobufError, decode_protobuf, encode_protobuf, encode_watch_event


def recorded_bodies(recorded):
    """Every protobuf body that kubeadm, the kubelet and the API server sent each other in one join."""
    for line in (recorded / "wire" / "kubeadm-and-kubelet.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        for side in ("body", "resp_body"):
            if isinstance(exchange[side], dict):
                packed = base64.b64decode(exchange[side]["base64"])
                if packed.startswith(MAGIC):
                    yield packed


def test_what_was_recorded_is_written_again_byte_for_byte(recorded):
    bodies = list(recorded_bodies(recorded))
    assert len(bodies) > 70
    for packed in bodies:
        assert encode_protobuf(decode_protobuf(packed)) == packed


def test_what_was_recorded_conforms_to_its_kind_and_loses_nothing(recorded):
    for packed in recorded_bodies(recorded):
        content = decode_protobuf(packed)
        conformed = conform(type_name_of(content["apiVersion"], content["kind"]), content)
        assert not conformed.unknown
        assert encode_protobuf(conformed.content) == packed


def test_what_etcd_held_is_written_again_byte_for_byte(vectors):
    cases = json.loads((vectors / "protobuf_samples.json").read_text())["cases"]
    for case in cases:
        packed = base64.b64decode(case["value_base64"])
        assert encode_protobuf(decode_protobuf(packed)) == packed


def test_a_value_that_go_tells_apart_from_zero_is_kept():
    lease = {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "n", "ownerReferences": [{"controller": False}]},
        "spec": {"leaseDurationSeconds": 0, "renewTime": "2026-01-01T00:00:00.000001Z"},
    }
    assert decode_protobuf(encode_protobuf(lease)) == lease


def test_an_event_of_a_watch_is_framed_by_its_length():
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}}
    frame = encode_watch_event("ADDED", node)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert frame[4:].startswith(b"\n\x05ADDED")
    assert encode_protobuf(node) in frame


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "expected prefix"),
        (b'{"kind": "Node"}', "expected prefix"),
        (MAGIC + b"\xff", "unexpected EOF"),
        (MAGIC, 'no kind "" is registered'),
        (MAGIC + b"\n\x0c\n\x02v1\x12\x06Potato", 'no kind "Potato" is registered for version "v1"'),
        (MAGIC + b"\n\x0a\n\x02v1\x12\x04Node\x12\x02\xff\xff", "unexpected EOF"),
    ],
    ids=["empty", "json", "garbage", "no-type", "unknown-kind", "garbage-inside"],
)
def test_what_is_no_object_is_refused(body, problem):
    with pytest.raises(ProtobufError, match=problem):
        decode_protobuf(body)


@pytest.mark.parametrize("text", [b"nam", b"key", b"val", b"Node", b"v1", b"own"])
def test_what_is_no_utf_8_is_refused(text):
    metadata = {"name": "nam", "labels": {"key": "val"}, "finalizers": ["own"]}
    packed = encode_protobuf({"kind": "Node", "apiVersion": "v1", "metadata": metadata})
    with pytest.raises(ProtobufError, match="invalid UTF-8"):
        decode_protobuf(packed.replace(text, b"\xff" * len(text)))


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(body):
    with contextlib.suppress(ProtobufError):
        decode_protobuf(MAGIC + body)


@given(st.data())
def test_a_cut_or_changed_object_decodes_or_is_refused(data):
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "labels": {"a": "b"}}}
    packed = bytearray(encode_protobuf(node))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtobufError):
        decode_protobuf(bytes(packed[: data.draw(st.integers(0, len(packed)))]))
