#!/usr/bin/env bash
# Trains on the devices of this machine that a rank table of HCCL names, one process for each.
# The processes go on in the background; rank 0 of this machine writes to train.log.
if [[ $# != 4 ]]; then
  cat >&2 <<'USAGE'
usage: scripts/run_distributed.sh RANK_TABLE_FILE START_DEVICE RANK_SIZE DATASET_PATH
  RANK_TABLE_FILE  the table, version 1.0 or 1.2
  START_DEVICE     the first device of this machine
  RANK_SIZE        how many of its devices to take
  DATASET_PATH     a folder with a folder of images for each class
More options for dit train come from OPTIONS, the program from DIT (default: dit).
With several machines, run it on each with the same table.
USAGE
  exit 64
fi
set -euo pipefail
export RANK_TABLE_FILE=$1
start=$2
size=$3
dataset=$4
read -r -a options <<<"${OPTIONS:--c configs/training/class_cond_train.yaml}"

for ((i = 0; i < size; i++)); do
  # The table says which rank the device of this machine is.
  export DEVICE_ID=$((start + i))
  log=/dev/null
  ((i)) || log=train.log
  echo "starting device $DEVICE_ID"
  "${DIT:-dit}" train "${options[@]}" --data-path "$dataset" --use-parallel true \
    >"$log" 2>&1 </dev/null &
done
echo "Training has started; its output is in train.log."
