#!/usr/bin/env bash
# Tells whether two pods trust each other: one makes a credential, the other reads it. Same key, and clocks close enough.
#
#   munge-check.sh --make | munge-check.sh --verify      (a credential on standard input)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

command -v munge >/dev/null || trouble no_slurm "munge is not on this pod: run install.sh without --no-slurm"
munge -n >/dev/null 2>&1 || trouble munge_failed "munged does not run here: bring the key first (munge-key.sh)"
case ${1:-} in
--make) munge -n ;;
--verify)
    said=$(unmunge 2>&1 || true)
    case $said in
    *Success*) say munge ok ;;
    *"Replayed credential"*) say munge ok ;; # read once before; the key and the clocks are right
    *"Expired credential"*) trouble clock_skew "the other pod's clock is behind this one's by more than munge's 5 min" ;;
    *"Rewound credential"*) trouble clock_skew "the other pod's clock is ahead of this one's by more than munge's 5 min" ;;
    *"Invalid credential"*) trouble munge_mismatch "the other pod has another munge key than this one" ;;
    *) trouble munge_mismatch "the credential was not taken: $(printf '%s' "$said" | grep STATUS || printf '%s' "$said")" ;;
    esac
    ;;
*) usage "munge-check.sh --make|--verify" ;;
esac
