#!/usr/bin/env bash
# What a pod of our image does by itself when it starts: the exporter. All else waits for `deploy`, which has the secrets.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

note "$(date -u +%FT%TZ) boot: this pod starts"
need_root
make_folders
install -d -m 700 -- "$SECRETS"
bash "$HERE/start-exporter.sh" >&2
bash "$HERE/facts.sh" >&2
note "$(date -u +%FT%TZ) boot: done"
