# shellcheck shell=bash
# What the scripts of the model server share. Sourced after lib.sh.
# shellcheck disable=SC2034  # read by those who source this

# pod.vllm starts the server again by itself; with these it has given up, or vLLM cannot be installed (71).
FINAL_CODES="64 69 70 71"
INSTALL_FAILED=71
# Requests under way have 30 s, the server a minute after that.
STOP_S=100
VLLM_ENV=$ROOT/vllm-env

find_vllm() {
    if [ -x "$VLLM_ENV/bin/vllm" ]; then
        printf '%s\n' "$VLLM_ENV/bin/vllm"
    else
        command -v vllm || true
    fi
}

ready_file() {
    local volume
    volume=$(recalled model-volume)
    printf '%s/run/vllm.ready\n' "${volume:-/workspace}"
}

# ready, starting, failed or stopped
model_state() {
    case $(service_state vllm) in
    running) if [ -e "$(ready_file)" ]; then echo ready; else echo starting; fi ;;
    waiting) echo starting ;;
    failed) echo failed ;;
    *) echo stopped ;;
    esac
}

model_reason() {
    local line
    line=$(tail -n 200 -- "$LOGS/vllm.log" 2>/dev/null | grep -E '^vllm (guard|install): ' | tail -n 1 || true)
    printf '%s' "${line:-$(last_words "$LOGS/vllm.out" "$LOGS/vllm.log")}"
}
