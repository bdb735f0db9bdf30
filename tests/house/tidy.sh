#!/usr/bin/env bash
# tidy.sh <build folder> <jobs> [--all | file…]: clang-tidy 14 with .clang-tidy. Every finding is an error.
# By default over what the last commits changed, since all of src/ takes a quarter of an hour of one
# processor. Each file is looked at alone, so that one which does not include what it uses is found: with
# the commands of preset dev, which is configured here.
set -euo pipefail
build=$1 jobs=$2
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/house/common.sh
tool=$(find_version_14 clang-tidy)
readonly COMMITS=10

all_files() { find src -name '*.cpp'; }
changed_files() { # a header stands for the source file of its name
  git log --max-count=$COMMITS --format= --name-only -- src include |
    sed -nE 's,^(include/dapr_mqtt|src)/(.*)\.(cpp|h)$,src/\2.cpp,p' | sort -u |
    while read -r file; do [[ ! -f $file ]] || echo "$file"; done
}
if (($#)) && [[ $1 != --all ]]; then
  files=("$@")
elif (($#)) || ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
  mapfile -t files < <(all_files)
else
  mapfile -t files < <(changed_files)
fi
((${#files[@]})) || { echo "no source file has changed in the last $COMMITS commits"; exit 0; }
alone=$build/tidy
cmake --preset dev -B "$alone" >/dev/null
ninja -C "$alone" generated_headers >/dev/null
# The longest first, so that none of them is left to one processor at the end.
mapfile -t files < <(wc -c "${files[@]}" | sort -rn | awk '$2 != "total" { print $2 }')
echo "${#files[@]} files"
# The commands are GCC's: of its warnings clang does not know all.
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$jobs" "$tool" -p "$alone" --quiet -extra-arg=-Wno-unknown-warning-option \
    2> >(grep -vE '^[0-9]+ warnings? generated|^Suppressed |^Use -header-filter' >&2 || true) ||
  die "clang-tidy has findings (above)"
