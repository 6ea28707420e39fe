"""What stands in the files and requests: todos, events and plain sentences with names filled in.

Each table is one kind of text; an entry is called only when it is chosen, so that the names of one text are all
that is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localnpm.evals.habits.names import Names

Template = Callable[["Names"], str]

TODOS: tuple[Template, ...] = (
    lambda n: f"buy {n.goods()}",
    lambda n: f"buy {n.goods()} and {n.goods()}",
    lambda n: f"call {n.person()}",
    lambda n: f"call {n.first_name()} about the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"send the {n.word('noun')} to {n.person()}",
    lambda n: f"book the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"pay the {n.word('modifier')} bill",
    lambda n: f"renew the {n.word('modifier')} {n.pick(('permit', 'card', 'subscription', 'contract'))}",
    lambda n: f"water the {n.word('modifier')} plants",
    lambda n: f"fix the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"ask {n.first_name()} for the {n.word('noun')}",
    lambda n: f"return the {n.word('noun')} to {n.first_name()}",
    lambda n: f"order {n.integer(2, 40)} boxes of {n.goods()}",
    lambda n: f"print the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"write to {n.company()}",
    lambda n: f"plan the trip to {n.city()}",
    lambda n: f"clean the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"email {n.first_name()} the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"pick up {n.goods()} at {n.time()}",
    lambda n: f"check the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"meet {n.person()} in {n.city()}",
    lambda n: f"finish the {n.word('modifier')} {n.word('noun')}",
)
"""Things to do: imperative, no final dot."""

EVENTS: tuple[Template, ...] = (
    lambda n: f"met {n.person()} in {n.city()}",
    lambda n: f"finished the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"called {n.first_name()} about the {n.word('noun')}",
    lambda n: f"started the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"planted {n.integer(3, 30)} trees near {n.city()}",
    lambda n: f"ran {n.integer(3, 21)} km in {n.city()}",
    lambda n: f"bought {n.goods()} and {n.goods()}",
    lambda n: f"visited {n.first_name()} and talked about the {n.word('noun')}",
    lambda n: f"fixed the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"read {n.integer(10, 90)} pages about {n.word('noun')} history",
    lambda n: f"sent the {n.word('noun')} to {n.company()}",
    lambda n: f"cooked {n.goods()} with {n.first_name()}",
    lambda n: f"tested the {n.word('modifier')} {n.word('noun')} with {n.first_name()}",
    lambda n: f"cleaned the {n.word('modifier')} {n.word('noun')}",
    lambda n: f"got an answer from {n.company()}",
    lambda n: f"took the train to {n.city()} at {n.time()}",
)
"""What somebody did: past tense, one clause, no subject."""

SENTENCES: tuple[Template, ...] = (
    lambda n: f"{n.first_name()} brings the {n.goods()}.",
    lambda n: f"Meet at {n.time()} in {n.city()}.",
    lambda n: f"Ask {n.person()} about the {n.word('noun')}.",
    lambda n: f"The {n.word('modifier')} {n.word('noun')} costs {n.amount()}.",
    lambda n: f"We need {n.integer(2, 40)} boxes of {n.goods()}.",
    lambda n: f"{n.company()} delivers on {n.date()}.",
    lambda n: f"The {n.word('noun')} is next to the {n.word('noun')}.",
    lambda n: f"{n.first_name()} likes the {n.word('modifier')} {n.word('noun')}.",
    lambda n: f"Check the {n.word('noun')} before {n.date()}.",
    lambda n: f"{n.person()} will send the {n.word('noun')}.",
    lambda n: f"Order more {n.goods()} from {n.company()}.",
    lambda n: f"The {n.word('noun')} starts at {n.time()}.",
    lambda n: f"Bring {n.goods()} and {n.goods()}.",
    lambda n: f"The reference is {n.code()}.",
    lambda n: f"{n.first_name()} and {n.first_name()} share the {n.word('noun')}.",
    lambda n: f"Remember the {n.word('modifier')} {n.word('noun')}.",
    lambda n: f"It took {n.integer(2, 90)} minutes.",
    lambda n: f"Next visit: {n.date()}.",
    lambda n: f"The idea came from {n.person()}.",
    lambda n: f"Keep the {n.word('modifier')} {n.word('noun')} simple.",
)
"""Short plain sentences for notes and letters."""
