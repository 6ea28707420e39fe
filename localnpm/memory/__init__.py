"""The memory of one user: a SQLite file that logs every attempt. It knows nothing of the model that made them."""
