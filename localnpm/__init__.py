"""A personal agent that lives in a terminal, works offline, and learns how its user wants things done."""

import os

__version__ = "0.1.0"

# Threads that wait for each other spin for some microseconds and then sleep: never spinning halves a 0.5B model's speed
# on an idle machine, spinning for long starves other programs and, with them, ourselves (models/EXPERIMENTS.md has the
# figures). OpenMP reads this once, when llama.cpp or PyTorch loads it, and the two share it: so it must be set before
# either is imported, from whichever side that happens first.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
