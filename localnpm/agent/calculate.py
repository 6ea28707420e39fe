"""The `calculate` tool's arithmetic: + - * / ( ) and decimals, as PROTOCOL says. No names, no powers, no `eval`."""

import re

_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|[-+*/()])")
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "negate": 3}


def calculate(expression: str) -> str:
    """The expression's value with at most two decimals and no trailing zeros.

    Raises:
        ValueError: not such an expression, a division by zero, or a value beyond a float's range.
    """
    try:
        text = f"{_value(expression):.2f}"
    except ZeroDivisionError as error:
        raise ValueError(f"division by zero in {expression}") from error
    if not text.lstrip("-")[0].isdigit():
        raise ValueError(f"out of range: {expression}")
    text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _tokens(expression: str) -> list[str]:
    expression = expression.strip()
    tokens, position = [], 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"not arithmetic: {expression}")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _value(expression: str) -> float:
    """Shunting-yard (Dijkstra 1961): two stacks instead of recursion, so that no depth of brackets is too much."""
    values: list[float] = []
    waiting: list[str] = []

    def settle(binds: int) -> None:
        while waiting and waiting[-1] != "(" and _BINDS[waiting[-1]] >= binds:
            _apply(waiting.pop(), values)

    operand_next = True
    for token in _tokens(expression):
        if operand_next:
            if token == "-":
                waiting.append("negate")
            elif token == "(":
                waiting.append(token)
            elif token in "+*/)":
                raise ValueError(f"a number is missing in {expression}")
            else:
                values.append(float(token))
                operand_next = False
        elif token == ")":
            settle(0)
            if not waiting:
                raise ValueError(f"unmatched bracket in {expression}")
            waiting.pop()
        elif token in _BINDS:
            settle(_BINDS[token])
            waiting.append(token)
            operand_next = True
        else:
            raise ValueError(f"an operator is missing in {expression}")
    if operand_next or "(" in waiting:
        raise ValueError(f"unfinished: {expression}")
    settle(0)
    return values[0]


def _apply(operator: str, values: list[float]) -> None:
    right = values.pop()
    match operator:
        case "negate":
            values.append(-right)
        case "+":
            values.append(values.pop() + right)
        case "-":
            values.append(values.pop() - right)
        case "*":
            values.append(values.pop() * right)
        case _:
            values.append(values.pop() / right)
