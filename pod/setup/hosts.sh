#!/usr/bin/env bash
# Makes the cluster's names known on this pod: lines `ADDRESS NAME` on standard input, which replace those of before.
#
# /etc/hosts is rewritten in place: in a container it is a mount, which nothing can be moved over.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BEGIN="# gpu-watchdog: begin"
END="# gpu-watchdog: end"

need_root
[ $# = 0 ] || usage "hosts.sh takes its lines on standard input"
rows=()
while read -r address name rest; do
    [ -n "$address" ] || continue
    [[ -n $name && -z $rest && $name =~ ^[a-z0-9][a-z0-9-]*$ && $address =~ ^[A-Za-z0-9.:-]+$ ]] ||
        usage "hosts.sh: a line is ADDRESS NAME"
    found=$(address_of "$address")
    [ -n "$found" ] || trouble bad_address "$address, the address of $name, does not resolve on this pod"
    rows+=("$found $name")
done
[ -z "$(full_place /etc)" ] || trouble disk_full "there is no room for the names of the pods in /etc/hosts"
kept=$(sed "/^$BEGIN\$/,/^$END\$/d" /etc/hosts)
if [ ${#rows[@]} -gt 0 ]; then
    printf '%s\n%s\n' "$kept" "$BEGIN" >/etc/hosts
    printf '%s\n' "${rows[@]}" >>/etc/hosts
    printf '%s\n' "$END" >>/etc/hosts
else
    printf '%s\n' "$kept" >/etc/hosts
fi
say hosts "${#rows[@]}"
