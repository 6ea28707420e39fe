"""Times as the memory keeps them: UTC, ISO 8601, to the microsecond, so that text order is time order."""

from datetime import UTC, datetime, timedelta


def stamp(time: datetime) -> str:
    """The text for a time that knows its zone."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def now() -> str:
    """The text for this moment."""
    return stamp(datetime.now(UTC))


def days_ago(days: float) -> str:
    """The text for the moment that many days before this one."""
    return stamp(datetime.now(UTC) - timedelta(days=days))


def parse(text: str | None) -> datetime | None:
    """The time that a column holds."""
    return None if text is None else datetime.fromisoformat(text)
