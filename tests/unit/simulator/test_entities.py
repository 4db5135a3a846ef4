"""The simulated business systems: reproducible, and an answer key that is the world's."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from quality.contracts.entity_tables import ENTITY_CODES
from simulator.entities import EntityOptions, simulate_entities


def _bytes(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path) -> None:
    told = [simulate_entities(EntityOptions(folder=tmp_path / str(n), seed=min(n, 2))) for n in (1, 2, 3)]
    one, two, three = (_bytes(tmp_path / str(n)) for n in (1, 2, 3))
    assert two == three
    assert told[1] == told[2]
    assert one != two
    assert one.keys() == two.keys()


def test_defects_are_rows_of_their_own(tmp_path) -> None:
    clean = simulate_entities(EntityOptions(folder=tmp_path / "clean", defects=False))
    bad = simulate_entities(EntityOptions(folder=tmp_path / "bad"))
    assert clean["entities"] == bad["entities"]
    assert {reason for file in clean["files"] for reason in file["reasons"]} == {"subtotal"}
    named = {reason for file in bad["files"] for reason in file["reasons"]}
    assert len(named) >= 10
    assert named <= ENTITY_CODES.keys()
