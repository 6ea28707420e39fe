#!/bin/bash
# On a machine with a GPU:  gpu_job.sh [WINDOW minutes] [WAIT seconds] [train_gpu.py's arguments...]
# Starts the data workers and the trainer in sessions of their own; training, its last checkpoint included, is over WINDOW minutes
# from now. Then poll.sh waits for WAIT seconds. All of it lies in W (default ~/apprentice-gpu), the code as a copy, so that the
# checkout may change meanwhile. The tokenizer is trained first (VOCAB tokens) unless W has one.
set -u
WINDOW=${1:-27}
WAIT=${2:-560}
shift 2 2>/dev/null || shift $#
export W=${W:-$HOME/apprentice-gpu} PY=${PY:-python3} PYTHONUNBUFFERED=1
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$W/shards" "$W/run"
rm -rf "$W/code"
mkdir -p "$W/code"
cp -r "$HERE"/. "$W/code/"
cp -r "$HERE/../../localnpm" "$W/code/localnpm"
cd "$W/code" || exit 1
NOW=$(date +%s)
END=$("$PY" -c "print(int($NOW + 60 * $WINDOW))")
echo "$END" > "$W/deadline"
nvidia-smi --query-gpu=name,memory.used --format=csv,noheader 2>/dev/null
nproc
if [ ! -f "$W/tokenizer.json" ]; then
  "$PY" tokenizer.py --documents "${TOKENIZER_DOCUMENTS:-20000}" --vocab "${VOCAB:-8192}" --out "$W/tokenizer.json" || exit 1
fi
# New shards come nearly to the end, beside the training; the trainer takes unseen ones first.
setsid nohup "$PY" shards.py --tokenizer "$W/tokenizer.json" --out "$W/shards" --seconds $((END - NOW - 30)) \
  --seed "${DATA_SEED:-1}" --workers "${WORKERS:-$(( $(nproc) > 4 ? $(nproc) - 2 : 2 ))}" ${SHARD_OPTIONS:-} \
  > "$W/data.log" 2>&1 < /dev/null &
setsid nohup "$PY" train_gpu.py --shards "$W/shards" --run "$W/run" --deadline "$END" "$@" > "$W/train.log" 2>&1 < /dev/null &
echo $! > "$W/train.pid"
exec bash poll.sh "$WAIT"
