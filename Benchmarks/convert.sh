#!/usr/bin/env bash
# Times the conversion of a .pt file to safetensors by dit and by PyTorch, and a plain copy of the file.
# Usage: Benchmarks/convert.sh FILE.pt [ROUNDS]
# PEER_PYTHON names a Python with torch and safetensors, DIT the program (default: the release build).
# Outputs go next to the file and are removed. All times include writing through to disk.
set -euo pipefail

source=${1:?usage: Benchmarks/convert.sh FILE.pt [ROUNDS]}
rounds=${2:-3}
here=$(dirname "$0")
dit=${DIT:-$here/../.build/release/dit}
python=${PEER_PYTHON:-python3}
folder=$(mktemp -d "$(dirname "$source")/convert-XXXXXX")
trap 'rm -rf "$folder"' EXIT

# Prints the seconds a command takes.
seconds() {
  local start=$EPOCHREALTIME
  "$@" >/dev/null 2>&1
  awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $start }"
}

printf 'round  copy  dit  python  python-mmap  (seconds; dit also reads its output back to verify it)\n'
cat "$source" >/dev/null
for ((round = 1; round <= rounds; round++)); do
  copy=$(seconds dd if="$source" of="$folder/copy" bs=4M conv=fsync status=none)
  rm -f "$folder/copy"
  ours=$(seconds "$dit" convert --source "$source" --target "$folder/ours.safetensors")
  rm -f "$folder/ours.safetensors"
  peer=$("$python" "$here/peer/convert.py" "$source" "$folder/peer.safetensors")
  rm -f "$folder/peer.safetensors"
  mapped=$(PEER_MMAP=1 "$python" "$here/peer/convert.py" "$source" "$folder/peer.safetensors")
  rm -f "$folder/peer.safetensors"
  printf '%5d %5s %4s %7s %12s\n' "$round" "$copy" "$ours" "$peer" "$mapped"
done
