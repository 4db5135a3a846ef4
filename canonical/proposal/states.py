"""Texts, booleans and zeros and ones that say in which state something is.

Belongs here: which metric of kind state or event a field is, and which of its states each value stands for.
Does not: numbers (`quantities`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from canonical.proposal.fields import Field
from canonical.proposal.quantities import candidates
from quality.contracts.metrics import BY_NAME, Metric

_YES = frozenset(
    (
        "true",
        "1",
        "on",
        "yes",
        "y",
        "open",
        "opened",
        "occupied",
        "motion",
        "detected",
        "active",
        "alarm",
        "wet",
        "leak",
        "locked",
        "moving",
        "high",
        "online",
        "present",
        "triggered",
        "tampered",
        "connected",
        "t",
        "offen",
    )
)
_NO = frozenset(
    (
        "false",
        "0",
        "off",
        "no",
        "n",
        "closed",
        "close",
        "shut",
        "vacant",
        "clear",
        "none",
        "inactive",
        "idle",
        "dry",
        "unlocked",
        "still",
        "low",
        "offline",
        "absent",
        "free",
        "normal",
        "ok",
        "intact",
        "disconnected",
        "f",
        "zu",
    )
)
_HAPPENING = frozenset(
    (
        "occupied",
        "motion",
        "open",
        "locked",
        "leak",
        "tampered",
        "smoke",
        "gas",
        "on",
        "high",
        "online",
        "moving",
        "vibration",
        "rain",
        "inside",
    )
)
"""Of a metric's two states the one that `true` means."""
_SWITCHES = frozenset({"power", "output", "plug", "socket", "outlet", "lamp", "heater", "valve", "relay", "switch"})
_MOST_STATES = 20
_ENOUGH = 0.5


@dataclass(slots=True)
class State:
    """A metric of kind state or event, and what each text of the field means; no states: the text itself."""

    metric: Metric
    states: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)


def state_of(words: Sequence[str], values: Field, around: Sequence[str] = ()) -> State | None:
    """The metric of a field of texts, booleans, or zeros and ones; None where none is likely."""
    found = list(dict.fromkeys(_text(value) for value in values.given))
    if not found or len(found) > _MOST_STATES or any(len(text) > 60 for text in found):
        return None
    binary = {text.lower() for text in found} <= _YES | _NO
    likely = [metric for score, metric in candidates(words, ("state", "event"), around) if score >= _ENOUGH]
    if (
        binary
        and set(words) & _SWITCHES
        and {text.lower() for text in found} <= {"on", "off", "0", "1", "true", "false"}
    ):
        likely = [*(metric for metric in likely if metric.states == ("on", "off")), BY_NAME["switch_state"], *likely]
    for metric in likely:
        if metric.states:
            state = _closed(metric, found, words)
            if state is not None:
                return state
        elif metric.kind == "event" and not binary:
            return State(metric)
        elif not binary:
            says = f"all texts seen are listed; another one is rejected ({metric.name} takes any text)"
            return State(metric, {text: text for text in found}, [says])
    return None


def _closed(metric: Metric, found: Sequence[str], words: Sequence[str]) -> State | None:
    """The metric's own states, by name or as yes and no."""
    states: dict[str, str] = {}
    unsure: list[str] = []
    by_name = {state.lower(): state for state in metric.states}
    yes, no = _poles(metric, words)
    for text in found:
        lower = text.lower()
        if lower in by_name:
            states[text] = by_name[lower]
        elif lower in _YES and yes:
            states[text] = yes
        elif lower in _NO and no:
            states[text] = no
        else:
            return None
    guessed = [text for text, state in states.items() if text.lower() != state]
    if guessed:
        unsure.append("does " + ", ".join(f"{text} mean {states[text]}" for text in guessed) + "?")
    for text, state in (("true", yes), ("false", no)) if {t.lower() for t in found} & {"true", "false"} else ():
        if state and not any(known.lower() == text for known in states):
            states[text] = state
    for text, state in (("1", yes), ("0", no)) if set(found) <= {"0", "1"} else ():
        if state:
            states.setdefault(text, state)
    return State(metric, states, unsure)


def _poles(metric: Metric, words: Sequence[str]) -> tuple[str | None, str | None]:
    """The states that `true` and `false` mean."""
    if len(metric.states) != 2:
        return None, None
    first, second = metric.states
    if metric.name == "battery_state":
        return "low", "normal"
    yes = first if first in _HAPPENING or second not in _HAPPENING else second
    no = second if yes == first else first
    if metric.name == "contact_state" and not {"door", "window", "open"} & set(words):
        return no, yes  # a contact that is made is a door that is closed
    return yes, no


def _text(value: Any) -> str:
    """The value as the language of specs compares it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value).strip()
