"""`localnpm doctor`: print the findings; exit with 1 if one is a problem."""

import json
import sys
from dataclasses import asdict

import click

from localnpm.cli.context import Context
from localnpm.plain import visible

MARKS = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def doctor(context: Context, as_json: bool) -> None:
    """Look at this machine, this installation and the home folder; say what is wrong and what to do about it."""
    from localnpm.doctor import examine

    findings = []
    for finding in examine(context.home):
        findings.append(finding)
        if not as_json:
            click.echo(f"{MARKS[finding.status]}{finding.name}: {visible(finding.detail)}")
            if finding.fix:
                click.echo(f"        -> {visible(finding.fix)}")
    problems = sum(finding.status == "problem" for finding in findings)
    if as_json:
        listed = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"schema": 1, "problems": problems, "findings": listed}, ensure_ascii=False, indent=2))
    else:
        warnings = sum(finding.status == "warning" for finding in findings)
        click.echo(f"{problems} problems, {warnings} warnings")
    sys.exit(1 if problems else 0)
