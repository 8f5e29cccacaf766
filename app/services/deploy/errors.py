"""Errors of provider and Terraform as troubles for a person: what happened, what to do, under a code of the table."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.deployment import Deployment, Step, Trouble
from app.domain.naming import clean
from app.domain.refusals import Kind
from app.services.deploy.ports import DeployError, InfraError, ProviderError
from app.services.deploy.trouble_rows import ROWS

LONGEST = 500
"""Characters of a sentence out of somebody else's mouth."""
MOST_DETAILS = 40

_OF_PROVIDER = {
    Kind.AUTH: "key_refused",
    Kind.PAYMENT: "no_balance",
    Kind.FORBIDDEN: "forbidden",
    Kind.CAPACITY: "no_capacity",
    Kind.REQUEST: "request_refused",
    Kind.INVALID: "request_refused",
    Kind.MISSING: "pod_gone",
    Kind.CONFLICT: "provider_conflict",
    Kind.BUSY: "rate_limited",
    Kind.SERVER: "provider_down",
    Kind.NETWORK: "provider_down",
}
_OF_INFRA = {
    "missing": "no_terraform",
    "version": "terraform_version",
    "init": "terraform_init",
    "locked": "terraform_locked",
    "stale": "terraform_stale",
    "config": "terraform_config",
    "auth": "key_refused",
    "interrupted": "terraform_killed",
}


def trouble(
    code: str,
    what: str,
    *,
    name: str,
    node: str = "",
    details: Sequence[str] = (),
    step: Step | None = None,
    file: str = "",
) -> Trouble:
    """A trouble of the table; `what` is one sentence on what happened here."""
    remedy = ROWS[code].next.format(name=name, node=node or "NODE", file=file or "its deployment.json")
    told = tuple(clean(line, LONGEST) for line in details[-MOST_DETAILS:])
    return Trouble(_sentence(what), remedy, step, node, told, code)


def stop(
    code: str, what: str, *, name: str, node: str = "", details: Sequence[str] = (), file: str = ""
) -> DeployError:
    """The same as an error to raise."""
    return DeployError(trouble(code, what, name=name, node=node, details=details, file=file))


def code_of_kind(kind: str) -> str:
    """The table's code for a provider's no."""
    return _OF_PROVIDER.get(Kind(kind), "provider_down") if kind in set(Kind) else "provider_down"


def translated(error: DeployError | ProviderError | InfraError | OSError | TimeoutError, name: str) -> Trouble:
    """What any of the errors a verb may end with means for a person."""
    match error:
        case DeployError():
            return error.trouble
        case ProviderError():
            details = (error.detail,) if error.detail and error.detail not in str(error) else ()
            return trouble(code_of_kind(error.kind), str(error), name=name, details=details)
        case InfraError():
            return trouble(_OF_INFRA.get(error.kind, "terraform_failed"), str(error), name=name, details=error.details)
        case TimeoutError():
            return trouble("step_timeout", "A step took longer than it may.", name=name)
        case _:
            told = f"{error.filename or 'A file'}: {error.strerror or error}"
            return trouble("record_unwritable", told, name=name)


def words_of_billing(deployment: Deployment, now: float) -> str:
    """What is billed now, for the last line of a run: `lab costs $2.76/h on ($0.31 so far)`."""
    billing = deployment.billing
    spent = billing.until(now)
    so_far = f" (${spent:.2f} so far)" if spent >= 0.005 else ""
    if billing.per_hour <= 0:
        return f"no pod of {deployment.name} is billed{so_far}"
    count = sum(bool(node.pod_id) for node in deployment.nodes)
    pods = f"{count} pod{'s' if count != 1 else ''} of {deployment.name}" if count else f"{deployment.name}"
    return f"{pods} cost{'' if count > 1 else 's'} ${billing.per_hour:.2f}/h until ended{so_far}"


def _sentence(text: str) -> str:
    shown = clean(text, LONGEST).strip()
    return shown if shown.endswith((".", "!", "?", "…")) else f"{shown}."
