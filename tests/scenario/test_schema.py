"""The exported JSON Schema says what the loader does: the same keys, required, closed and described."""

import re
import types

import pytest
import yaml
from pydantic import BaseModel

from joinsim.api.yaml_codec import YamlLoader
from joinsim.errors import ScenarioError
from joinsim.scenario import Document, load_text
from joinsim.scenario import expected as expected_module
from joinsim.scenario import schema as schema_module
from joinsim.scenario.schema import ACTIONS, Step
from tests.scenario.mistakes import WHOLE
from tests.scenario.runs import SHIPPED

SCHEMA = Document.model_json_schema()
MODELS = {
    name: model
    for module in (schema_module, expected_module)
    for name, model in vars(module).items()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__ == module.__name__
    and name[0] != "_"
}
KEYWORDS = {
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "examples", "items",
    "maxItems", "maxLength", "minItems", "minLength", "minProperties", "minimum", "oneOf", "pattern", "patternProperties", "prefixItems",
    "properties", "propertyNames", "required", "title", "type",
}  # fmt: skip
IS = {
    "string": str, "integer": int, "number": int | float, "boolean": bool, "array": list, "object": dict,
    "null": types.NoneType,
}  # fmt: skip


def schemas(schema, path="#"):
    """Every schema within a schema."""
    yield path, schema
    for key in ("properties", "patternProperties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from schemas(inner, f"{path}/{key}/{name}")
    for key in ("anyOf", "oneOf", "prefixItems"):
        for index, inner in enumerate(schema.get(key, [])):
            yield from schemas(inner, f"{path}/{key}/{index}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from schemas(schema[key], f"{path}/{key}")


def resolved(schema):
    if "$ref" not in schema:
        return schema
    return SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]


def accepts(schema, value):
    """Whether a value is valid, by as much of JSON Schema as this schema has."""
    schema = {**resolved(schema), **{key: item for key, item in schema.items() if key != "$ref"}}
    kinds = schema.get("type", list(IS))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(
        isinstance(value, IS[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds
    ):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(accepts(choice, value) for choice in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(accepts(choice, value) for choice in schema["oneOf"]) != 1:
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None and schema.get("minLength", 0) <= len(
            value
        )
    if isinstance(value, list):
        items = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return fits and all(accepts(item, each) for item, each in zip(items, value, strict=True))
    if isinstance(value, dict):
        return (
            set(schema.get("required", ())) <= set(value)
            and all(accepts(schema.get("propertyNames", {}), key) for key in value)
            and all(accepts_under(schema, key, item) for key, item in value.items())
        )
    return True


def accepts_under(schema, key, value):
    """Whether a value is valid under a key."""
    if key in schema.get("properties", {}):
        return accepts(schema["properties"][key], value)
    for pattern, inner in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return accepts(inner, value)
    others = schema.get("additionalProperties", True)
    return others is not False and (others is True or accepts(others, value))


def test_it_uses_no_keyword_that_json_schema_does_not_have():
    for path, schema in schemas(SCHEMA):
        assert set(schema) <= KEYWORDS, path
        if "type" in schema:
            kinds = schema["type"]
            assert set([kinds] if isinstance(kinds, str) else kinds) <= set(IS), path
        if "pattern" in schema:
            re.compile(schema["pattern"])


def test_every_reference_leads_somewhere_and_nothing_is_left_over():
    references = {schema["$ref"] for _, schema in schemas(SCHEMA) if "$ref" in schema}
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_every_key_is_described():
    bare = [
        f"{path}: {name}"
        for path, schema in schemas(SCHEMA)
        for name, field in schema.get("properties", {}).items()
        if not (field.get("description") or resolved(field).get("description", ""))
        .strip()
        .endswith((".", "…"))
    ]
    assert bare == []


def test_every_mapping_is_closed():
    for path, schema in schemas(SCHEMA):
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path
        elif schema.get("type") == "object":
            assert "additionalProperties" in schema, path


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_and_the_loader_know_the_same_keys(name):
    model = MODELS[name]
    schema = SCHEMA if model is Document else SCHEMA["$defs"][name]
    aliases = {field.alias for field in model.model_fields.values()}
    required = {field.alias for field in model.model_fields.values() if field.is_required()}
    assert set(schema["properties"]) == aliases
    assert set(schema.get("required", [])) == required


def test_every_default_is_valid_by_its_own_schema():
    # None stands for a key that is left out.
    defaults = [(path, schema) for path, schema in schemas(SCHEMA) if schema.get("default") is not None]
    assert len(defaults) > 20
    for path, schema in defaults:
        assert accepts(schema, schema["default"]), path


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_scenario_is_valid_by_the_schema(file):
    plain = yaml.load(file.read_text(), Loader=YamlLoader)
    text = yaml.safe_dump(plain)
    for name, values in plain.get("matrix", {}).items():
        text = text.replace("${" + name + "}", values[0])
    assert accepts(SCHEMA, yaml.load(text, Loader=YamlLoader))


@pytest.mark.parametrize(
    ("old", "new", "valid"),
    [
        ("joinsim: 1", "joinsim: 1", True),
        ("joinsim: 1", "joinsim: 2", False),
        ("joinsim: 1\n", "", False),
        ("seed: 7", "seed: x", False),
        ("seed: 7", "sead: 7", False),
        ("deadline: 2h", "deadline: 0", False),
        ("deadline: 2h", 'deadline: "0"', True),
        ("deadline: 2h", "deadline: +1.5h3s", True),
        ("deadline: 2h", "deadline: -1s", False),
        ("deadline: 2h", "deadline: 3μs", True),
        ("deadline: 2h", "deadline: 3µs", True),
        ("deadline: 2h", "deadline: 1d", False),
        ("pin: [cluster]", "pin: none", True),
        ("pin: [cluster]", "pin: cluster", True),
        ("pin: [cluster]", "pin: nobody", False),
        ("pin: [cluster]", "pin: ['sha256:zz', cluster]", True),
        ("between: [worker-1, control-plane]", "between: [worker-1]", False),
        ("state: pending", "state: waiting", False),
        ("credentials: admin", "credentials: {token: join}", True),
        ("credentials: admin", "credentials: {tok: join}", False),
        ("  worker-2:", "  Worker_2:", False),
        ("broken: true", "broken: 1", False),
        ("claim: [one, two]", "claim: one", True),
        ("claim: [one, two]", "claim: 1", False),
        ("attack: impersonate-control-plane, fired", "attack: impersonation, fired", False),
        ("abcdef.0123456789abcdef", "abcdef.0123456789abcde", False),
        ("url: \"https://files.example/discovery.conf\", credentials", 'url: "http://files.example/x", credentials', False),
    ],
)  # fmt: skip
def test_the_schema_and_the_loader_agree(old, new, valid):
    text = WHOLE.replace('"${timeout}"', "5m").replace(old, new, 1)
    assert accepts(SCHEMA, yaml.load(text, Loader=YamlLoader)) is valid
    try:
        load_text(text)
    except ScenarioError:
        loads = False
    else:
        loads = True
    assert loads is valid


def test_every_action_of_a_step_is_a_key_of_it():
    moments = {"at", "on", "after", "by"}
    assert {field.alias for name, field in Step.model_fields.items()} == {*moments, *ACTIONS.values()}
    assert all(Step.model_fields[name].alias == key for name, key in ACTIONS.items())
