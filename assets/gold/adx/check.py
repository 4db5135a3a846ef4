"""The database as code, checked without a cluster: every text is read by Microsoft's language service, then by rules.

Belongs here: which texts there are, against which schema they are read, and where a complaint points to.
Does not: the service and the rules (`quality.kql`), or types in other engines (`drift`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assets.gold.adx import drift, files, policies
from assets.gold.adx.files import KqlFile, KqlFileError
from assets.gold.adx.found import commands_to_look
from assets.gold.adx.sent import level_queries, of_extents
from assets.gold.adx.wanted import Wanted, fingerprint, version_command, wanted
from quality.contracts.kusto import column_type, kusto_name, schema
from quality.contracts.tables import LEVEL_TABLES
from quality.kql import rules
from quality.kql.masked import masked
from quality.kql.service import Function, Schema, Verdict, View, analyse
from settings.model import Kusto

DATABASE = "telemetry"
_SITE = Kusto(viewers=("aadgroup=someone;tenant",), partitions=128)
_DAYS = (date(2026, 2, 28), date(2026, 3, 1))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, and what."""

    where: str
    says: str


@dataclass(frozen=True)
class Text:
    """A text that is sent somewhere, and how a character of it is pointed to."""

    kql: str
    where: Callable[[int], str]


def check(folder: Path | None = None, dbt: Path | None = None, memory: Path | None = None) -> list[Finding]:
    """All that is wrong; nothing where all is well. `folder` of `.kql` files, `dbt` project, `memory` of verdicts.

    Raises: InstallError, ServiceError: then nothing is known.
    """
    try:
        want = wanted(_SITE, folder)
    except (KqlFileError, ValueError) as error:
        return [Finding("assets/gold/kql", str(error))]
    known = schema_of(want)
    texts = [*_of_files(want), *_rendered(want), *_sent(want)]
    computing = [(made, query) for made in LEVEL_TABLES for query in level_queries(made, _DAYS[0])]
    verdicts = analyse(known, [*(text.kql for text in texts), *(query for _, query in computing)], memory)
    findings = [
        Finding(text.where(error.start), f"{error.says} ({error.code})")
        for text, verdict in zip(texts, verdicts, strict=False)
        for error in verdict.errors
    ]
    for (made, _), verdict in zip(computing, verdicts[len(texts) :], strict=True):
        findings += _of_level(made.function, kusto_name(made.table), verdict, _columns(made.table.name))
    findings += [Finding(text.where(wrong.start), wrong.says) for text in texts for wrong in rules.of_command(text.kql)]
    findings += _of_views(want)
    findings += [Finding(one.where, one.says) for one in drift.between_contract_and_dbt(dbt)]
    return list(dict.fromkeys(findings))


def texts_read(folder: Path | None = None) -> int:
    """How many texts a check reads."""
    want = wanted(_SITE, folder)
    return len([*_of_files(want), *_rendered(want), *_sent(want)]) + len(LEVEL_TABLES)


def schema_of(want: Wanted) -> Schema:
    """What a text may refer to."""
    return Schema(
        tables={table.name: schema(table.contract) for table in want.tables},
        functions=[Function(file.name, file.parameters, file.body) for file in want.functions],
        views=[View(file.name, file.query) for file in want.views],
    )


def _of_files(want: Wanted) -> Iterator[Text]:
    for file in want.files:
        yield Text(file.command, file.where)


def _rendered(want: Wanted) -> Iterator[Text]:
    """One command of each form: names come from the registry, so a form that is read once is right for every table."""
    in_files = {file.command for file in want.files}
    forms: dict[str, str] = {}
    names = {table.name for table in want.tables} | {file.name for file in want.views}
    for command in [*want.commands(), version_command(fingerprint(want))]:
        if command not in in_files:
            forms.setdefault(_form(command, names), command)
    for command in forms.values():
        yield _named("rendered", command)


def _form(command: str, names: set[str]) -> str:
    """The command without its table's name and what it says in quotes."""
    return " ".join("T" if word in names else word for word in masked(command).split())


def _sent(want: Wanted) -> Iterator[Text]:
    views = [file.name for file in want.views]
    swapped = [table for table in want.tables if not policies.is_live(table.contract)]
    asked: Sequence[str] = [
        *commands_to_look(DATABASE, views[:1]),
        *of_extents(swapped[0].contract, _DAYS),
    ]
    for command in asked:
        yield _named("sent", command)


def _named(how: str, command: str) -> Text:
    begin = " ".join(command.split()[:6])
    return Text(command, lambda _: f"{how} `{begin} …`")


def _columns(name: str) -> list[str]:
    (table,) = (made.table for made in LEVEL_TABLES if made.table.name == name)
    return [f"{column.name}: {column_type(column)}" for column in table.columns]


def _of_level(function: str, table: str, verdict: Verdict, due: list[str]) -> Iterator[Finding]:
    """A level's function answers the columns of its contract, typed alike and in order."""
    for error in verdict.errors:
        yield Finding(f"query for {table}", f"{error.says} ({error.code})")
    if not verdict.errors and list(verdict.columns) != due:
        wrong = [
            f"{found} instead of {wants}" for found, wants in zip(verdict.columns, due, strict=False) if found != wants
        ]
        says = (
            f"{function} does not make {table}: {'; '.join(wrong) or f'{len(verdict.columns)} columns, not {len(due)}'}"
        )
        yield Finding(_file_of(function), says)


def _file_of(function: str) -> str:
    return next((file.where(0) for file in files.read() if file.name == function), function)


def _of_views(want: Wanted) -> Iterator[Finding]:
    swapped = {table.name for table in want.tables if not policies.is_live(table.contract)}
    functions = {file.name for file in want.functions}
    for file in want.views:
        for wrong in rules.of_view(file.query, file.source, swapped, functions):
            yield Finding(file.where(_offset(file) + wrong.start), wrong.says)


def _offset(file: KqlFile) -> int:
    return file.command.index(file.query, file.command.rindex(file.body))
