"""What joins agent, memory and distillation: guidance for a request, evidence, retries, due passes, practice."""
