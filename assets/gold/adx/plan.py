"""How a cluster's database differs from what is wanted, and the commands that end the difference.

Belongs here: comparing. Nothing is ever taken away: what is there and not wanted is told and left, and a column of
another type is refused, because Kusto could only change it by losing what it holds.
Does not: what is wanted or found, or sending anything but the plan's own commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assets.gold.adx.files import KqlFile
from assets.gold.adx.found import Found, FoundTable, glance, look
from assets.gold.adx.wanted import (
    VERSION_FUNCTION,
    KustoTable,
    Principal,
    Wanted,
    fingerprint,
    version_body,
    version_command,
    wanted,
)
from quality.contracts.kusto import column_type, identifier, literal

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto
    from settings.model import Kusto as Site

State = Literal["missing", "differs", "refused", "unknown"]


class RefusedError(RuntimeError):
    """The database cannot be brought to this version without losing something; nothing was done."""


@dataclass(frozen=True)
class Difference:
    """One difference: what, how, and the commands that end it; none where nothing is done about it."""

    kind: str
    name: str
    state: State
    says: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All differences, in the order their commands work in."""

    differences: tuple[Difference, ...]

    @property
    def pending(self) -> tuple[Difference, ...]:
        """What is to be done, or stands in its way; what is unknown is not."""
        return tuple(one for one in self.differences if one.state != "unknown")

    @property
    def refused(self) -> tuple[Difference, ...]:
        """What cannot be done."""
        return tuple(one for one in self.differences if one.state == "refused")

    def commands(self) -> list[str]:
        """What ends the differences."""
        return [command for one in self.differences for command in one.commands]


def plan(kusto: Kusto, site: Site | None = None) -> Plan:
    """What a deployment would do to the cluster; it is only looked at."""
    return compare(wanted(site), look(kusto))


def apply(kusto: Kusto, made: Plan) -> None:
    """Do what the plan says, in one script. Cut short, what was done stays, and the next plan has the rest.

    Raises: RefusedError before anything is done; KustoRefusedError.
    """
    if made.refused:
        reasons = "; ".join(f"{one.kind} {one.name}: {one.says}" for one in made.refused)
        raise RefusedError(f"nothing was deployed to {kusto.uri} (database {kusto.database!r}): {reasons}")
    if commands := made.commands():
        script = "\n\n".join(commands)
        kusto.command(f".execute database script with (ThrowOnErrors = true) <|\n{script}", repeatable=True)


def is_deployed(kusto: Kusto) -> bool:
    """Whether the database is at this version, by one command: fingerprint, tables and functions as they are now."""
    want, there = wanted(), glance(kusto)
    parts = (_version(want, there), *_tables(want, there), *_functions(want, there))
    return not any(one for one in parts if one and one.state != "unknown")


def compare(want: Wanted, there: Found) -> Plan:
    """The differences; a pure function."""
    differences = [
        *_tables(want, there),
        *_mappings(want, there),
        *_policies(want, there, of_views=False),
        *_functions(want, there),
        *_views(want, there),
        *_policies(want, there, of_views=True),
        *_principals(want, there),
        *_unknown(want, there),
    ]
    if version := _version(want, there):
        differences.append(version)
    return Plan(tuple(differences))


def _tables(want: Wanted, there: Found) -> Iterator[Difference]:
    for table in want.tables:
        found = there.tables.get(table.name)
        if found is None:
            says = f"{len(table.contract.columns)} columns"
            yield Difference("table", table.name, "missing", says, (table.command,))
        else:
            yield from _columns(table, found)
            for word, now, then in (
                ("docstring", found.docstring, table.contract.says),
                ("folder", found.folder, table.contract.layer),
            ):
                if now != then:
                    command = f".alter table {identifier(table.name)} {word} {literal(then)}"
                    yield Difference("table", table.name, "differs", f"its {word} is {now!r}", (command,))


def _columns(table: KustoTable, found: FoundTable) -> Iterator[Difference]:
    types = dict(found.columns)
    wanted_types = {column.name: column_type(column) for column in table.contract.columns}
    for name, kind in wanted_types.items():
        if types.get(name, kind) != kind:
            says = (
                f"is {types[name]} there, and {kind} in the contract: Kusto would empty it. Fill a column of another "
                f"name, or drop table {table.name} yourself and load all dates again"
            )
            yield Difference("column", f"{table.name}.{name}", "refused", says)
    for name, kind in types.items():
        if name not in wanted_types:
            yield Difference("column", f"{table.name}.{name}", "unknown", f"{kind}, in no contract; left as it is")
    added = {name: kind for name, kind in wanted_types.items() if name not in types}
    kept = [name for name in types if name in wanted_types]
    in_order = [*kept, *added] == list(wanted_types)
    if in_order:
        for name, kind in added.items():
            command = f".alter-merge table {identifier(table.name)} (['{identifier(name)}']: {kind})"
            yield Difference("column", f"{table.name}.{name}", "missing", kind, (command,))
    else:
        # Rows are appended by position: a column at another place would take another one's values.
        whole = wanted_types | {name: kind for name, kind in types.items() if name not in wanted_types}
        columns = ", ".join(f"['{name}']: {kind}" for name, kind in whole.items())
        says = f"lacks {', '.join(added)}, between others" if added else "its columns are in another order"
        command = f".alter table {identifier(table.name)} ({columns})"
        yield Difference("table", table.name, "missing" if added else "differs", says, (command,))


def _mappings(want: Wanted, there: Found) -> Iterator[Difference]:
    for mapping in want.mappings:
        name = f"{mapping.table}.{mapping.name}"
        found = there.mappings.get((mapping.table, mapping.kind, mapping.name))
        if found is None:
            yield Difference("mapping", name, "missing", mapping.kind, (mapping.command,))
        elif _mapped(found) != {column: path for column, _, path in mapping.columns}:
            yield Difference("mapping", name, "differs", f"fills {len(_mapped(found))} columns", (mapping.command,))


def _mapped(document: Any) -> dict[str, str]:
    """Column to path; whatever else an entry holds is the service's own."""
    found = {}
    for entry in document if isinstance(document, list) else []:
        told = {str(key).lower(): value for key, value in entry.items()} if isinstance(entry, dict) else {}
        inner = told.get("properties")
        properties = {str(key).lower(): value for key, value in inner.items()} if isinstance(inner, dict) else {}
        found[str(told.get("column"))] = str(properties.get("path", told.get("path")))
    return found


def _policies(want: Wanted, there: Found, *, of_views: bool) -> Iterator[Difference]:
    for policy in want.policies:
        if policy.of_view == of_views:
            name, found = f"{policy.entity}.{policy.kind}", there.policies.get((policy.entity, policy.kind))
            if found is None:
                yield Difference("policy", name, "missing", "not set", (policy.command,))
            elif not policy.is_met_by(found):
                yield Difference("policy", name, "differs", f"is {found}", (policy.command,))


def _functions(want: Wanted, there: Found) -> Iterator[Difference]:
    for file in want.functions:
        found = there.functions.get(file.name)
        if found is None:
            yield Difference("function", file.name, "missing", file.where(0), (file.command,))
        elif wrong := _other(
            file,
            {"parameters": _bare(found.parameters), "body": _plain(found.body)},
            {"parameters": _bare(file.parameters), "body": _plain(file.body)},
            (found.folder, found.docstring),
        ):
            yield Difference("function", file.name, "differs", wrong, (file.command,))


def _views(want: Wanted, there: Found) -> Iterator[Difference]:
    for file in want.views:
        found = there.views.get(file.name)
        if found is None:
            yield Difference("materialized view", file.name, "missing", file.where(0), (file.command,))
            continue
        if found.source != file.source:
            says = f"is over {found.source} there, and over {file.source} in {file.where(0)}: drop it yourself"
            yield Difference("materialized view", file.name, "refused", says)
        elif wrong := _other(
            file,
            {"query": _plain(found.query)},
            {"query": _plain(file.query)},
            (found.folder, found.docstring),
        ):
            yield Difference("materialized view", file.name, "differs", wrong, (file.command,))
        if not found.enabled:
            command = f".enable materialized-view {identifier(file.name)}"
            yield Difference("materialized view", file.name, "differs", "is disabled", (command,))


def _other(file: KqlFile, now: Mapping[str, str], then: Mapping[str, str], about: tuple[str, str]) -> str:
    """What differs from the file, in words."""
    told = {**now, "folder": about[0], "docstring": about[1]}
    due = {**then, "folder": file.folder, "docstring": file.docstring}
    wrong = [name for name, text in due.items() if told[name] != text]
    return f"its {' and '.join(wrong)} differ from {file.where(0)}" if wrong else ""


def _principals(want: Wanted, there: Found) -> Iterator[Difference]:
    for principal in want.principals:
        if not any(_is_in(principal, *row) for row in there.principals):
            yield Difference("principal", f"{principal.role} {principal.fqn}", "missing", "", (principal.command,))
    roles = {principal.role for principal in want.principals}
    for role, fqn, display in there.principals:
        named = _plural(role)
        if named in roles and not any(_is_in(principal, role, fqn, display) for principal in want.principals):
            yield Difference("principal", f"{named} {fqn}", "unknown", f"{display}; in no setting, left")


def _plural(role: str) -> str:
    """`Database telemetry Viewer` as commands call it: `viewers`."""
    return role.rpartition(" ")[2].lower() + "s"


def _is_in(principal: Principal, role: str, fqn: str, display: str) -> bool:
    """Whether a row is of this principal: the service may show an object id for what was given by name."""
    if _plural(role) != principal.role:
        return False
    kind, _, rest = principal.fqn.lower().partition("=")
    identity = rest.partition(";")[0]
    there_kind, _, there_rest = fqn.lower().partition("=")
    return kind == there_kind and (there_rest.partition(";")[0] == identity or identity in display.lower())


def _unknown(want: Wanted, there: Found) -> Iterator[Difference]:
    known = {
        "table": ({table.name for table in want.tables}, there.tables),
        "function": ({file.name for file in want.functions} | {VERSION_FUNCTION}, there.functions),
        "materialized view": ({file.name for file in want.views}, there.views),
    }
    for kind, (ours, found) in known.items():
        for name in sorted(found.keys() - ours):
            yield Difference(kind, name, "unknown", "in no contract and no file; left as it is")
    ours_and_kind = {(policy.entity, policy.kind) for policy in want.policies}
    for (entity, kind), document in there.policies.items():
        is_ours = entity in known["table"][0] or entity in known["materialized view"][0]
        if is_ours and document is not None and (entity, kind) not in ours_and_kind:
            yield Difference("policy", f"{entity}.{kind}", "unknown", f"is {document}; left as it is")


def _version(want: Wanted, there: Found) -> Difference | None:
    now = fingerprint(_without_site(want))
    found = there.functions.get(VERSION_FUNCTION)
    if found and _plain(found.body) == _plain(version_body(now)):
        return None
    state: State = "differs" if found else "missing"
    return Difference("version", VERSION_FUNCTION, state, f"this is {now}", (version_command(now),))


def _without_site(want: Wanted) -> Wanted:
    core = tuple(policy for policy in want.policies if policy.kind != "partitioning")
    return Wanted(want.tables, want.mappings, want.files, core)


def _plain(text: str) -> str:
    """Text without what the service may change: ends of lines, indentation, blanks inside the outer braces."""
    lines = [" ".join(line.split()) for line in text.strip().removeprefix("{").removesuffix("}").splitlines()]
    return "\n".join(line for line in lines if line)


def _bare(parameters: str) -> str:
    return re.sub(r"\s+", "", parameters)
