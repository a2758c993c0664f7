#!/usr/bin/env bash
# Compiles infra/ where there is a Bicep compiler (bicep, or az bicep): without a warning, as its formatter would write
# it, and with each of the samples of parameters evaluated.
#
# Exit code 0: so it is, or there is no compiler here, which is said. 1: what the compiler says is printed.
set -euo pipefail
cd "$(dirname "$0")"

if command -v bicep >/dev/null; then
  ask() { bicep "$@"; }
elif az bicep version >/dev/null 2>&1; then
  ask() { az bicep "$1" --file "$2" "${@:3}"; }
else
  echo "There is no Bicep compiler here: the templates are parsed and judged, not compiled."
  exit 0
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
for file in *.bicep; do
  ask build "$file" --stdout >/dev/null 2>"$said" || { cat "$said" >&2; exit 1; }
  if grep -E '(Warning|Error) ' "$said" >&2; then exit 1; fi
  ask format "$file" --stdout | diff "$file" - || { echo "$file is not as bicep format writes it." >&2; exit 1; }
done
for file in samples/*.bicepparam; do
  ask build-params "$file" --stdout >/dev/null
done
echo "Bicep: compiled without a warning."
