#!/bin/sh
# Starts vLLM on a pod: waits for its volume, finds Python, hands over to pod.vllm. Flags go through; see --help.
#
# Secrets are read from files that only their owner may read, never from the command line: with $HF_TOKEN in the pod's
# environment (as a provider's secret store puts it there) it is moved into such a file first.
set -eu

volume=${GPU_WATCHDOG_VLLM_VOLUME:-/workspace}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)

tries=0
until mkdir -p "$volume/run" 2>/dev/null && [ -w "$volume/run" ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
        echo "vllm guard: $volume cannot be written after 2 min: is the volume attached? GPU_WATCHDOG_VLLM_VOLUME names another" >&2
        exit 69
    fi
    sleep 2
done

if [ -n "${HF_TOKEN:-}" ] && [ -z "${GPU_WATCHDOG_VLLM_HF_TOKEN_FILE:-}" ]; then
    GPU_WATCHDOG_VLLM_HF_TOKEN_FILE=${XDG_RUNTIME_DIR:-/dev/shm}/hf-token
    (umask 077 && rm -f "$GPU_WATCHDOG_VLLM_HF_TOKEN_FILE" && printf '%s\n' "$HF_TOKEN" >"$GPU_WATCHDOG_VLLM_HF_TOKEN_FILE")
    export GPU_WATCHDOG_VLLM_HF_TOKEN_FILE
    unset HF_TOKEN
fi

export GPU_WATCHDOG_VLLM_VOLUME="$volume"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" -m pod.vllm "$@"
