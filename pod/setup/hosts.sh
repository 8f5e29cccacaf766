#!/usr/bin/env bash
# Makes the cluster's names known on this pod: lines `ADDRESS NAME` on standard input, which replace those of before.
# Without a line all that we wrote into /etc/hosts is taken back.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

need_root
need_python
make_folders
[ $# = 0 ] || usage "hosts.sh takes its lines on standard input"
rows=() asked=()
while read -r address name rest; do
    [ -n "$address" ] || continue
    [[ -n $name && -z $rest && $name =~ ^[a-z0-9][a-z0-9-]*$ && $address =~ ^[A-Za-z0-9.:-]+$ ]] ||
        usage "hosts.sh: a line is ADDRESS NAME"
    found=$(need_address "$address" "the address of $name")
    rows+=("$found $name")
    asked+=("$address $name")
done
[ -z "$(full_place /etc)" ] || trouble disk_full "there is no room for the names of the pods in /etc/hosts"
printf '%s\n' "${rows[@]}" | "$PYTHON" -m pod.setup.hosts block
# As it was asked for: a container that starts again has a fresh /etc/hosts, and maybe another address (boot.sh).
printf '%s\n' "${asked[@]}" | put 644 root:root "$STATE/hosts"
say hosts "${#rows[@]}"
