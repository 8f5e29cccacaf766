#!/usr/bin/env bash
# Stops Slurm's daemons on this pod, and munged with them: stop-slurm.sh [--keep-munge]. Jobs that run here go on.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

names=(slurmd slurmctld munge)
case ${1:-} in
"") ;;
--keep-munge) names=(slurmd slurmctld) ;;
*) usage "stop-slurm.sh [--keep-munge]" ;;
esac
need_root
stopped=()
for name in "${names[@]}"; do
    [ "$(service_state "$name")" = stopped ] || stopped+=("$name")
    supervise stop "$name"
done
say stopped "${stopped[*]:-}"
