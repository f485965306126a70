#!/usr/bin/env bash
# Trains on this machine's devices in an HCCL rank table, one process for each device.
# The processes run in the background and write to one log each, the first to train.log.
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
[[ $start =~ ^[0-9]+$ ]] || refuse "START_DEVICE '$start': must be a whole number, 0 at least"
[[ $size =~ ^[1-9][0-9]*$ ]] || refuse "RANK_SIZE '$size': must be a whole number, 1 at least"
# Zeros before a number do not make it an octal one.
start=$((10#$start))
size=$((10#$size))
[[ -d $dataset ]] || refuse "DATASET_PATH '$dataset': no such folder"
command -v "$program" >/dev/null ||
  refuse "the program '$program' is not there: make install, or name it with DIT=.build/release/dit"

logs=()
for ((i = 0; i < size; i++)); do
  # The table says which rank the device of this machine is.
  export DEVICE_ID=$((start + i))
  log=train.log
  ((i == 0)) || log=train-$DEVICE_ID.log
  logs+=("$log")
  echo "starting device $DEVICE_ID"
  "$program" train "${options[@]}" --data-path "$dataset" --use-parallel true \
    >"$log" 2>&1 </dev/null &
done
echo "Training has started; its output is in ${logs[*]}."
