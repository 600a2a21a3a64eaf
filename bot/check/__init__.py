"""`rescind check`: what an operator should know before users find out. It changes nothing."""

from bot.check.checks import passed, run_checks
from bot.check.finding import Finding, Grade
from bot.check.report import report

__all__ = ["Finding", "Grade", "passed", "report", "run_checks"]
