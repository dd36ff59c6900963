"""Templates give what json.dumps gives; ids are UUIDs that do not change."""

import json
import uuid

import pytest

from ingest.exports.jsontext import NUMBER, TEXT, Ids, Template, to_text


def test_a_template_filled_is_the_value_with_its_parts() -> None:
    shape = {"id": f"urn:{TEXT}", "n": [NUMBER, {"of": TEXT}], "as it stands": 'a "quoted" %s {} \\ näme', "end": NUMBER}
    texts = list(Template(shape).fill(["a", "b"], ["1", "2"], ["x", "y"], ["3.5", "-4"]))
    assert [json.loads(text) for text in texts] == [
        {"id": f"urn:{one}", "n": [number, {"of": other}], "as it stands": shape["as it stands"], "end": end}
        for one, number, other, end in (("a", 1, "x", 3.5), ("b", 2, "y", -4))
    ]
    assert texts[0] == to_text(json.loads(texts[0]))


def test_a_template_wants_a_column_for_each_hole() -> None:
    with pytest.raises(ValueError, match="2 holes, 1 columns"):
        Template([TEXT, NUMBER]).fill(["a"])
    assert list(Template([TEXT]).fill([])) == []


def test_ids_are_uuids_of_their_own() -> None:
    ids = Ids("pseudonym", "ring")
    found = [
        *ids.at("steps", [0, 1_711_756_800_000]),
        *ids.at("pulse", [0]),
        ids.named("patient"),
        *Ids("other").at("steps", [0]),
    ]
    assert len({uuid.UUID(one) for one in found}) == 5
    assert [uuid.UUID(one).variant for one in found] == [uuid.RFC_4122] * 5
    assert [uuid.UUID(one).version for one in found] == [8, 8, 8, 5, 8]
    assert uuid.UUID(found[1]).int & (2**48 - 1) == 1_711_756_800_000
    assert Ids("pseudonym", "ring").at("steps", [0]) == found[:1]
