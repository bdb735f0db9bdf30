#!/bin/sh
# collect-root.sh <program> <folder>: makes <folder>/root with everything that the
# program needs to run, and <folder>/owned with the folders that it writes to.
set -eu
program=$1 out=$2
root=$out/root
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/etc/ssl/certs" \
  "$root/usr/lib/ssl" "$root/var/lib/dpkg/status.d" "$root/proc" "$root/dev" "$root/sys"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
install -m 755 -s "$program" "$root/usr/bin/dapr-pubsub-mqtt"

# Each library under the name by which the program loads it, and the loader. /lib is
# a link to /usr/lib, as in Debian.
ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' |
  while read -r library; do
    place=$root/usr/${library#/}
    case $library in /usr/*) place=$root$library ;; esac
    mkdir -p "${place%/*}"
    cp -L "$library" "$place"
    package=$(dpkg -S "$(readlink -f "$library")" 2>/dev/null || dpkg -S "$library")
    echo "${package%%: *}"
  done | sort -u >"$out/packages"

# For scanners and people: the packages of these libraries, with their licences.
while read -r package; do
  name=${package%%:*}
  dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$name"
  mkdir -p "$root/usr/share/doc/$name"
  cp -L "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/copyright"
done <"$out/packages"
mkdir -p "$root/usr/share/doc/dapr-pubsub-mqtt"
cp LICENSE "$root/usr/share/doc/dapr-pubsub-mqtt/copyright"
cp "${program%/bin/*}/dapr-pubsub-mqtt.spdx.json" "$root/usr/share/doc/dapr-pubsub-mqtt/"

# Where OpenSSL looks for the system's CAs.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"

printf '%s\n' 'root:x:0:0:root:/:/usr/sbin/nologin' \
  'nonroot:x:65532:65532:dapr-pubsub-mqtt:/var/lib/dapr-pubsub-mqtt:/usr/sbin/nologin' \
  >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$root/etc/group"
printf '%s\n' 'hosts: files dns' >"$root/etc/nsswitch.conf"

mkdir -p "$out/owned/tmp/dapr-components-sockets"
mkdir -p "$out/owned/var/lib/dapr-pubsub-mqtt"
chmod 700 "$out/owned/var/lib/dapr-pubsub-mqtt"
