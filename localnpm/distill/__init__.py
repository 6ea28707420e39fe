"""Distillation, what is learned from the log: scripts and examples from trajectories, control vectors from contrasts.

Uses `memory` (the log and what is stored) and `engine` (the model); knows nothing of the agent or of front ends.
"""
