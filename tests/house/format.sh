#!/usr/bin/env bash
# Fails when a C++ file is not as clang-format 14 (Debian 12's) writes it by .clang-format.
# Other versions format some constructs otherwise, so none but this one is asked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/house/common.sh
tool=$(find_version_14 clang-format)
mapfile -d '' files < <(find src include tests bench \( -name '*.cpp' -o -name '*.h' \) -print0)
((${#files[@]} > 500)) || die "only ${#files[@]} files found"
"$tool" --dry-run -Werror "${files[@]}" || die "run: clang-format-14 -i <the files above>"
