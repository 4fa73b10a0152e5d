"""A check of ours for Schemathesis."""

import schemathesis
from schemathesis.openapi.checks import IgnoredAuth
from schemathesis.specs.openapi.checks import ignored_auth


@schemathesis.check
def wants_a_key(ctx, response, case):
    """As ignored_auth; but whoever sends one wrong key after the other, as that does, is told to wait, and not that they are wrong."""
    try:
        return ignored_auth(ctx, response, case)
    except IgnoredAuth as failure:
        if "got `429 " in failure.message:
            return None
        raise
