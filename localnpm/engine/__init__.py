"""Everything that touches llama.cpp: load a model, stream and score tokens, steer and read its residual stream.

Importing this package loads nothing; `localnpm.engine.model` loads llama.cpp when the first model is opened.
"""
