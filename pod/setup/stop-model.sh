#!/usr/bin/env bash
# Stops the model server; requests under way may end first.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=model.sh
. "$HERE/model.sh"

[ $# = 0 ] || usage "stop-model.sh takes no arguments"
need_root
stopped=""
[ "$(service_state vllm)" = stopped ] || stopped=vllm
supervise stop vllm --stop-s "$STOP_S"
rm -f -- "$(ready_file)" "$SECRETS/hf-token" "$SECRETS/model-key"
say stopped "$stopped"
