#!/usr/bin/env bash
# Prints how everything on this pod stands, as key=value lines; it asks and changes nothing.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=model.sh
. "$HERE/model.sh"
# shellcheck source-path=SCRIPTDIR source=slurm.sh
. "$HERE/slurm.sh"

ASK_S=10

[ $# = 0 ] || usage "status.sh takes no arguments"
for name in "${SERVICES[@]}"; do
    while IFS='=' read -r key value; do
        if [ "$key" = state ]; then
            say "service.$name" "$value"
        elif [ -n "$value" ]; then
            say "service.$name.$key" "$value"
        fi
    done < <(supervise status "$name")
done
if command -v munge >/dev/null; then
    if munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then say munge ok; else say munge down; fi
fi
if [ "$(service_state exporter)" = running ] && accepts 127.0.0.1 "$(exporter_port)"; then say exporter ok; else say exporter down; fi
role=$(recalled role)
node=$(recalled node)
if [ -n "$role" ]; then
    say slurm.role "$role"
    say slurm.node "$node"
    listens=$(recalled listens)
    if [ -n "$listens" ]; then
        say slurm.listens "$listens"
        # What is started from now on binds there: a container's engine may have written /etc/hosts anew since.
        if [ "$(own_address)" = "$listens" ]; then say slurm.own_name ok; else say slurm.own_name lost; fi
    fi
    if timeout "$ASK_S" scontrol ping 2>/dev/null | grep -q 'is UP'; then
        say slurm.controller up
        record=$(node_record "$node")
        [ -z "$record" ] || say slurm.state "$(field_of State <<<"$record")"
    else
        say slurm.controller down
    fi
fi
model=$(model_state)
say model "$model"
if [ "$model" = failed ] || [ "$model" = starting ]; then
    say model.reason "$(model_reason)"
fi
if [ -s "$RUN/watchdog.status" ]; then
    while IFS='=' read -r key value; do
        [ -z "$value" ] || say "watchdog.$key" "$value"
    done <"$RUN/watchdog.status"
fi
