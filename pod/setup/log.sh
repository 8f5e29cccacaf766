#!/usr/bin/env bash
# Prints the last lines of a log of this pod, without control characters: log.sh NAME LINES
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

name=${1:-} lines=${2:-100}
[[ $lines =~ ^[0-9]{1,6}$ ]] || usage "log.sh NAME LINES"
[[ " ${SERVICES[*]} boot slurmctld.out slurmd.out " == *" $name "* ]] ||
    trouble unknown_log "there is no log $name here: boot ${SERVICES[*]}"
file=$LOGS/$name.log
[ "${name%.out}" = "$name" ] || file=$LOGS/$name
# A daemon that died early has said why on its standard error only.
if [ ! -s "$file" ] && [ -s "$LOGS/$name.out" ]; then
    file=$LOGS/$name.out
fi
[ -e "$file" ] || exit 0
tail -n "$lines" -- "$file" | cut -c1-4000 | tr -d '\000-\010\013-\037\177'
