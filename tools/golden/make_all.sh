#!/bin/sh
# Makes all golden files and checks their sizes. PYTHON names the interpreter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
golden=$here/../../Tests/Golden

for script in make_dit make_blocks make_meanflow make_spans make_lightning make_diffusers make_training make_diffusion make_samplers \
  make_flows make_autoencoder make_images make_pytorch_files make_dinov2 make_metrics make_inception; do
  "$python" -B "$here/$script.py"
done

total=0
for file in "$golden"/* "$golden"/*/*; do
  [ -f "$file" ] || continue
  size=$(wc -c < "$file")
  total=$((total + size))
  limit=400000
  case $file in *autoencoder-kl.safetensors) limit=1500000 ;; esac
  if [ "$size" -gt "$limit" ]; then
    echo "$file: $size bytes, above $limit" >&2
    exit 1
  fi
done
echo "total: $total bytes"
if [ "$total" -gt 6500000 ]; then
  echo "above 6500000 bytes in total" >&2
  exit 1
fi
