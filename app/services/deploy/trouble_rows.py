"""Everything that is known to go wrong on the way to a cluster and back: what is billed then, and what to do.

One row a code; the code stays the same, for `--json` and for tests. What goes wrong on a pod has its words in `marks`;
docs/deploy-troubles.md is made of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.domain.frozen import frozen


class Billed(StrEnum):
    """What is paid for when it happens; the last line of every run says the sum."""

    AS_BEFORE = "what was billed before; nothing was added"
    MADE = "the pods that were made so far; they stay, so that the next run goes on with them"
    ALL = "all pods of the deployment"
    UNTOLD = "unknown until the provider answers: the next look counts"
    REST = "what the provider would not end, or would not show"


@frozen
class Row:
    """One kind of trouble."""

    happens: str
    """What happened, in general."""
    billed: Billed
    next: str
    """What to do; `{name}` is the deployment, `{node}` the node."""


DEPLOY = "gpu-watchdog deploy {name}"
DESTROY = "gpu-watchdog deploy {name} --destroy"

ROWS: Mapping[str, Row] = {
    # Before anything is made.
    "bad_wish": Row(
        "What was wished for cannot be built", Billed.AS_BEFORE, "Change the flag or the key of [deploy] that is named."
    ),
    "wish_differs": Row(
        "The deployment exists and was wished for otherwise",
        Billed.AS_BEFORE,
        f"Leave these flags out to go on with it, use --scale for its size, or end it first: {DESTROY}.",
    ),
    "no_key": Row(
        "There is no API key",
        Billed.AS_BEFORE,
        "Set RUNPOD_API_KEY, or name a file with the key (0600) in [deploy] api_key_file.",
    ),
    "no_hf_token": Row(
        "The Hugging Face token cannot be read",
        Billed.AS_BEFORE,
        "Name a file with the token (0600) in [deploy] hf_token_file, or leave it empty for models that need none.",
    ),
    "key_refused": Row(
        "The provider does not take the API key (401)",
        Billed.UNTOLD,
        "Make a new key in the provider's console, put it where [deploy] api_key_file or RUNPOD_API_KEY says, and run "
        f"again: {DEPLOY}.",
    ),
    "forbidden": Row(
        "The key may not do this (403)",
        Billed.AS_BEFORE,
        "Give the key the right to read and write pods in the provider's console, or choose other GPU types.",
    ),
    "no_balance": Row(
        "The account's balance is too low (402)",
        Billed.MADE,
        f"Add credit in the provider's console and run again: {DEPLOY}. At a balance of 0 it ends pods by itself.",
    ),
    "no_terraform": Row(
        "Terraform is not there",
        Billed.AS_BEFORE,
        "Install Terraform 1.6 or newer, or OpenTofu, or name it in [deploy] terraform.",
    ),
    "terraform_version": Row(
        "Terraform is too old",
        Billed.AS_BEFORE,
        "Install Terraform 1.6 or newer, or name another in [deploy] terraform.",
    ),
    "terraform_init": Row(
        "Terraform could not be initialised",
        Billed.AS_BEFORE,
        "See that its registry can be reached, or that your mirror holds the provider; then run again: " + DEPLOY + ".",
    ),
    "terraform_config": Row(
        "Terraform does not take the module or its variables",
        Billed.AS_BEFORE,
        "Look at [deploy] overlay and at what Terraform said; without an overlay this is a mistake of ours: report it.",
    ),
    "terraform_locked": Row(
        "Another Terraform holds the state",
        Billed.AS_BEFORE,
        f"Wait for the other run, or end it, then run again: {DEPLOY}.",
    ),
    "terraform_stale": Row(
        "The plan was overtaken by another change", Billed.AS_BEFORE, f"Run again for a new plan: {DEPLOY}."
    ),
    "plan_destroys": Row(
        "Terraform would end pods that nobody asked to end",
        Billed.AS_BEFORE,
        "Look at the plan: gpu-watchdog deploy {name} --plan. If a pod is to go, say so with --replace or --scale.",
    ),
    "plan_loses_volume": Row(
        "Terraform would end the network volume, and the model's weights on it",
        Billed.AS_BEFORE,
        "Wish for the size and the data centre that it was made with, or end it with all the rest: gpu-watchdog deploy "
        "{name} --destroy --delete-volume.",
    ),
    "over_budget": Row(
        "It would cost more than the cap",
        Billed.MADE,
        "Raise --max-cost-per-hour, wish for fewer or smaller nodes, or name cheaper GPU types.",
    ),
    "price_unknown": Row(
        "A price is not known, so the cap cannot be kept",
        Billed.MADE,
        "Name the price in [prices], or leave --max-cost-per-hour out.",
    ),
    "no_offer": Row(
        "Nothing in the catalogue fits the wish",
        Billed.MADE,
        "Name other GPU types or data centres, or fewer GPUs a node; the reasons stand above.",
    ),
    "held": Row("Another run works on this deployment", Billed.AS_BEFORE, "Wait for it, or end it; then run again."),
    "no_such": Row("There is no such deployment", Billed.AS_BEFORE, "See which there are: gpu-watchdog deploy --list."),
    "which_one": Row("There are several deployments", Billed.AS_BEFORE, "Say which one: gpu-watchdog deploy NAME …"),
    "record_broken": Row(
        "The deployment's record cannot be read",
        Billed.UNTOLD,
        f"Bring {{file}} back from a backup, or end what is left of it by its name: {DESTROY}.",
    ),
    "record_unwritable": Row(
        "The deployment's record cannot be written",
        Billed.MADE,
        f"Make room on the disk and see that the folder is yours, then run again: {DEPLOY}.",
    ),
    # While pods are made.
    "no_capacity": Row(
        "No candidate had capacity",
        Billed.MADE,
        f"Run again later: {DEPLOY}; with more types (--gpu) or data centres there are more candidates.",
    ),
    "request_refused": Row(
        "The provider refuses the request itself (400, 422)",
        Billed.MADE,
        "The provider's words say what it dislikes: change the image, the disk or the GPU type, then run again.",
    ),
    "rate_limited": Row(
        "The provider wants fewer requests (429)", Billed.MADE, f"Wait a minute, then run again: {DEPLOY}."
    ),
    "provider_down": Row(
        "The provider does not answer, or with an error of its own (5xx)",
        Billed.UNTOLD,
        f"Look at the provider's status page, then run again: {DEPLOY}; what was made meanwhile is found then.",
    ),
    "provider_conflict": Row(
        "The provider says that this cannot be done to a pod now (409)",
        Billed.MADE,
        f"Run again in a minute: {DEPLOY}.",
    ),
    "terraform_failed": Row(
        "Terraform failed for a reason of its own", Billed.MADE, f"See what it said, then run again: {DEPLOY}."
    ),
    "terraform_killed": Row(
        "Terraform was ended from outside", Billed.MADE, f"Run again: {DEPLOY}; pods it made meanwhile are found then."
    ),
    "interrupted": Row(
        "The run was interrupted",
        Billed.MADE,
        f"Run again to go on: {DEPLOY}; or end all of it: {DESTROY}.",
    ),
    "timeout": Row(
        "The run took longer than --timeout", Billed.MADE, f"Run again to go on: {DEPLOY}, with a longer --timeout."
    ),
    "step_timeout": Row("A step took longer than it may", Billed.MADE, f"Run again: {DEPLOY} goes on at this step."),
    "too_late": Row(
        "Its time to live is over",
        Billed.ALL,
        f"End it: {DESTROY}; or give it more time: gpu-watchdog deploy {{name}} --ttl 12h.",
    ),
    # While pods start and become a cluster.
    "pod_error": Row(
        "A pod ended in an error, twice",
        Billed.MADE,
        "Look at the pod's logs in the provider's console and at the image; or try another place: "
        "gpu-watchdog deploy {name} --replace {node}.",
    ),
    "pod_gone": Row(
        "A pod was ended by somebody else, twice",
        Billed.MADE,
        f"See who ends pods of this account, then run again: {DEPLOY}.",
    ),
    "pod_never_ready": Row(
        "A pod is never ready",
        Billed.ALL,
        "Give it another place: gpu-watchdog deploy {name} --replace {node}; a large image may only need more time: "
        f"run again: {DEPLOY}.",
    ),
    "no_address": Row(
        "A pod runs, but its ssh port is not mapped",
        Billed.ALL,
        "Give it another place: gpu-watchdog deploy {name} --replace {node}.",
    ),
    "gpus_missing": Row(
        "A node has fewer GPUs than are paid for",
        Billed.ALL,
        "Give it another place: gpu-watchdog deploy {name} --replace {node}.",
    ),
    "gpus_sick": Row(
        "A GPU of a node is sick", Billed.ALL, "Give it another place: gpu-watchdog deploy {name} --replace {node}."
    ),
    "no_pods": Row(
        "There are no pods to go on with (--skip-infra)", Billed.AS_BEFORE, f"Run without --skip-infra: {DEPLOY}."
    ),
    # Afterwards.
    "jobs_running": Row(
        "Jobs still run on a node that is to go",
        Billed.ALL,
        "Wait longer, or cancel them: run the same again with --cancel.",
    ),
    "no_such_node": Row(
        "The deployment has no such node", Billed.AS_BEFORE, "See its nodes: gpu-watchdog deploy {name} --status."
    ),
    "not_formed": Row("The cluster was never formed", Billed.AS_BEFORE, f"Bring it up first: {DEPLOY}."),
    "still_there": Row(
        "The provider still lists pods that were ended",
        Billed.REST,
        f"Run again: {DESTROY}; if they stay, end them in the provider's console by the ids above.",
    ),
    "volume_stays": Row(
        "A network volume could not be deleted",
        Billed.REST,
        f"Run again: {DESTROY}; or delete it in the provider's console.",
    ),
    "unproven": Row(
        "The provider could not be asked whether anything is left",
        Billed.UNTOLD,
        f"Run again when it answers: {DESTROY}.",
    ),
}
