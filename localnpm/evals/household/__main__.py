"""Success and steps of every policy in new rooms: `python -m localnpm.evals.household [EPISODES]`."""

import random
import sys
import time
from collections import defaultdict

from localnpm.evals.household import CARELESS, Careful, play_episode

LIMIT = 50


def measure(policy: type[Careful], episodes: int, rng: random.Random) -> str:
    """One line: success at all and within 30 commands, mean commands of a success, success by task type."""
    start = time.perf_counter()
    won_by_type: defaultdict[str, list[bool]] = defaultdict(list)
    lengths: list[int] = []
    for _ in range(episodes):
        episode = play_episode(rng, None, policy, LIMIT)
        won_by_type[episode.task_type].append(episode.won)
        if episode.won:
            lengths.append(len(episode.steps))
    seconds = time.perf_counter() - start
    short = sum(length <= 30 for length in lengths)
    by_type = ", ".join(f"{name} {sum(won) / len(won):.2f}" for name, won in sorted(won_by_type.items()))
    return (
        f"{policy.mode}: success {len(lengths) / episodes:.3f} (within 30 commands {short / episodes:.3f}), "
        f"{sum(lengths) / max(1, len(lengths)):.1f} commands, {episodes / seconds:.0f} episodes/s; {by_type}"
    )


def main() -> None:
    """Plays the careful policy the given number of times, the careless ones a quarter as often."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rng = random.Random(1)
    policies: tuple[type[Careful], ...] = (Careful, *CARELESS)
    for policy in policies:
        print(measure(policy, episodes if policy is Careful else max(1, episodes // 4), rng))


if __name__ == "__main__":
    main()
