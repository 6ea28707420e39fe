"""Numbers as people read them: bytes, tokens, parameters. Decimal units, as on disks and the hub."""


def size(count: float) -> str:
    """Bytes with three significant digits at most: `8.5 MB`, `1.12 GB`, `312 B`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    digits = 2 if count < 9.995 else 1 if count < 99.95 else 0
    number = f"{count:.{digits}f}"
    return f"{number.rstrip('0').rstrip('.') if digits else number} {unit}"


def count(number: int) -> str:
    """A count in few characters: `312`, `1.8k`, `32k`."""
    if number < 1000:
        return str(number)
    thousands = f"{number / 1000:.1f}" if number < 9950 else f"{number / 1000:.0f}"
    return f"{thousands.removesuffix('.0')}k"


def parameters(count: int) -> str:
    """A count of parameters in millions or billions: `7.9 M`, `1.54 B`."""
    if count < 1_000_000:
        return f"{count:,}"
    if count < 999_500_000:
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e9:.3g} B"
