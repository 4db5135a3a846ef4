"""Entity specs: the product's own do what their examples say, and a wrong one is refused with line and advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from canonical.entities.examples import run_entity_examples
from canonical.entities.model import EntitySpec
from canonical.entities.reading import read_file
from canonical.entities.specs import EntitySpecError, digest_of, load_entity_spec, load_entity_specs
from quality.contracts.entities import ENTITIES

SPECS = load_entity_specs()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_the_examples_of_a_spec_come_out_as_they_say(spec: EntitySpec) -> None:
    assert spec.examples
    assert [str(result) for result in run_entity_examples(spec) if result.differences] == []


def test_every_entity_has_a_spec() -> None:
    assert {spec.entity for spec in SPECS} == {entity.name for entity in ENTITIES}


GOOD = """\
id: teams
version: 1
entity: employee
description: People.
match: {feed: hr, columns: [No]}
effective: [{path: '(20\\d\\d-\\d\\d-\\d\\d)'}]
columns:
  - {name: employee_id, from: No}
  - {name: name, from: [Name, Full name]}
  - {name: hired_on, from: Since}
"""


def _load(tmp_path: Path, text: str) -> EntitySpec:
    file = tmp_path / "teams.yaml"
    file.write_text(text)
    return load_entity_spec(file)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("entity: employee", "entity: employe", "line 3: there is no entity 'employe'. Did you mean 'employee'?"),
        ("name: hired_on", "name: hired_in", "line 10: employee has no column 'hired_in'. Did you mean 'hired_on'?"),
        ("  - {name: hired_on, from: Since}\n", "", "column 'hired_on' of employee must be there"),
        ("from: Since", "from: Since, low: 3", "line 10: low and high are for numbers; 'hired_on' is a date"),
        ("from: No}", "template: '{name}'}", "'name' is no column made above this one"),
        ("from: Since", "format: iso, from: Since", "line 10: columns.2.format: Extra inputs are not permitted"),
        ("columns: [No]}", "columns: [No]}\ndecode: {charset: klingon}", "line 6: there is no charset 'klingon'"),
        ("[{path: '(20\\d\\d-\\d\\d-\\d\\d)'}]", "[]", "nothing says from when the rows hold"),
        ("(20\\d\\d-\\d\\d-\\d\\d)", "20\\d\\d", "the pattern has no group"),
        ("{path: '(20\\d\\d-\\d\\d-\\d\\d)'}", "{path: '(20)', template: '{2}'}", "the pattern has 1 groups only"),
        ("{path: '(20\\d\\d-\\d\\d-\\d\\d)'}", "{column: name}", "'name' is no date or timestamp"),
        ("{path: '(20\\d\\d-\\d\\d-\\d\\d)'}]", "{column: hired_on}]\nsnapshot: full", "a full snapshot is of one date"),
        ("from: Since", "from: Since, zone: Europe/Atlantis", "line 10: there is no time zone 'Europe/Atlantis'"),
        ("version: 1", "version: 1\nversion: 2", "line 3: key 'version' is there twice"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused_with_its_line_and_what_to_do(tmp_path, old, new, says) -> None:
    assert old in GOOD
    with pytest.raises(EntitySpecError) as caught:
        _load(tmp_path, GOOD.replace(old, new))
    assert says in str(caught.value)


def test_two_specs_of_one_id_are_refused(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(EntitySpecError, match="another file has this id"):
        load_entity_specs(tmp_path)


def test_the_digest_names_what_a_spec_does_and_not_how_it_is_described(tmp_path) -> None:
    spec = _load(tmp_path, GOOD)
    assert _load(tmp_path, GOOD.replace("People.", "Persons.")).digest == spec.digest
    changed = _load(tmp_path, GOOD.replace("Full name", "Whole name"))
    assert changed.digest != spec.digest
    assert digest_of([changed]) != digest_of([spec])


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        ("2026-03-01.csv", b"No,Name,Since\n1,Ada,2020-01-01\n", None),
        ("2026-03-01.csv", b"No,Since\n1,2020-01-01\n", "missing_column"),
        ("today.csv", b"No,Name,Since\n1,Ada,2020-01-01\n", "no_effective_date"),
        ("2026-13-01.csv", b"No,Name,Since\n1,Ada,2020-01-01\n", "no_effective_date"),
        ("2026-03-01.csv", b"No,Name,Since\n", "no_rows"),
        ("2026-03-01.csv", b"A,B\n1,2\n", "no_mapping"),
        ("2026-03-01.csv", b"", "no_mapping"),
        ("2026-03-01.xlsx", b"PK\x03\x04", "no_mapping"),
        ("2026-03-01.csv", b"No,Name,Since\n1,\xff,2020-01-01\n", "bad_file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path, path, body, fault) -> None:
    (read,) = read_file("hr", path, body, [_load(tmp_path, GOOD)])
    assert read.fault == fault
    assert bool(read.message) == bool(fault)


def test_drift_is_noticed_column_by_column(tmp_path) -> None:
    spec = _load(
        tmp_path, GOOD.replace("from: Since}", "from: Since}\n  - {name: job_title, from: Title}\nignore: [Fax*]")
    )
    (read,) = read_file("hr", "2026-03-01.csv", b"No,FULL  name,Since,Fax no,Pager\n1,Ada,2020-01-01,2,3\n", [spec])
    assert (read.missing_columns, read.unmapped_columns) == (("job_title",), ("Pager",))
    assert read.rows is not None
    assert read.rows["name"].to_pylist() == ["Ada"]
