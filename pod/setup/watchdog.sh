#!/usr/bin/env bash
# Ends this pod by itself when its time is over or nobody uses it; told neither, it stops watching.
#
#   watchdog.sh [--ttl-at EPOCH] [--idle-s N] [--api URL]
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

STARTS_WITHIN_S=15

ttl_at=0 idle_s=0 more=()
while [ $# -gt 0 ]; do
    case $1 in
    --ttl-at) ttl_at=${2:-} && shift 2 ;;
    --idle-s) idle_s=${2:-} && shift 2 ;;
    --api | --every-s) more+=("$1" "${2:-}") && shift 2 ;;
    *) usage "watchdog.sh: unknown argument $1" ;;
    esac
done
[[ $ttl_at =~ ^[0-9]+(\.[0-9]+)?$ && $idle_s =~ ^[0-9]+(\.[0-9]+)?$ ]] ||
    usage "watchdog.sh: --ttl-at takes epoch seconds, --idle-s seconds"

is_over_or_looked() { [ "$(service_state watchdog)" != running ] || [ -s "$RUN/watchdog.status" ]; }

need_root
need_python
make_folders
if [[ $ttl_at =~ ^[0.]+$ && $idle_s =~ ^[0.]+$ ]]; then
    supervise stop watchdog
    rm -f -- "$RUN/watchdog.status"
    say watchdog stopped
    exit 0
fi
port=$(recalled model-port)
words=(--ttl-at "$ttl_at" --idle-s "$idle_s" --state "$STATE" --status "$RUN/watchdog.status")
words+=(--model-url "http://127.0.0.1:${port:-8000}/metrics" --stop "$HERE/stop-model.sh" --stop "$HERE/stop-slurm.sh" "${more[@]}")
[ "$(service_state watchdog)" = running ] || rm -f -- "$RUN/watchdog.status"
supervise start watchdog --final 64 -- "$PYTHON" -m pod.watchdog "${words[@]}"
if ! await "$STARTS_WITHIN_S" is_over_or_looked || [ "$(service_state watchdog)" != running ]; then
    trouble failed "the watchdog does not run: $(last_words "$LOGS/watchdog.log")"
fi
can_end=yes
if [ -z "$(container_variable RUNPOD_API_KEY)" ] || [ -z "$(container_variable RUNPOD_POD_ID)" ]; then
    can_end=no
    note "this pod has no RUNPOD_API_KEY or RUNPOD_POD_ID: the watchdog can stop its services and not end it"
fi
say watchdog running
say can_end "$can_end"
