"""The Web API: `POST /api/{method}`, as strict as the real one about arguments, scopes and limits.

`http` is the edge, `method` the vocabulary, the other modules hold the methods by family.
"""

from bot.sandbox.slack.api.http import METHODS, api_endpoint

__all__ = ["METHODS", "api_endpoint"]
