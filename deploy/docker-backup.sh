# shellcheck shell=bash
# A backup is one .tar.gz, readable by its owner alone (it holds keys): `store`, as the coordinator's own snapshot,
# and a tar of each other volume. What writes a volume is paused for the copy, so that it is one moment's.

# VOLUME:SERVICE that writes it
readonly COPIED_VOLUMES='worker-key: certificates:nginx prometheus-data:prometheus alertmanager-data:alertmanager grafana-data:grafana'

docker_backup() {
  local file=${1:-$ROOT/backups/threads-cluster-$(date +%Y%m%d-%H%M%S).tar.gz} work
  docker_is_up
  case $file in /*) ;; *) file=$PWD/$file ;; esac
  [ ! -e "$file" ] || fail "$file is there already" 'name another file'
  umask 077
  mkdir -p "$(dirname "$file")" || fail "$(dirname "$file") can't be made" 'name a file where you may write'
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  step 'the store'
  in_coordinator "${THREADS_IN_CONTAINER[@]}" backup - >"$work/store" ||
    fail 'the store could not be read' './deploy-cluster.sh logs coordinator says why'
  copy_volumes "$work"
  printf 'threads-cluster backup 1\n%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$work/about"
  (cd "$work" && sha256sum about store ./*.tar >checksums)
  tar -C "$work" -czf "$file.new" .
  mv "$file.new" "$file"
  say "Backup: $file ($(du -h "$file" | cut -f 1)). It holds keys: keep it where only you can read it."
}

copy_volumes() {
  local entry volume service
  for entry in $COPIED_VOLUMES; do
    volume=${entry%%:*} service=${entry##*:}
    step "the volume $volume"
    [ -z "$service" ] || compose pause "$service" >/dev/null 2>&1 || warn "$service does not run: its volume is copied as it is"
    if ! volume_tar "$volume" -C /volume -cf - . >"$1/$volume.tar"; then
      [ -z "$service" ] || compose unpause "$service" >/dev/null 2>&1 || true
      fail "the volume $volume could not be copied" 'the line above says why; nothing was changed'
    fi
    [ -z "$service" ] || compose unpause "$service" >/dev/null 2>&1 || true
  done
}

# volume_tar VOLUME ARGUMENTS…: tar in a container that sees the volume as /volume, as root, without a network.
volume_tar() {
  local volume=$1
  shift
  docker run --rm -i --network none --user 0:0 --entrypoint tar -v "$(project)_$volume:/volume" "$(coordinator_image)" "$@"
}

project() { printf '%s\n' "${COMPOSE_PROJECT_NAME:-threads-cluster}"; }

coordinator_image() {
  local registry
  registry=$(setting IMAGE_REGISTRY '')
  printf '%sthreads-cluster/coordinator:%s\n' "${registry:+$registry/}" "$(setting IMAGE_TAG latest)"
}

# restore FILE: by the place of this folder's cluster; Docker where there is none yet.
restore() {
  [ -f "$1" ] || fail "there is no file $1" 'give the path of a backup, such as backups/threads-cluster-….tar.gz'
  local place
  place=$(recall place docker)
  "${place}_restore" "$1"
}

# unpack_backup FILE FOLDER: checks that it is one, and whole.
unpack_backup() {
  if ! tar -C "$2" -xzf "$1" 2>/dev/null || [ "$(head -n 1 "$2/about" 2>/dev/null)" != 'threads-cluster backup 1' ]; then
    fail "$1 is no backup of a cluster, or not a whole one" 'take a file that ./deploy-cluster.sh backup made'
  fi
  (cd "$2" && sha256sum --check --quiet checksums >/dev/null 2>&1) ||
    fail "$1 is damaged: its parts are not what was written" 'take another backup'
}

docker_restore() {
  local work volume entry
  docker_check 0
  work=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  unpack_backup "$1" "$work"
  if docker volume inspect "$(project)_coordinator-data" >/dev/null 2>&1; then
    fail 'there is a cluster already: a backup goes into an empty one' './deploy-cluster.sh backup, then ./deploy-cluster.sh cleanup, then restore again'
  fi
  make_state
  step 'making empty volumes'
  if ! compose build --quiet || ! compose up --no-start >/dev/null; then
    fail 'the containers could not be made' 'the lines above say why'
  fi
  remember place docker
  for entry in $COPIED_VOLUMES; do
    volume=${entry%%:*}
    step "the volume $volume"
    volume_tar "$volume" -C /volume -xpf - <"$work/$volume.tar" || fail "the volume $volume could not be filled" './deploy-cluster.sh cleanup --yes, then try again'
  done
  step 'the store'
  compose run --rm -T --no-deps coordinator restore - <"$work/store" || fail 'the store was refused' 'the line above says why'
  # Keys were shown when they were made.
  remember shown yes
  say 'Restored. ./deploy-cluster.sh docker N G starts the cluster, which goes on from there.'
}
