# Sourced by the other scripts: makes .venv once, and again when pyproject.toml changed. Sets $root.
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

# make_venv STAMP REQUIREMENT: installs unless .venv/STAMP is newer than pyproject.toml.
make_venv() {
  local stamp="$root/.venv/$1"
  if [[ -e $stamp && ! $root/pyproject.toml -nt $stamp ]]; then return; fi
  local python
  for python in python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi
    python=
  done
  if [[ -z $python ]]; then
    echo "telemock needs Python 3.11 or newer; install it as python3." >&2
    exit 1
  fi
  exec 9>"$root/.venv.lock"
  flock 9
  if [[ ! -e $stamp || $root/pyproject.toml -nt $stamp ]]; then
    echo "Setting up telemock in $root/.venv; this happens once." >&2
    "$python" -m venv "$root/.venv"
    (cd "$root" && .venv/bin/pip install --quiet --disable-pip-version-check -e "$2" >&2)
    touch "$stamp"
  fi
  exec 9>&-
}
