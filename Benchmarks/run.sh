#!/usr/bin/env bash
# Compares the speed of the program and of PyTorch: Benchmarks/run.sh [OPTIONS OF compare.py]
# PEER_PYTHON names a Python with torch (NumPy and Pillow for `data`, torch-fidelity for `metrics` and `features`); by default
# one is set up in Benchmarks/.venv. MINDSPORE_PYTHON names a Python with mindspore, to compare with that too.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z "${PEER_PYTHON:-}" ]]; then
  PEER_PYTHON=Benchmarks/.venv/bin/python
  if ! "$PEER_PYTHON" -c 'import numpy, PIL, torch, torch_fidelity' 2>/dev/null; then
    python3 -m venv --clear Benchmarks/.venv
    "$PEER_PYTHON" -m pip install --quiet torch==2.13.0 numpy==2.4.6 pillow==13.0.0 \
      torch-fidelity==0.4.0
  fi
fi
exec "$PEER_PYTHON" Benchmarks/compare.py "$@"
