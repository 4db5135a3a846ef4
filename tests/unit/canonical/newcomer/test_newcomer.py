"""A vendor nobody has heard of needs one YAML file with examples, and no Python: four shapes, four invented vendors."""

from __future__ import annotations

from pathlib import Path

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.examples import event_of, run_examples
from canonical.specs import load_spec, load_specs

FOLDER = Path(__file__).with_name("specs")


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_one_file_with_its_examples_is_enough(file):
    results = run_examples(load_spec(file))

    assert results
    assert [str(result) for result in results if not result.passed] == []


def test_the_four_stand_beside_each_other_and_none_takes_what_is_anothers():
    specs = load_specs(FOLDER)
    together = Canonicaliser.of(specs)

    for spec in specs:
        for example in spec.examples:
            converted = together.convert(event_of(spec, example))
            parts = (converted.readings, converted.rejects)
            assert {row["mapping_id"] for part in parts for row in part.to_pylist()} == {spec.id}
            assert [len(part) for part in parts] == [len(example.expect.readings), len(example.expect.rejects)]
