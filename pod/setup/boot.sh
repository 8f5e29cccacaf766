#!/usr/bin/env bash
# What a pod of our image does by itself when it starts: the exporter, and the names of a cluster that it was in before,
# since a container that starts again has a fresh /etc/hosts. All else waits for `deploy`, which has the secrets.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

note "$(date -u +%FT%TZ) boot: this pod starts"
need_root
make_folders
install -d -m 700 -- "$SECRETS"
bash "$HERE/start-exporter.sh" >&2
bash "$HERE/facts.sh" >&2
if [ -s "$STATE/hosts" ]; then
    bash "$HERE/hosts.sh" <"$STATE/hosts" >&2 || note "boot: the names of the cluster are not known again: run deploy"
fi
note "$(date -u +%FT%TZ) boot: done"
