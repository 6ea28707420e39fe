#!/bin/bash
# Trains the bundled model on idle cores, for as long as the machine is there:
#     background.sh start | stop | pause | resume | status | anneal MINUTES
# It gives way: half a second after anything else gets busy it is paused (give_way.py). Pause it by hand for timings all the same.
# State: APPRENTICE_RUN (default ~/apprentice-run), its last.pt saved every 5 minutes and at stop.
# PY: a Python with torch, tokenizers, gguf and localnpm. A new run starts from APPRENTICE_WEIGHTS, a checkpoint or GGUF file.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
RUN=${APPRENTICE_RUN:-$HOME/apprentice-run}
PY=${PY:-python3}
TOKENIZER=${APPRENTICE_TOKENIZER:-$HERE/tokenizer-4k.json}
WEIGHTS=${APPRENTICE_WEIGHTS:-$HERE/../apprentice-q8_0.gguf}
LR=${APPRENTICE_LR:-1.5e-3}   # 3e-3 with these small batches sits on a noise floor that only annealing leaves
export PYTHONPATH=$HERE/../..${PYTHONPATH:+:$PYTHONPATH}
PID=$RUN/pid
HELD=$RUN/paused
TCMALLOC=$(ls /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null | head -n 1)

alive() { [ -f "$PID" ] && kill -0 "$(cat "$PID")" 2>/dev/null; }

needs_python() {
  "$PY" -c 'import torch, tokenizers, gguf' 2>/dev/null && return
  echo "$PY lacks torch, tokenizers or gguf: set PY to a Python that has them (pip install '.[recipe]')"
  exit 1
}

start() {
  needs_python
  alive && { echo "running already"; exit 0; }
  mkdir -p "$RUN"
  rm -f "$HELD"
  (
    cd "$HERE" || exit 1
    LD_PRELOAD=$TCMALLOC exec setsid nohup chrt --idle 0 "$PY" -u train_cpu.py --tokenizer "$TOKENIZER" --run "$RUN" \
      --weights "$WEIGHTS" --threads "$(nproc)" --lr "$LR" --seed "$(date +%s)" --minutes "$1" >> "$RUN/log" 2>&1 < /dev/null
  ) &
  echo $! > "$PID"
  sleep 2
  alive || { echo "did not start:"; tail -n 3 "$RUN/log"; exit 1; }
  setsid nohup "$PY" "$HERE/give_way.py" "$(cat "$PID")" "$HELD" > /dev/null 2>&1 < /dev/null &
  echo "started: $RUN/log"
}

stop() {
  if alive; then
    touch "$HELD"   # so that give_way.py does not pause it while it saves
    kill -CONT "$(cat "$PID")"
    kill -TERM "$(cat "$PID")"
    for _ in $(seq 90); do alive || break; sleep 1; done
  fi
  if alive; then echo "still saving"; elif [ -f "$RUN/last.pt" ]; then echo "stopped, state in $RUN/last.pt"; else
    echo "stopped before anything was saved"
  fi
}

case ${1:-status} in
  start) start "${2:-100000}" ;;
  stop) stop ;;
  pause)
    alive || { echo "not running"; exit 1; }
    touch "$HELD"
    kill -STOP "$(cat "$PID")" && echo paused
    ;;
  resume)
    alive && kill -CONT "$(cat "$PID")" && echo resumed
    rm -f "$HELD"
    ;;
  anneal)
    needs_python
    alive && { echo "stop it first"; exit 1; }
    cd "$HERE" || exit 1
    LD_PRELOAD=$TCMALLOC exec "$PY" -u train_cpu.py --tokenizer "$TOKENIZER" --run "$RUN" --threads "$(nproc)" \
      --lr "$LR" --minutes "${2:-60}" --anneal
    ;;
  status)
    if ! alive; then echo "not running"; elif [ -f "$HELD" ]; then echo "paused by hand"; else echo "running"; fi
    tail -n 2 "$RUN/log" 2>/dev/null
    ;;
  *)
    sed -n 2,3p "$0"
    exit 2
    ;;
esac
