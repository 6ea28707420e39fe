"""File tasks of a user with hidden habits: twenty families, their expert policies and their verifiers.

A *task* is one request in a random workspace. A *profile* says how its user likes things done (a habit has a
variant). The expert policy of a family carries the task out as the profile asks; the verifier compares the end
state and the answer with it. The bundled model's training documents (`models/recipe/corpus.py`) and the held-out
episodes (`episodes.py`) are made of these.

Everything here is a function of a seeded `random.Random`: the same seed gives the same bytes on every machine.
"""
