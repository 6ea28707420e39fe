"""What measures the agent: tasks with verifiers, and the harness that runs them under several conditions."""
