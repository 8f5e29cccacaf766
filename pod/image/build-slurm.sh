#!/usr/bin/env bash
# Builds Slurm out of its own repository and installs it below a folder: build-slurm.sh TAG COMMIT FOLDER [SOURCES]
#
# The tag says which version it is, the commit that it is really that: a tag can be moved, and then nothing is built.
# SOURCES: an unpacked tree to build instead of fetching one. slurmrestd is not built, so nothing can start it.
set -euo pipefail

tag=$1 commit=$2 folder=$3 sources=${4:-}
repository=https://github.com/SchedMD/slurm.git
# What the pods need: munge signs messages, json-c makes `--json`. No cgroups, PMIx, X11, database or REST.
options=(--prefix=/usr/local --sysconfdir=/etc/slurm --localstatedir=/var --with-munge --with-json --without-hwloc
    --without-pmix --disable-slurmrestd --disable-x11 --disable-static --disable-dependency-tracking)

if [ -z "$sources" ]; then
    sources=$(mktemp -d)
    git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$tag" "$repository" "$sources"
    found=$(git -C "$sources" rev-parse HEAD)
    if [ "$found" != "$commit" ]; then
        echo "build-slurm: $tag is $found and not $commit: nothing is built" >&2
        exit 1
    fi
fi
cd -- "$sources"
./configure --quiet "${options[@]}"
make --quiet -j "$(nproc)"
make --quiet install DESTDIR="$folder"
find "$folder" -type f \( -name '*.la' -o -name '*.a' \) -delete
find "$folder" -type f \( -name '*.so*' -o -perm -u+x \) -exec strip --strip-unneeded {} + 2>/dev/null || true
rm -rf -- "$folder/usr/local/share/doc" "$folder/usr/local/share/man"
LD_LIBRARY_PATH="$folder/usr/local/lib/slurm" "$folder/usr/local/sbin/slurmd" -V
