"""`rescind check`: what an operator should know before users find out. It changes nothing."""

from bot.check.checks import passed, run_checks
from bot.check.finding import Finding, Grade
from bot.check.report import report
from bot.check.running import all_findings

__all__ = ["Finding", "Grade", "all_findings", "passed", "report", "run_checks"]
