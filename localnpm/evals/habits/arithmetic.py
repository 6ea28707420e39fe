"""The `calculate` tool: + - * / and parentheses over decimal numbers, without `eval`."""

import re

_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|[-+*/()])")
_END = ""


def calculate(expression: str) -> str:
    """The value of an expression, at most two decimals.

    Raises ValueError, ZeroDivisionError, OverflowError or RecursionError where there is none.
    """
    return format_number(_Parser(expression).value())


def format_number(value: float) -> str:
    """`3.50` -> `3.5`, `2.00` -> `2`, `-0.001` -> `0`. Raises ValueError for infinities and not-a-number."""
    text = f"{value:.2f}"
    if text in ("inf", "-inf", "nan"):
        raise ValueError(text)
    text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class _Parser:
    """Recursive descent; the tokens end in an empty string."""

    def __init__(self, expression: str) -> None:
        expression = expression.strip()
        self._tokens: list[str] = []
        self._next = 0
        end = 0
        while end < len(expression):
            match = _TOKEN.match(expression, end)
            if not match:
                raise ValueError(expression)
            self._tokens.append(match[1])
            end = match.end()
        self._tokens.append(_END)

    def value(self) -> float:
        value = self._sum()
        if self._token() != _END:
            raise ValueError(self._token())
        return value

    def _token(self) -> str:
        return self._tokens[self._next]

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1]

    def _sum(self) -> float:
        value = self._product()
        while self._token() in ("+", "-"):
            if self._take() == "+":
                value += self._product()
            else:
                value -= self._product()
        return value

    def _product(self) -> float:
        value = self._factor()
        while self._token() in ("*", "/"):
            if self._take() == "*":
                value *= self._factor()
            else:
                value /= self._factor()
        return value

    def _factor(self) -> float:
        token = self._take()
        if token == "-":
            return -self._factor()
        if token == "(":
            value = self._sum()
            if self._take() != ")":
                raise ValueError(token)
            return value
        if token == _END or token in "+*/)":
            raise ValueError(token)
        return float(token)
