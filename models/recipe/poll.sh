#!/bin/bash
# Waits for a training that gpu_job.sh started:  $W/code/poll.sh [WAIT seconds] [f16|q8_0|half|none] [snapshot]
# Prints the log's end after at most WAIT seconds. When the training is over (or with "snapshot": from the newest checkpoint), exports the
# model and leaves it in parts of 15 MiB, with checksums, in OUT. "half" is a small checkpoint, also written where gguf is missing.
set -u
export W=${W:-$HOME/apprentice-gpu} PY=${PY:-python3} PYTHONUNBUFFERED=1
WAIT=${1:-560}
KIND=${2:-f16}
SNAPSHOT=${3:-}
OUT=${OUT:-$W/out}
mkdir -p "$OUT"
STOP=$(( $(date +%s) + WAIT ))
PID=$(cat "$W/train.pid")

running() { kill -0 "$PID" 2>/dev/null; }
finished() { grep -q '\] DONE' "$W/train.log"; }
newest() { ls "$W"/run/ckpt_*.pt 2>/dev/null | tail -n 1; }

while [ "$(date +%s)" -lt "$STOP" ] && running && ! finished; do sleep 1; done

echo "--- data"
tail -n 2 "$W/data.log"
du -sh "$W/shards" | cut -f1
echo "--- train"
grep -v ' step ' "$W/train.log" | grep -v 'HELD OUT' | head -c 6000
grep 'HELD OUT' "$W/train.log" | tail -n 30 | cut -c1-120
grep '\] step ' "$W/train.log" | head -n 3 | cut -c1-220
echo ...
grep '\] step ' "$W/train.log" | tail -n 5 | cut -c1-220

CHECKPOINT=
if finished; then
  CHECKPOINT=$W/run/final.pt
elif ! running; then
  echo "THE TRAINER DIED"
  tail -n 25 "$W/train.log"
  CHECKPOINT=$(newest)
elif [ "$SNAPSHOT" = snapshot ]; then
  CHECKPOINT=$(newest)
else
  echo "still running: $(( $(cat "$W/deadline") - $(date +%s) )) s to the deadline"
fi
if [ -z "$CHECKPOINT" ] || [ "$KIND" = none ]; then exit 0; fi

cd "$W/code" || exit 1
FILE=apprentice-$KIND.gguf
[ "$KIND" = half ] && FILE=apprentice-half.pt
if ! "$PY" export.py --checkpoint "$CHECKPOINT" --tokenizer "$W/tokenizer.json" --out "$W/$FILE" --type "$KIND"; then
  FILE=apprentice-half.pt
  "$PY" export.py --checkpoint "$CHECKPOINT" --out "$W/$FILE" --type half || exit 1
fi
split -b 15M -d -a 2 "$W/$FILE" "$OUT/$FILE.part"
(cd "$W" && sha256sum "$FILE" tokenizer.json) > "$OUT/SHA256SUMS"
cp "$W/tokenizer.json" "$OUT/tokenizer.json"
gzip -c "$W/train.log" > "$OUT/train.log.gz"
ls -l "$OUT"
