"""The JSON Schemas in the repository say what the models say, and a change that would break a reader is refused."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from baton.leads.events import EVENTS
from baton.leads.schema_changes import breaking_changes
from baton.leads.schemas import drift, incompatible, main, schema_of

SCHEMAS = Path(__file__).parents[2] / "shared" / "schemas"


def test_every_schema_file_is_as_its_model_says() -> None:
    assert drift(SCHEMAS) == []


def test_no_model_breaks_the_readers_of_its_written_schema() -> None:
    assert list(incompatible(SCHEMAS)) == []


@pytest.mark.parametrize("model", EVENTS, ids=lambda model: model.type)
def test_each_schema_is_a_valid_json_schema(model: Any) -> None:
    schema = schema_of(model)

    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["$id"] == f"urn:baton:{model.type}:{model.schema_version}"


def _object(**fields: Any) -> dict[str, Any]:
    required = [name for name, field in fields.items() if field.pop("needed", False)]
    return {"type": "object", "properties": fields, "required": required}


def test_a_removed_field_is_breaking() -> None:
    changes = breaking_changes(_object(lead={"type": "string"}), _object())

    assert changes == ["lead: removed"]


def test_a_field_that_is_required_now_is_breaking() -> None:
    changes = breaking_changes(_object(), _object(lead={"type": "string", "needed": True}))

    assert changes == ["lead: required now"]


def test_a_new_optional_field_is_compatible() -> None:
    changes = breaking_changes(_object(), _object(lead={"type": "string"}))

    assert changes == []


def test_a_field_that_may_no_longer_be_null_is_breaking() -> None:
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}

    changes = breaking_changes(_object(rep=nullable), _object(rep={"type": "string"}))

    assert changes == ["rep: takes fewer types"]


def test_a_whole_number_that_becomes_any_number_is_compatible() -> None:
    changes = breaking_changes(_object(rate={"type": "integer"}), _object(rate={"type": "number"}))

    assert changes == []


def test_a_value_taken_out_of_a_closed_set_is_breaking_deep_inside() -> None:
    def trace(*codes: str) -> dict[str, Any]:
        code = {"type": "string", "enum": list(codes)}
        return _object(codes={"type": "array", "items": {"$ref": "#/$defs/Code"}}) | {"$defs": {"Code": code}}

    changes = breaking_changes(trace("absent", "paused"), trace("absent"))

    assert changes == ["codes[]: takes fewer values"]


def test_writing_refuses_a_breaking_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    file = tmp_path / "lead.erased.v1.json"
    schema = json.loads(file.read_text("utf-8"))
    schema["properties"]["reason"] = {"type": "string"}
    file.write_text(json.dumps(schema), "utf-8")

    code = main([str(tmp_path)])

    assert code == 1
    assert "lead.erased.v1.json: reason: removed" in capsys.readouterr().err


def test_checking_writes_nothing_and_tells_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([str(tmp_path), "--check"])

    assert code == 1
    assert list(tmp_path.iterdir()) == []
    assert "lead.captured.v1.json: not written yet" in capsys.readouterr().err
