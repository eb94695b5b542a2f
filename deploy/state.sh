# shellcheck shell=bash
# What the script remembers between calls, in $STATE, one file for each thing.

remember() {
  make_state
  printf '%s\n' "$2" >"$STATE/$1.new"
  mv -f "$STATE/$1.new" "$STATE/$1"
}

# recall NAME [OTHERWISE]
recall() {
  if [ -s "$STATE/$1" ]; then cat "$STATE/$1"; else printf '%s\n' "${2:-}"; fi
}

make_state() {
  if ! (umask 077 && mkdir -p "$STATE" 2>/dev/null) || [ ! -w "$STATE" ]; then
    missing "$STATE can't be written" "give yourself the right to write in $(dirname "$STATE"), or set CLUSTER_STATE to a folder of yours"
  fi
}

# in_place COMMAND …: by the way the cluster was deployed.
in_place() {
  local what=$1 place
  shift
  place=$(recall place)
  case $place in
    docker | kubernetes) "${place}_${what}" "$@" ;;
    *) fail 'there is no cluster of this folder' './deploy-cluster.sh docker 3 1 starts one (or kubernetes 3 1)' ;;
  esac
}

# One folder, one cluster: what runs elsewhere would be forgotten.
other_place_is_free() {
  local place
  place=$(recall place "$1")
  [ "$place" = "$1" ] || fail "this folder's cluster runs on $place" \
    "./deploy-cluster.sh cleanup first, or set CLUSTER_STATE to another folder for a second cluster"
}
