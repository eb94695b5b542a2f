# shellcheck shell=bash
# Backups of a cluster on Docker. What writes a volume is paused for the copy, so that it is one moment's.

# VOLUME:SERVICE that writes it
readonly COPIED_VOLUMES='worker-key: certificates:nginx prometheus-data:prometheus alertmanager-data:alertmanager grafana-data:grafana'

docker_backup() {
  docker_is_up
  begin_backup "${1:-}"
  step 'the store'
  if on_postgres; then
    dump_store "$BACKUP_FOLDER/store.dump"
    volume_tar coordinator-data -C /volume -cf - admin.key >"$BACKUP_FOLDER/admin-key.tar" ||
      fail "the admin's key could not be copied" 'the line above says why; nothing was changed'
  else
    in_coordinator "${THREADS_IN_CONTAINER[@]}" backup - >"$BACKUP_FOLDER/store" ||
      fail 'the store could not be read' './deploy-cluster.sh logs coordinator says why'
  fi
  copy_volumes "$BACKUP_FOLDER"
  end_backup
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

docker_restore() {
  local work volume entry
  docker_check 0
  begin_restore "$1"
  work=$BACKUP_FOLDER
  if has_volume coordinator-data || has_volume postgres-data; then
    fail 'there is a cluster already: a backup goes into an empty one' './deploy-cluster.sh backup, then ./deploy-cluster.sh cleanup, then restore again'
  fi
  make_state
  if [ -f "$work/store.dump" ]; then
    compose_is_new_enough
    remember coordinators "$(setting COORDINATORS "$(backup_coordinators)")"
  fi
  step 'making empty volumes'
  if ! compose build --quiet || ! compose up --no-start >/dev/null; then
    fail 'the containers could not be made' 'the lines above say why'
  fi
  remember place docker
  for entry in $COPIED_VOLUMES; do
    volume=${entry%%:*}
    [ -f "$work/$volume.tar" ] || continue
    step "the volume $volume"
    volume_tar "$volume" -C /volume -xpf - <"$work/$volume.tar" || fail "the volume $volume could not be filled" './deploy-cluster.sh cleanup --yes, then try again'
  done
  step 'the store'
  if on_postgres; then
    volume_tar coordinator-data -C /volume -xpf - <"$work/admin-key.tar" || fail "the admin's key could not be put back" './deploy-cluster.sh cleanup --yes, then try again'
    start_postgres
    restore_dump "$work/store.dump"
    compose stop postgres >/dev/null
  else
    compose run --rm -T --no-deps coordinator restore - <"$work/store" || fail 'the store was refused' 'the line above says why'
  fi
  # Keys were shown when they were made.
  remember shown yes
  say 'Restored. ./deploy-cluster.sh docker N G starts the cluster, which goes on from there.'
}
