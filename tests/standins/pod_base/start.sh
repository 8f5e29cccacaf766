#!/usr/bin/env bash
# Plays the start script of RunPod's images: the hook first, whose error ends the start; sshd where there is a key; the
# variables kept for logins; then nothing more. Without its nginx and Jupyter, of which nothing of ours knows.
set -e

hook() {
    if [ -f "$1" ]; then
        echo "running $1"
        bash "$1"
    fi
}

hook /pre_start.sh
echo "pod started"
if [ -n "${PUBLIC_KEY:-}" ]; then
    mkdir -p ~/.ssh
    printf '%s\n' "$PUBLIC_KEY" >>~/.ssh/authorized_keys
    chmod -R go= ~/.ssh
    ssh-keygen -A
    service ssh start
fi
printenv | grep -v '^PUBLIC_KEY=' | sed -n 's/^\([A-Z_][A-Z0-9_]*\)=\(.*\)$/export \1="\2"/p' >/etc/rp_environment
echo 'source /etc/rp_environment' >>~/.bashrc
echo "pod is ready"
hook /post_start.sh
exec sleep infinity
