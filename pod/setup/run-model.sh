#!/usr/bin/env bash
# Under supervise.sh: fetches vLLM where it is missing and wanted, then becomes its guard. run-model.sh yes|no WORDS …
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=model.sh
. "$HERE/model.sh"

installs=$1
shift
log=$LOGS/vllm.log

tell() { printf 'vllm install: %s\n' "$*" >>"$log"; }

fetch() {
    local version
    version=$(<"$HERE/vllm-version")
    tell "vLLM $version is fetched into $VLLM_ENV"
    # Debian and Ubuntu keep venv in a package of its own.
    "$PYTHON" -m venv "$VLLM_ENV" >>"$log" 2>&1 ||
        { apt-get -q -y install python3-venv >>"$log" 2>&1 && "$PYTHON" -m venv "$VLLM_ENV" >>"$log" 2>&1; } ||
        return 1
    env -u PYTHONPATH "$VLLM_ENV/bin/python" -m pip install --no-input --disable-pip-version-check --no-cache-dir \
        --progress-bar off "vllm==$version" >>"$log" 2>&1
}

need_python
server=$(find_vllm)
if [ -z "$server" ]; then
    [ "$installs" = yes ] || exit "$INSTALL_FAILED"
    if ! fetch; then
        rm -rf -- "$VLLM_ENV"
        tell "vLLM could not be installed: $(grep -iE '^(ERROR|E):' "$log" | tail -n 1 || true)"
        exit "$INSTALL_FAILED"
    fi
    server=$(find_vllm)
    tell "done"
fi
export PYTHON
exec sh "$ROOT/pod/vllm/start.sh" --vllm "$server" "$@"
