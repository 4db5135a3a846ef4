"""The page `docs/reference/telemetry.md`, made from the instruments.

Belongs here: the page's text.
Does not: where it lies (`orchestration.rendered`).
"""

from __future__ import annotations

from ingest_workers.alerts import ALERTS
from ingest_workers.instruments import ATTRIBUTES, INSTRUMENTS, PARTS, Instrument
from ingest_workers.prometheus_names import prometheus_name

_HEAD = """\
<!-- Rendered from ingest_workers/instruments.py by `lakehouse contracts render`; edit that, not this page. -->

# Telemetry of the workers

Nothing is measured or imported until something asks for it:

| what | how it is asked for |
| --- | --- |
| OTLP (HTTP, protobuf) | `OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_{METRICS,TRACES,LOGS}_ENDPOINT` for single signals; `OTEL_{METRICS,TRACES,LOGS}_EXPORTER=none` leaves one out. Headers, timeouts, intervals, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are honoured; `OTEL_SDK_DISABLED=true` turns all off. |
| Azure Monitor | the extra `azure-monitor` and `APPLICATIONINSIGHTS_CONNECTION_STRING`. |
| Prometheus | `LAKE_OPERATIONS__HEALTH_PORT`; the page is `/metrics`. |

The resource names the service `lakehouse-bronze-worker` and the worker as `service.instance.id`. Traces: one span
`lakehouse.bronze.commit` per commit, with what it held; refusals of the lake are its events. Logs: every line the
worker writes to stderr, its text as body and its fields as attributes. What cannot be sent is dropped: telemetry never
holds up an event, and a worker that ends waits five seconds for its collector at most.

## Probes

With `LAKE_OPERATIONS__HEALTH_PORT` set (0 takes a free port) a worker answers on `LAKE_OPERATIONS__HEALTH_HOST`
(127.0.0.1), from memory:

| path | 200 | 503 |
| --- | --- | --- |
| `/healthz` | the loop goes round, or retries | no sign of life for `LAKE_OPERATIONS__STALL_SECONDS` (300), or the run is over: restart it |
| `/readyz` | hub and lake answer | the worker starts, the hub did not answer the last look, or the lake refused the last commit; the body says which, and lag per partition |
| `/metrics` | the instruments below | |

A restart mends what `/healthz` says and not what `/readyz` says: probe liveness by the one only. A lake that fails while
nothing has to be committed is noticed at the next commit.
"""  # noqa: E501 - a row of a table is one line

_RULE = f"""\
## The naming rule

`lakehouse.<part>.<thing>[.<aspect>]`; parts are {", ".join(f"`{part}`" for part in PARTS)}.

1. Lower case, words of letters only, separated by dots. The unit is never part of the name.
2. A counter names things in the plural, or what happened to them (`events.received`); its unit is `{{thing}}` or `By`.
3. `duration` and `age` are in `s`, `size` and `limit` in `By`.
4. Attributes come from the list below. Their values are few and known beforehand: never a device, an offset, a message,
   or the text of an error.
5. Recorded once per delivery, commit or look at the hub; never per event.

A test holds every instrument against the rule.
"""


def telemetry_page() -> str:
    """What is measured, how it is asked for, and how it is named."""
    lines = [_HEAD, _RULE, "## Instruments", ""]
    lines += ["| name | kind | unit | attributes | in Prometheus | meaning |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [_line(each) for each in INSTRUMENTS]
    lines += ["", "## Attributes", "", "| name | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {says} |" for name, says in ATTRIBUTES.items()]
    lines += ["", "## Alerts", "", "`alerts.yaml` beside this page is the same for Prometheus.", ""]
    lines += ["| alert | when | for, min | meaning | runbook |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {alert.name} | `{alert.promql}` | {alert.minutes} | {alert.says} | "
        f"[{alert.runbook}](../runbooks/{alert.runbook}) |"
        for alert in ALERTS
    ]
    return "\n".join(lines) + "\n"


def _line(each: Instrument) -> str:
    attributes = ", ".join(f"`{name}`" for name in each.attributes)
    return f"| `{each.name}` | {each.kind} | `{each.unit}` | {attributes} | `{prometheus_name(each)}` | {each.says} |"
