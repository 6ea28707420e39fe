"""A text household: rooms, rules, policies and scripts, in the words of ALFWorld's public games, without its engine.

The simulator answers string for string what ALFWorld's engine answers, without PDDL, and draws rooms that
are in no public game; so a model can be trained and judged here, and judged again in the games themselves.

- `goals`: the six task types and their wordings      - `room`: where everything is at the start
- `house`: a running game                             - `tables`, `sampling`: new rooms from counts
- `text`: system text, tool calls, trajectories       - `play`: episodes
- `policies`, `careless`: an expert and seven careless players      - `scripts`: what is written down of it
"""

from localnpm.evals.household.careless import CARELESS
from localnpm.evals.household.goals import Goal, TaskType, goal_text, parse_goal
from localnpm.evals.household.house import House
from localnpm.evals.household.observations import HELP, NOTHING
from localnpm.evals.household.play import Episode, example, good_episode, play, play_episode
from localnpm.evals.household.policies import Act, Answer, Careful
from localnpm.evals.household.room import Room
from localnpm.evals.household.sampling import sample_room
from localnpm.evals.household.scripts import script
from localnpm.evals.household.text import SYSTEM, Step, compact, first_message, system_prompt, tool_call, tool_response

__all__ = [
    "CARELESS",
    "HELP",
    "NOTHING",
    "SYSTEM",
    "Act",
    "Answer",
    "Careful",
    "Episode",
    "Goal",
    "House",
    "Room",
    "Step",
    "TaskType",
    "compact",
    "example",
    "first_message",
    "goal_text",
    "good_episode",
    "parse_goal",
    "play",
    "play_episode",
    "sample_room",
    "script",
    "system_prompt",
    "tool_call",
    "tool_response",
]
