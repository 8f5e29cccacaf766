"""Checks that `doctor` makes for `deploy`: Terraform, ssh, the key, and what is billed now. Nobody outside is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping

from app.cli.checks import Check
from app.config import paths
from app.config.secret import permission_problem
from app.config.settings import Deploy, Settings
from app.domain.deployment import Deployment, State
from app.domain.naming import clean
from app.present.units import format_money
from app.runtime.options import RuntimeOptions
from app.services.deploy.agreement import carrier
from app.services.deploy.folder import folder_of
from app.services.deploy.ports import InfraError
from app.services.deploy.record import RecordError, names, read_record
from app.services.deploy.secrets import KEY_VARIABLE, file_named
from app.services.terraform.binary import ask, find

GROUP = "deploy"
TOOLS = ("ssh", "ssh-keygen")


async def deploy_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """All of them; one line where nobody has ever deployed anything from here."""
    deploy, environ = settings.deploy, options.environ
    is_used = deploy.api_key_file or environ.get(KEY_VARIABLE) or paths.deployments_dir(options.state_dir).is_dir()
    if not is_used:
        told = (
            f"no key and no deployment; `gpu-watchdog deploy --plan` begins with {KEY_VARIABLE} or deploy.api_key_file"
        )
        return [Check(GROUP, "key", "note", told)]
    checks = [_key_check(settings, environ), await _terraform_check(deploy, environ), _tools_check(environ)]
    return [*checks, _daemon_check(options), *_deployment_checks(options)]


def _key_check(settings: Settings, environ: Mapping[str, str]) -> Check:
    if not settings.deploy.api_key_file:
        if environ.get(KEY_VARIABLE):
            return Check(GROUP, "key", "ok", f"from the variable {KEY_VARIABLE}")
        return Check(GROUP, "key", "warning", "none", f"set {KEY_VARIABLE} or deploy.api_key_file (0600)")
    path = file_named(settings, settings.deploy.api_key_file)
    try:
        problem = permission_problem(path)
    except OSError as error:
        return Check(GROUP, "key", "failed", f"{path}: {error.strerror or error}", "see settings: deploy.api_key_file")
    return Check(GROUP, "key", "warning" if problem else "ok", problem or f"{path} is private")


async def _terraform_check(deploy: Deploy, environ: Mapping[str, str]) -> Check:
    try:
        found = await ask(find(deploy.terraform, environ), environ)
    except InfraError as error:
        return Check(GROUP, "Terraform", "failed", str(error), "install Terraform or OpenTofu, 1.6 or newer")
    return Check(GROUP, "Terraform", "ok", f"{found.words} at {found.path}")


def _tools_check(environ: Mapping[str, str]) -> Check:
    missing = [name for name in TOOLS if shutil.which(name, path=environ.get("PATH")) is None]
    if missing:
        return Check(GROUP, "ssh", "failed", f"not there: {', '.join(missing)}", "install OpenSSH's client")
    return Check(GROUP, "ssh", "ok", ", ".join(TOOLS))


def _daemon_check(options: RuntimeOptions) -> Check:
    """Who finishes what a screen began that was left."""
    here = carrier(options.state_dir)
    if here:
        return Check(GROUP, "daemon", "ok", f"{here} goes on with what a screen began and left")
    told = "none that goes on with what a screen began: leaving the screen stops it (`serve`, with the key, goes on)"
    return Check(GROUP, "daemon", "note", told)


def _deployment_checks(options: RuntimeOptions) -> Iterator[Check]:
    """What is written down of each deployment; the provider itself is asked by `deploy --status`."""
    for name in names(options.state_dir):
        folder = folder_of(options.state_dir, name)
        try:
            yield _deployment_check(read_record(folder))
        except FileNotFoundError:
            continue
        except RecordError as error:
            yield Check(GROUP, name, "failed", str(error), f"gpu-watchdog deploy {name} --destroy finds what is left")


def _deployment_check(one: Deployment) -> Check:
    rate = one.billing.per_hour
    told = f"{one.state.value}, {format_money(rate)} is billed" if rate > 0 else f"{one.state.value}, nothing is billed"
    if one.state is State.READY or rate <= 0:
        return Check(GROUP, one.name, "ok" if one.state in (State.READY, State.DESTROYED) else "note", told)
    why = f": {clean(one.trouble.what, 300)}" if one.trouble is not None else ""
    advice = f"`gpu-watchdog deploy {one.name}` goes on, `--destroy` ends it"
    return Check(GROUP, one.name, "warning", told + why, advice)
