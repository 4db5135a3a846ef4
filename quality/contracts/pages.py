"""Contract to pages people read: tables, reason codes and flags as Markdown.

Belongs here: the catalogue's text.
Does not: metrics (`metric_page`), or where the pages lie (`orchestration.rendered`).
"""

from __future__ import annotations

from collections.abc import Iterable

from quality.contracts.entity_tables import ENTITY_REASONS
from quality.contracts.flags import Flag
from quality.contracts.grid import MADE, grid
from quality.contracts.model import Table
from quality.contracts.reasons import REASONS


def tables_page(tables: Iterable[Table]) -> str:
    """Every table, column by column."""
    found = list(tables)
    lines = [MADE, "", "# Tables", "", "One contract a table; schemas, DDL, dbt sources and checks come from it.", ""]
    lines += grid(("table", "what a row is"), [(f"[{t.layer}.{t.name}](#{_anchor(t)})", t.says) for t in found])
    for table in found:
        lines += ["", f"## {table.layer}.{table.name}", "", table.says, ""]
        facts = [f"key ({', '.join(f'`{name}`' for name in table.key)})", f"owner `{table.owner}`"]
        if table.partition_by:
            facts.append(f"partitioned by {', '.join(f'`{name}`' for name in table.partition_by)}")
        facts.append("kept for ever" if table.retention_days is None else f"kept {table.retention_days} days")
        if table.fresh_within:
            facts.append(f"fresh within {table.fresh_within} min")
        facts.append(_kept(table))
        lines += [f"{'; '.join(facts).capitalize()}.", ""]
        lines += grid(
            ("column", "type", "null", "unit", "meaning"),
            [(f"`{c.name}`", c.type, "yes" if c.null else "", c.unit or "", c.says) for c in table.columns],
        )
    return "\n".join(lines) + "\n"


def vocabulary_page() -> str:
    """Reason codes and flags."""
    lines = [
        MADE,
        "",
        "# Vocabulary",
        "",
        "Metrics have a page of their own: [metrics](metrics.md); so have [rules](rules.md).",
    ]
    lines += ["", "## Reason codes of quarantine", ""]
    lines += grid(
        ("code", "rejects", "meaning", "what to do"), [(f"`{r.code}`", r.scope, r.says, r.do) for r in REASONS]
    )
    lines += ["", "## Reason codes of reference entities", ""]
    lines += grid(
        ("code", "the row is", "meaning", "what to do"),
        [(f"`{r.code}`", r.outcome, r.says, r.do) for r in ENTITY_REASONS],
    )
    lines += ["", "## Flags of an accepted reading", ""]
    lines += grid(("bit", "name"), [(str(flag.value), f"`{flag.name}`") for flag in Flag])
    return "\n".join(lines) + "\n"


def _kept(table: Table) -> str:
    policy = table.maintenance
    order = f" by {', '.join(f'`{name}`' for name in policy.order_by)}" if policy.order_by else ""
    done = "sorted" if policy.order_by else "compacted"
    when = "closed partitions" if table.partition_by else "files"
    return f"{when} {done}{order} to {policy.file_mb} MB, old files deleted after {policy.vacuum_days} days"


def _anchor(table: Table) -> str:
    return f"{table.layer}{table.name}"
