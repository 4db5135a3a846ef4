"""The page that explains the language says what is true: each spec on it loads and gives what its examples say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from canonical.examples import run_examples
from canonical.specs import load_spec

PAGE = Path(__file__).parents[3] / "docs" / "mapping-language.md"
SPECS = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if block.startswith("id:")]


@pytest.mark.parametrize("text", SPECS, ids=lambda text: text.split()[1])
def test_a_spec_of_the_page_gives_what_its_examples_say(text, tmp_path):
    file = tmp_path / "page.yaml"
    file.write_text(text)

    results = run_examples(load_spec(file))

    assert results
    assert [str(result) for result in results if not result.passed] == []


def test_the_page_names_every_word(specs):
    from canonical.spec import decode, identity, match, readings, records

    models = [match.Match, identity.Device, identity.Time, readings.Reading, readings.Triple, records.Records]
    models += [records.Only, readings.When, readings.Channel, readings.NumberFormat, decode.CsvDecode, decode.Payload]
    words = {field.alias or name for model in models for name, field in model.model_fields.items()}

    page = PAGE.read_text()
    assert sorted(word for word in words if not re.search(rf"\b{word}\b", page)) == []
