#!/usr/bin/env bash
# Trains on this machine's devices in an HCCL rank table, with one process per device.
# The processes run in the background and write to one log each, the first to train.log.
if [[ $# != 4 ]]; then
  cat >&2 <<'USAGE'
usage: scripts/run_distributed.sh RANK_TABLE_FILE START_DEVICE RANK_SIZE DATASET_PATH
  RANK_TABLE_FILE  the table, version 1.0 or 1.2
  START_DEVICE     the first device of this machine
  RANK_SIZE        the number of its devices to use
  DATASET_PATH     a folder with one folder of images per class
The variable OPTIONS holds further options for dit train (default: -c configs/training/class_cond_train.yaml),
and DIT names the program (default: dit).
With several machines, run this on each of them, with the same table.
USAGE
  exit 64
fi
set -euo pipefail

refuse() {
  echo "Error: $1" >&2
  exit 64
}

export RANK_TABLE_FILE=$1
start=$2
size=$3
dataset=$4
program=${DIT:-dit}
read -r -a options <<<"${OPTIONS:--c configs/training/class_cond_train.yaml}"

[[ -f $RANK_TABLE_FILE ]] || refuse "RANK_TABLE_FILE '$RANK_TABLE_FILE': no such file"
[[ $start =~ ^[0-9]+$ ]] || refuse "START_DEVICE '$start': must be a whole number, at least 0"
[[ $size =~ ^[1-9][0-9]*$ ]] || refuse "RANK_SIZE '$size': must be a whole number, at least 1"
# Leading zeros do not mean octal.
start=$((10#$start))
size=$((10#$size))
[[ -d $dataset ]] || refuse "DATASET_PATH '$dataset': no such folder"
command -v "$program" >/dev/null ||
  refuse "the program '$program' was not found: run make install, or set DIT=.build/release/dit"

logs=()
for ((i = 0; i < size; i++)); do
  # The table maps this device to its rank.
  export DEVICE_ID=$((start + i))
  log=train.log
  ((i == 0)) || log=train-$DEVICE_ID.log
  logs+=("$log")
  echo "Starting device $DEVICE_ID"
  "$program" train "${options[@]}" --data-path "$dataset" --use-parallel true \
    >"$log" 2>&1 </dev/null &
done
echo "Training has started; its output is in ${logs[*]}."
