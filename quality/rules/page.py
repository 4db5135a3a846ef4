"""The rules as a page people read.

Belongs here: `docs/reference/rules.md`: row rules and suspect rules with code, severity, scope, message, parameters.
Does not: the rules (`row`, `suspect`), or the reason codes' meaning (`quality.contracts.reasons`).
"""

from __future__ import annotations

from quality.contracts.grid import grid
from quality.contracts.reasons import CODES, REASONS
from quality.rules.row import AHEAD_HOURS, EARLIEST, RULES, SHOWN_CHARACTERS, Rule
from quality.rules.suspect import FEWEST_OF_DAY, LOOK_BACK_DAYS, SUSPECT_RULES, TWIN_WINDOW_S

_MADE = "<!-- Rendered from the rules by `lakehouse contracts render`; edit quality/rules/, not this page. -->"
_SCOPES = {"envelope": "event", "event": "event", "reading": "reading"}
_REJECT = f"""# Rules

## Rules that reject

Asked of one event at a time, in this order; the first that fails gives the reason. What is rejected is a row of
`silver.quarantine` with code, field, value (cut at {SHOWN_CHARACTERS} characters), message and raw bytes. In a
message, `{{name}}` stands for what the event says.

Parameters: range of a metric: [metrics](metrics.md). Nothing is recorded before {EARLIEST[:10]}, nor more than
{AHEAD_HOURS:g} h after the hub took it; a mapping may say less (`earliest`, `ahead`, `max_body_bytes`).
"""
_SUSPECT = f"""## Rules that doubt

Asked of accepted readings, per date of `recorded_at`, in the light of other readings and the device register. A doubt
is a row of `silver.reading_flags` beside the reading, never instead of it; `gold.suspect_readings_1d` counts them. A
date is judged with the {24 * LOOK_BACK_DAYS} h before it, so late readings have their date and what follows it judged
again; after a change of the register, of a limit or of a rule, materialise the dates in question.

Parameters: limits of a metric: [metrics](metrics.md). Twins are devices that `silver.iot_device` puts at one `location`
of one site; they are compared over {TWIN_WINDOW_S} s. A median needs {FEWEST_OF_DAY} readings a day.
"""


def rules_page() -> str:
    """The whole page."""
    rejecting = [
        (f"`{rule.code}`", _named(rule), rule.severity, _SCOPES[rule.stage], rule.says, CODES[rule.code].do)
        for rule in RULES
    ]
    # What Silver itself finds when it compares a reading with the accepted one of its key.
    found = {rule.code for rule in RULES}
    rejecting += [(f"`{r.code}`", "", "reject", r.scope, r.says, r.do) for r in REASONS if r.code not in found]
    doubting = [
        (
            f"`{rule.code}`",
            rule.severity,
            rule.means,
            ", ".join(f"`{name}`" for name in rule.limits),
            rule.says,
            rule.do,
        )
        for rule in SUSPECT_RULES
    ]
    lines = [_MADE, "", _REJECT.rstrip(), ""]
    lines += grid(("code", "rule", "severity", "rejects", "message", "what to do"), rejecting)
    lines += ["", _SUSPECT.rstrip(), ""]
    lines += grid(("code", "severity", "meaning", "parameters", "message", "what to do"), doubting)
    return "\n".join(lines) + "\n"


def _named(rule: Rule) -> str:
    return "" if rule.name == rule.code else f"`{rule.name}`"
