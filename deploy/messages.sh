# shellcheck shell=bash
# What is said, and how it ends: 1 it failed, 2 wrong usage, 3 something is missing.

say() { printf '%s\n' "$*"; }

# A step that takes a while.
step() { printf '· %s\n' "$*" >&2; }

warn() { printf 'warning: %s\n' "$*" >&2; }

# end_with CODE WHAT WHAT_TO_DO
end_with() {
  printf 'error: %s\n' "$2" >&2
  printf '  → %s\n' "$3" >&2
  exit "$1"
}

fail() { end_with 1 "$@"; }
refuse() { end_with 2 "$@"; }
missing() { end_with 3 "$@"; }

# confirmed QUESTION: only a person's yes counts.
confirmed() {
  [ -t 0 ] || return 1
  local answer
  printf '%s [y/N] ' "$1" >&2
  read -r answer || return 1
  case $answer in y | Y | yes | Yes) return 0 ;; *) return 1 ;; esac
}
