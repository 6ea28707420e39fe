"""Learning as the front ends see it: evidence, demonstrations, what follows a verdict, when to distil."""
