#!/bin/bash
# The Debian package under a real systemd: installed, started, used, killed, upgraded
# and purged in a virtual machine with this machine's release of Debian. The machine
# is emulated, so that it needs no virtualization, and talks over its console alone.
#   vm_test.sh <build folder> <source folder>
# Takes minutes and the network, so only with DAPR_MQTT_VM_TEST=1.
set -euo pipefail
build=$1 source=$2
. "$source/scripts/lib/packages.sh"

skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
[[ ${DAPR_MQTT_VM_TEST:-0} != 0 ]] || skip "set DAPR_MQTT_VM_TEST=1"
((EUID == 0)) || skip "making a root file system needs root"
PATH=$PATH:/usr/sbin
for program in qemu-system-x86_64 debootstrap mkfs.ext4 cpack dpkg-deb; do
  command -v $program >/dev/null || skip "$program is not installed"
done
. /etc/os-release
[[ ${ID:-} == debian ]] || skip "the package is for the Debian that it was built on, and this is none"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "Packing"
cpack --config "$build/CPackConfig.cmake" -B "$work/out" >"$work/cpack.log" || { cat "$work/cpack.log"; fail cpack; }
debs=("$work"/out/*.deb)
first=${debs[0]}
dpkg-deb -R "$first" "$work/next"
sed -i 's/^\(Version: .*\)/\1+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/next" "$work/next.deb" >/dev/null

# What is there from an earlier run is used again.
root=$build/vm/root
in_root() {
  unshare --mount --propagation private sh -ec 'root=$1; shift
    mount -t proc proc "$root/proc"; mount --bind /dev "$root/dev"
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"' - "$root" "$@"
}
if [[ ! -d $root ]]; then
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "main" { print $3; exit }')
  [[ -n $mirror ]] || skip "this machine's apt sources name no mirror of Debian"
  say "Making a Debian $VERSION_CODENAME"
  rm -rf --one-file-system "$root.new"
  mkdir -p "$build/vm"
  debootstrap --variant=minbase "$VERSION_CODENAME" "$root.new" "$mirror" >"$work/log" || { tail "$work/log"; fail debootstrap; }
  cat /etc/resolv.conf >"$root.new/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d" # starts nothing in the chroot
  chmod 755 "$root.new/usr/sbin/policy-rc.d"
  mv "$root.new" "$root"
fi
in_root sh -ec 'apt-get update -qq
  apt-get install -qq -y --no-install-recommends systemd-sysv udev dbus linux-image-amd64 mosquitto
  apt-get satisfy -qq -y --no-install-recommends "$1"' - "$(dpkg-deb -f "$first" Depends)" \
  >"$work/apt.log" 2>&1 || { tail "$work/apt.log"; fail "installing into the root"; }

say "Making its disk"
rm -rf "$root/test" && mkdir "$root/test"
cp "$first" "$root/test/first.deb"
cp "$work/next.deb" "$root/test/next.deb"
cp "$source/tests/deploy/vm_inside.sh" "$root/test/"
cat >"$root/etc/systemd/system/vm-test.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
StandardOutput=journal+console
StandardError=inherit
ExecStart=/bin/bash /test/vm_inside.sh
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -sf ../vm-test.service "$root/etc/systemd/system/default.target.wants/"
mv "$root/usr/sbin/policy-rc.d" "$work/" # in the machine, services start
truncate -s 4G "$work/disk"
mkfs.ext4 -q -F -d "$root" "$work/disk"
mv "$work/policy-rc.d" "$root/usr/sbin/"

say "Starting the machine"
kernels=("$root"/boot/vmlinuz-*)
kernel=${kernels[-1]}
timeout 1200 qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 2 -nic none -no-reboot \
  -display none -serial stdio -monitor none \
  -kernel "$kernel" -initrd "${kernel/vmlinuz/initrd.img}" \
  -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false" \
  -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" </dev/null >"$work/console" ||
  { tail -n 50 "$work/console"; fail "the machine ended with $?"; }
tr -d '\r' <"$work/console" | sed -n 's/.*bash\[[0-9]*\]: //p'
grep -q "VM PASSED" "$work/console" || { tail -n 50 "$work/console"; fail "see above"; }
echo "PASSED"
