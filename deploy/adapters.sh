# shellcheck shell=bash
# The GPUs of this machine, one a line: `nvidia INDEX NAME`, `dri NODE NAME`, `software 0 NAME`.

# Where Linux tells of its devices; elsewhere for tests.
SYSFS=${CLUSTER_SYSFS:-/sys}

readonly VENDOR_NVIDIA=0x10de VENDOR_AMD=0x1002 VENDOR_INTEL=0x8086

adapters() {
  local nvidia='' node vendor
  if command -v nvidia-smi >/dev/null 2>&1; then
    nvidia=$(nvidia-smi --query-gpu=index,name --format=csv,noheader 2>/dev/null | sed -n 's/^\([0-9][0-9]*\), */nvidia \1 /p') || nvidia=''
    [ -z "$nvidia" ] || printf '%s\n' "$nvidia"
  fi
  for node in "$SYSFS"/class/drm/renderD*; do
    [ -e "$node/device/vendor" ] || continue
    vendor=$(cat "$node/device/vendor")
    case $vendor in
      "$VENDOR_AMD") printf 'dri %s AMD\n' "$(basename "$node")" ;;
      "$VENDOR_INTEL") printf 'dri %s Intel\n' "$(basename "$node")" ;;
      "$VENDOR_NVIDIA") [ -n "$nvidia" ] || warn "an NVIDIA GPU is here, but nvidia-smi is not: install NVIDIA's driver to use it" ;;
    esac
  done
  # It computes on the CPU: useful to try things, slower than a CPU worker.
  if [ "${GPU_ENABLED:-auto}" = true ]; then printf 'software 0 lavapipe\n'; fi
}

# enough_adapters WANTED FOUND WHERE
enough_adapters() {
  [ "$1" -le "$2" ] || missing "$1 GPU workers are wanted, and $2 adapters were found $3" \
    "ask for at most $2, or set GPU_ENABLED=true to count a software adapter; docs/troubleshooting.md has 'GPU not found'"
}
