"""The semantic model, read back by a reader that allows nothing but what the model needs of TMDL."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from quality.analysts.measures import MEASURES
from quality.analysts.tmdl import definition

NAME = r"(?:\w+|'(?:[^']|'')+')"
ALLOWED = {
    "": {"database", "model", "expression", "relationship", "table", "annotation", "ref table"},
    "model": {"dataAccessOptions"},
    "expression": {"annotation"},
    "table": {"measure", "column", "hierarchy", "partition", "annotation"},
    "column": {"annotation"},
    "hierarchy": {"level"},
}
PROPERTIES = {
    "database": {"compatibilityLevel"},
    "model": {"culture", "defaultPowerBIDataSourceVersion", "sourceQueryCulture"},
    "dataAccessOptions": {"legacyRedirects", "returnErrorValuesAsNull"},
    "expression": {"lineageTag"},
    "relationship": {"fromColumn", "toColumn", "isActive"},
    "table": {"lineageTag", "dataCategory"},
    "measure": {"lineageTag", "formatString"},
    "column": {"lineageTag", "dataType", "isHidden", "isKey", "formatString", "summarizeBy", "sourceColumn", "sortByColumn"},
    "hierarchy": {"lineageTag"},
    "level": {"lineageTag", "column"},
    "partition": {"mode", "source"},
}  # fmt: skip
DESCRIBED = {"table", "column", "measure", "expression"}
CONTRACT = {
    "varchar": "string", "integer": "int64", "bigint": "int64", "double precision": "double", "boolean": "boolean",
    "date": "dateTime", "timestamp": "dateTime",
}  # fmt: skip
GOLD = {"string": "string", "int": "int64", "long": "int64", "double": "double", "boolean": "boolean"}


@dataclass
class Thing:
    kind: str
    name: str = ""
    expression: str = ""
    says: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    things: list[Thing] = field(default_factory=list)

    def all(self, kind: str) -> Iterator[Thing]:
        for thing in self.things:
            if thing.kind == kind:
                yield thing
            yield from thing.all(kind)


def read(text: str) -> Thing:
    """The objects of one file; AssertionError at the first line that is not as it must be."""
    assert text.endswith("\n")
    root = Thing("")
    open_things, says, source = [root], "", None
    for number, line in enumerate(text.splitlines(), 1):
        where = f"line {number}: {line!r}"
        if not line.strip():
            assert line == "", where
            source = None
            continue
        tabs = len(line) - len(line.lstrip("\t"))
        said = line[tabs:]
        if source is not None:
            assert tabs == 4, f"{where}: a source lies four tabs deep"
            source.properties["source"] += said + "\n"
            continue
        assert said == said.strip(), f"{where}: tabs before, nothing after"
        assert tabs < len(open_things), f"{where}: too deep"
        del open_things[tabs + 1 :]
        parent = open_things[-1]
        if said.startswith("///"):
            says = said.removeprefix("/// ")
            continue
        made = thing(said, parent)
        if made is not None:
            assert bool(says) == (made.kind in DESCRIBED), f"{where}: description"
            made.says, says = says, ""
            parent.things.append(made)
            open_things.append(made)
            continue
        assert not says, f"{where}: a description of nothing"
        name, _, value = said.partition(":") if ":" in said else said.partition(" =")
        assert name in PROPERTIES[parent.kind], f"{where}: not a property of {parent.kind}"
        assert name not in parent.properties, f"{where}: twice"
        parent.properties[name] = value.strip()
        source = parent if name == "source" else None
    return root


def thing(said: str, parent: Thing) -> Thing | None:
    """The object that a line declares; None where it is a property."""
    for kind in sorted(ALLOWED.get(parent.kind, ())):
        if said == kind:
            return Thing(kind)
        found = re.fullmatch(rf"{kind} ({NAME}|[-\w]{{36}})(?: = (.+))?", said)
        if found:
            return Thing(kind, unquoted(found[1]), found[2] or "")
    return None


def unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


@pytest.fixture(scope="module")
def model(star) -> dict[str, Thing]:
    return {path: read(text) for path, text in definition(star).items()}


@pytest.fixture(scope="module")
def tables(model) -> dict[str, Thing]:
    return {thing.name: thing for root in model.values() for thing in root.all("table")}


def test_the_reader_refuses_what_is_no_tmdl() -> None:
    good = "/// A.\ntable t\n\tlineageTag: x\n\n\t/// B.\n\tcolumn c\n\t\tdataType: string\n"
    assert [column.name for column in read(good).all("column")] == ["c"]
    for wrong in (
        good.replace("\t\tdataType", "\t\t\tdataType"),
        good.replace("\t\tdataType", "    dataType"),
        good.replace("dataType", "datatype"),
        good.replace("/// B.\n\t", ""),
        good.replace("column c", "column c d"),
        good.replace("lineageTag: x", "lineageTag: x\n\tlineageTag: x"),
    ):
        with pytest.raises(AssertionError):
            read(wrong)


def test_a_table_a_mart_and_a_column_a_column_of_the_type_of_its_contract(star, tables) -> None:
    assert list(tables) == [mart.name for mart in star.marts]
    for mart in star.marts:
        columns = {thing.name: thing for thing in tables[mart.name].all("column")}
        expected = {column.name: CONTRACT[column.type] for column in mart.columns}
        assert {name: thing.properties["dataType"] for name, thing in columns.items()} == expected
        assert {name: thing.says for name, thing in columns.items()} == {c.name: c.says for c in mart.columns}
        assert all(thing.properties["sourceColumn"] == name for name, thing in columns.items())
        drifted = {
            (table.path, column.name)
            for table in mart.rows
            for column in table.columns
            if mart.is_fact and column.name in columns
            if columns[column.name].properties["dataType"] != GOLD.get(column.type, "dateTime")
        }
        assert drifted == set()


def test_relationships_join_columns_that_exist_from_fact_to_the_key_of_a_dimension(star, model, tables) -> None:
    columns = {(table, column.name) for table, thing in tables.items() for column in thing.all("column")}
    found = list(model["relationships.tmdl"].all("relationship"))
    ends = [
        tuple(tuple(thing.properties[end].split(".")) for end in ("fromColumn", "toColumn"))
        for thing in found
    ]  # fmt: skip
    assert {end for pair in ends for end in pair} <= columns
    assert set(ends) == {((link.fact, link.column), (link.dimension, link.key)) for link in star.links}
    active = [
        (pair[0][0], pair[1][0])
        for pair, thing in zip(ends, found, strict=True)
        if not thing.properties.get("isActive")
    ]
    assert len(active) == len(set(active)), "two active ways from a dimension to a fact"
    assert {pair[1][0] for pair in ends}.isdisjoint({pair[0][0] for pair in ends}), "a dimension leads nowhere"


def test_keys_are_hidden_and_only_what_adds_up_is_summed(star, tables) -> None:
    joined = {(link.fact, link.column) for link in star.links} | {(link.dimension, link.key) for link in star.links}
    columns = {
        (name, column.name): column.properties for name, table in tables.items() for column in table.all("column")
    }
    assert {at for at, told in columns.items() if "isHidden" in told} == joined
    assert {told["summarizeBy"] for told in columns.values()} == {"none", "sum"}
    summed = {at for at, told in columns.items() if told["summarizeBy"] == "sum"}
    assert {table for table, _ in summed}.isdisjoint(mart.name for mart in star.dimensions), "versions count twice"
    assert {column for _, column in summed} == {
        "reading_count", "row_count", "expected_count", "hours_affected", "hours_silent", "hours_known",
        "hours_comfortable", "hours_below", "hours_above", "device_hours_known", "device_hours_comfortable",
    }  # fmt: skip


def test_the_calendar_is_the_date_table(tables) -> None:
    dated = {name: thing for name, thing in tables.items() if "dataCategory" in thing.properties}
    assert {name: thing.properties["dataCategory"] for name, thing in dated.items()} == {"dim_date": "Time"}
    keys = [column for table in tables.values() for column in table.all("column") if "isKey" in column.properties]
    assert [(key.name, key.properties["dataType"]) for key in keys] == [("calendar_date", "dateTime")]
    columns = {column.name for column in tables["dim_date"].all("column")}
    for hierarchy in tables["dim_date"].all("hierarchy"):
        levels = [level.properties["column"] for level in hierarchy.things]
        assert set(levels) <= columns
        assert levels[-1] == "calendar_date"
    sorts = [column.properties.get("sortByColumn") for column in tables["dim_date"].all("column")]
    assert {name for name in sorts if name} <= columns


def test_measures_use_columns_and_measures_that_there_are(tables) -> None:
    columns = {(table, column.name) for table, thing in tables.items() for column in thing.all("column")}
    measures = {measure.name: (name, measure) for name, table in tables.items() for measure in table.all("measure")}
    assert len(measures) == len(MEASURES) == sum(1 for table in tables.values() for _ in table.all("measure"))
    taken = {(table, column.lower()) for table, column in columns}
    assert [name for name, (table, _) in measures.items() if (table, name.lower()) in taken] == []
    for name, (_, measure) in measures.items():
        used = re.findall(r"(\w*)\[([^\]]+)\]", measure.expression)
        assert used or "COUNTROWS(" in measure.expression, name
        unknown = [(table, column) for table, column in used if table and (table, column) not in columns]
        assert unknown == [], name
        assert {column for table, column in used if not table} <= set(measures), name
        assert set(re.findall(r"COUNTROWS\((\w+)\)", measure.expression)) <= set(tables), name
        bare = re.sub(r'"[^"]*"', "", measure.expression)
        assert bare.count("(") == bare.count(")"), name
        assert measure.properties["formatString"], name


def test_a_partition_reads_its_mart_from_the_parameters_and_a_fact_from_a_date_on(star, model, tables) -> None:
    parameters = [thing.name for thing in model["expressions.tmdl"].all("expression")]
    assert parameters == ["Server", "Database", "FirstDate"]
    for mart in star.marts:
        [partition] = tables[mart.name].all("partition")
        source = partition.properties["source"]
        assert partition.properties["mode"] == "import"
        assert "Sql.Database(Server, Database" in source
        assert f'[Schema = "marts", Item = "{mart.name}"]' in source
        assert ("FirstDate" in source) == (mart.date_column is not None)
        if mart.date_column:
            assert mart.column(mart.date_column).type == "date"


def test_identities_are_unique_and_stay(star, model) -> None:
    tags = re.findall(r"lineageTag: (\S+)|relationship (\S+)", "\n".join(definition(star).values()))
    found = [tag or name for tag, name in tags]
    assert len(found) == len(set(found)) > 200
    assert {uuid.UUID(tag).version for tag in found} == {5}
    [table] = model["tables/fct_readings_daily.tmdl"].all("table")
    assert table.properties["lineageTag"] == "6a6345de-6106-5c86-ad07-530966a05dc3", "reports would lose the table"


def test_the_model_names_every_table_in_order(star, model) -> None:
    names = [thing.name for thing in model["model.tmdl"].all("ref table")]
    assert names == [mart.name for mart in star.marts]
