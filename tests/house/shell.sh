#!/usr/bin/env bash
# Shellcheck over all scripts of the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/house/common.sh
if ! command -v shellcheck >/dev/null; then
  ! must_have_all || die "shellcheck is missing"
  echo "SKIPPED: shellcheck is missing" >&2
  exit $SKIPPED
fi
mapfile -t files < <(find .ci scripts tests deploy docker bench -type f \
  -exec grep -lE '^#!(/usr/bin/env bash|/bin/(ba)?sh)|^# shellcheck shell=' {} +)
((${#files[@]} > 20)) || die "only ${#files[@]} scripts found"
shellcheck --external-sources --source-path=SCRIPTDIR --severity=warning "${files[@]}"
