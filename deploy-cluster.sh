#!/usr/bin/env bash
# The whole cluster with one command, on Docker or on Kubernetes. `./deploy-cluster.sh help` tells the rest.
#
# Runs with the bash of macOS (3.2) too. Each part is in deploy/: what this machine has and lacks is found out before
# anything is changed, and every failure says what to do.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# What is remembered between calls: where the cluster runs, how many workers it has. Nothing in it is secret but what
# a backup or a certificate authority's copy is; readable by its owner alone.
STATE=${CLUSTER_STATE:-$ROOT/.cluster}

# shellcheck source=deploy/messages.sh
. "$ROOT/deploy/messages.sh"
# shellcheck source=deploy/state.sh
. "$ROOT/deploy/state.sh"
# shellcheck source=deploy/adapters.sh
. "$ROOT/deploy/adapters.sh"
# shellcheck source=deploy/alerts.sh
. "$ROOT/deploy/alerts.sh"
# shellcheck source=deploy/docker-checks.sh
. "$ROOT/deploy/docker-checks.sh"
# shellcheck source=deploy/docker.sh
. "$ROOT/deploy/docker.sh"
# shellcheck source=deploy/docker-postgres.sh
. "$ROOT/deploy/docker-postgres.sh"
# shellcheck source=deploy/backup-file.sh
. "$ROOT/deploy/backup-file.sh"
# shellcheck source=deploy/docker-backup.sh
. "$ROOT/deploy/docker-backup.sh"
# shellcheck source=deploy/kubernetes-checks.sh
. "$ROOT/deploy/kubernetes-checks.sh"
# shellcheck source=deploy/kubernetes.sh
. "$ROOT/deploy/kubernetes.sh"
# shellcheck source=deploy/kubernetes-postgres.sh
. "$ROOT/deploy/kubernetes-postgres.sh"
# shellcheck source=deploy/kubernetes-backup.sh
. "$ROOT/deploy/kubernetes-backup.sh"

usage() {
  cat <<'TEXT'
Usage: ./deploy-cluster.sh COMMAND

  docker N G         N workers on Docker, G of them with a GPU:  docker 3 1
  kubernetes N G     the same on the Kubernetes cluster that kubectl is set to
  status             what runs, and how the cluster does
  logs [SERVICE]     what it says, as it says it (Ctrl-C ends)
  scale N            N workers in all; those with a GPU stay
  report [--hours H] throughput, busy workers, failures, memory, latency, advice (one hour)
  stop               stops everything; data, keys and certificates stay
  cleanup [--yes]    removes everything, data too; asks first
  backup [FILE]      store, metrics, dashboards, keys and certificates (backups/threads-cluster-DATE.tar.gz)
  restore FILE [docker|kubernetes]
                     all that into an empty cluster, on what it was made on
  move N             to N coordinators on PostgreSQL, with all that there is (a cluster on Docker)
  check [docker|kubernetes]
                     what this machine lacks for it; changes nothing
  help               this text

On Docker: pages and API at https://localhost (nginx, ports 80 and 443); for this machine alone the coordinator at
http://localhost:3000, Grafana at http://localhost:3001, Prometheus at http://localhost:9091.

Variables (in the environment, or in .env for Docker):
  DOMAIN, ACME_EMAIL   a name that leads here, and who is told of its certificate: a public certificate
  LAN_NAMES            more names and addresses of this machine for the local certificate, by spaces
  GPU_ENABLED=true     software adapters count as GPUs
  COORDINATORS=3       so many coordinators on PostgreSQL (without it one, on its embedded store)
  IMAGE_REGISTRY       where images are pushed to for Kubernetes, such as registry.example.org/team
  IMAGE_TAG            which of them (latest)
  HTTP_PORT, HTTPS_PORT, API_PORT, GRAFANA_PORT, PROMETHEUS_PORT, PUBLISH_ADDRESS
  ALERT_WEBHOOK_URL    where alerts are sent; docs/operations.md has mail and the others

Exit codes: 0 done; 1 it failed; 2 wrong usage; 3 something is missing here.
TEXT
}

# whole NAME TEXT MOST: TEXT is a number of 0 … MOST.
whole() {
  case $2 in
    '' | *[!0-9]* | ?????*) refuse "$1 is a whole number, not '$2'" "for example: ./deploy-cluster.sh docker 3 1" ;;
  esac
  [ "$2" -le "$3" ] || refuse "$1 is at most $3, not $2" "start with less: ./deploy-cluster.sh scale adds more"
}

readonly MOST_WORKERS=1000

deploy() {
  local place=$1
  shift
  [ $# -eq 2 ] || refuse "$place takes two numbers: workers in all, and how many of them with a GPU" \
    "for example: ./deploy-cluster.sh $place 3 1"
  whole 'the number of workers' "$1" "$MOST_WORKERS"
  whole 'the number of GPU workers' "$2" "$MOST_WORKERS"
  # Numbers such as 08 are no octal ones.
  local workers=$((10#$1)) gpus=$((10#$2))
  [ "$workers" -ge 1 ] || refuse 'a cluster has at least one worker' "for example: ./deploy-cluster.sh $place 1 0"
  [ "$gpus" -le "$workers" ] || refuse "$gpus GPU workers of $workers workers in all" \
    "the first number counts all workers: ./deploy-cluster.sh $place $gpus $gpus"
  other_place_is_free "$place"
  "${place}_deploy" "$workers" "$gpus"
}

main() {
  local command=${1:-help}
  [ $# -eq 0 ] || shift
  case $command in
    docker | kubernetes) deploy "$command" "$@" ;;
    scale)
      [ $# -eq 1 ] || refuse 'scale takes one number: workers in all' 'for example: ./deploy-cluster.sh scale 8'
      whole 'the number of workers' "$1" "$MOST_WORKERS"
      in_place scale "$((10#$1))"
      ;;
    status | stop) no_more "$command" "$@" && in_place "$command" ;;
    logs)
      [ $# -le 1 ] || refuse 'logs takes one service at most' 'for example: ./deploy-cluster.sh logs coordinator'
      in_place logs "$@"
      ;;
    report) in_place report "$@" ;;
    cleanup)
      case "$#${1:-}" in
        0 | 1--yes) in_place cleanup "${1:-ask}" ;;
        *) refuse "cleanup takes --yes or nothing" './deploy-cluster.sh cleanup' ;;
      esac
      ;;
    backup)
      [ $# -le 1 ] || refuse 'backup takes one file at most' './deploy-cluster.sh backup FILE'
      in_place backup "$@"
      ;;
    restore)
      case "$#${2:-}" in
        1 | 2docker | 2kubernetes) restore "$@" ;;
        *) refuse 'restore takes the file of a backup' './deploy-cluster.sh restore FILE [docker|kubernetes]' ;;
      esac
      ;;
    move)
      [ $# -eq 1 ] || refuse 'move takes one number: coordinators' 'for example: ./deploy-cluster.sh move 3'
      whole 'the number of coordinators' "$1" "$MOST_COORDINATORS"
      [ "$((10#$1))" -ge 1 ] || refuse 'a cluster has at least one coordinator' 'for example: ./deploy-cluster.sh move 3'
      in_place move "$((10#$1))"
      ;;
    check)
      case "$#${1:-}" in
        0 | 1docker) docker_check 0 && say 'Docker: everything is there.' ;;
        1kubernetes) kubernetes_check 0 && say 'Kubernetes: everything is there.' ;;
        *) refuse "check takes docker or kubernetes" './deploy-cluster.sh check docker' ;;
      esac
      ;;
    help | --help | -h) usage ;;
    *)
      usage >&2
      refuse "there is no command '$command'" './deploy-cluster.sh help lists them'
      ;;
  esac
}

no_more() {
  [ $# -eq 1 ] || refuse "$1 takes nothing more" "./deploy-cluster.sh $1"
}

main "$@"
