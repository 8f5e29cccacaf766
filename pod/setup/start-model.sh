#!/usr/bin/env bash
# Serves a model with vLLM on loopback, in the background: weights take minutes, and status.sh tells how it stands.
#
#   start-model.sh --model NAME [--port N] [--volume DIR] [--install] [-- FLAGS of pod.vllm]
#
# Standard input: lines hf_token=… and model_key=…, each kept in memory for its owner alone. --install: fetch vLLM first.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=model.sh
. "$HERE/model.sh"

model="" port=8000 volume=/workspace installs=no
while [ $# -gt 0 ]; do
    case $1 in
    --model) model=${2:-} && shift 2 ;;
    --port) port=${2:-} && shift 2 ;;
    --volume) volume=${2:-} && shift 2 ;;
    --install) installs=yes && shift ;;
    --) shift && break ;;
    *) usage "start-model.sh: unknown argument $1" ;;
    esac
done
[[ -n $model && $model != -* && $port =~ ^[0-9]+$ && $volume == /* ]] ||
    usage "start-model.sh: --model NAME [--port N] [--volume DIR]"

take_secrets() {
    local line
    rm -f -- "$SECRETS/hf-token" "$SECRETS/model-key"
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        hf_token=?*) (umask 077 && printf '%s\n' "${line#*=}" >"$SECRETS/hf-token") ;;
        model_key=?*) (umask 077 && printf '%s\n' "${line#*=}" >"$SECRETS/model-key") ;;
        "" | hf_token= | model_key=) ;;
        *) usage "start-model.sh: standard input has lines hf_token=… and model_key=…" ;;
        esac
    done
}

need_root
need_python
make_folders
install -d -m 700 -- "$SECRETS"
take_secrets
words=(--model "$model" --port "$port" --volume "$volume" --log "$LOGS/vllm.log")
stamp=none
for name in hf-token model-key; do
    [ -s "$SECRETS/$name" ] || continue
    stamp=$stamp-$(sha256sum <"$SECRETS/$name" | cut -c1-8)
done
[ ! -s "$SECRETS/hf-token" ] || words+=(--hf-token-file "$SECRETS/hf-token")
[ ! -s "$SECRETS/model-key" ] || words+=(--api-key-file "$SECRETS/model-key")
if [ -z "$(find_vllm)" ] && [ "$installs" = no ]; then
    trouble no_model_server "vllm is not on this pod: give --install, or take an image that has it"
fi
need_port vllm 127.0.0.1 "$port"
remember model-volume "$volume"
remember model-port "$port"
[[ $(service_state vllm) == running ]] || rm -f -- "$(ready_file)"
started=$(supervise start vllm --final "$FINAL_CODES" --log "$LOGS/vllm.out" --stop-s "$STOP_S" --stamp "$stamp" -- \
    bash "$HERE/run-model.sh" "$installs" "${words[@]}" "$@")
say model "$(model_state)"
say log vllm
say "${started%%=*}" "${started#*=}"
