"""What somebody who knows households knows of places: what things are in or on, and where they are likely to be."""

from functools import cache

from localnpm.evals.household.room import type_of
from localnpm.evals.household.tables import bundled_tables

INSIDE = frozenset(
    {"cabinet", "drawer", "fridge", "microwave", "safe", "sinkbasin", "garbagecan", "bathtubbasin", "laundryhamper"}
)
"""Receptacle types that things are in; they are on the others."""


def number_of(name: str) -> int:
    """2 for `mug 2`."""
    return int(name[name.index(" ") + 1 :])


def at_place(receptacle: str) -> str:
    """`in drawer 1`, `on shelf 2`."""
    return ("in " if type_of(receptacle) in INSIDE else "on ") + receptacle


@cache
def worth_visiting(object_type: str) -> dict[str, float]:
    """Receptacle type -> the chance to find the object there for one action; opening what is closed is one more."""
    tables = bundled_tables()
    rates = tables.rates.get(object_type)
    if rates is None:
        rates = dict.fromkeys(tables.closed, 0.01)
    return {place: (rates.get(place, 0) + 0.0005) / (1 + closed) for place, closed in tables.closed.items()}
