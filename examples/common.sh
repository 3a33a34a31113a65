# What the walks share: `source` it. KINEMA names the program, $work is a folder that is gone afterwards.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
KINEMA=${KINEMA:-$here/../../build/bin/kinema}
[ -x "$KINEMA" ] || { echo "$KINEMA does not exist: build it (make build), or name it in KINEMA" >&2; exit 2; }
KINEMA=$(realpath "$KINEMA")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Shows a command of the page and runs it. The command line goes to the screen, also where its output does not.
exec 3>&1
kinema() {
  echo "\$ kinema $*" >&3
  "$KINEMA" "$@"
}

# expect TEXT FILE: what the page says is in the file.
expect() {
  grep -qF -- "$1" "$2" || { echo "the page promises '$1', which is not in:" >&2; cat "$2" >&2; exit 1; }
}
