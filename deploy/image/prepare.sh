#!/bin/bash
# Make a ready SD-card image from one of Raspberry Pi OS Lite (64-bit) or Debian: the package is installed inside, the box starts
# as a storehub at its first boot, and everything that must differ from box to box is made there and not here.
#
# usage: deploy/image/prepare.sh --deb FILE (--image FILE | --root DIR) [--answers FILE]
#   --image FILE     a raw image (unpacked, .img); it is changed in place, so work on a copy
#   --root DIR       a mounted root file system instead
#   --answers FILE   JSON for `storehub setup`: an image for one store. Without it the box asks on its first-run page
# Needs root; for an arm64 image on another machine, qemu-user-static. Nothing is started while the image is made.
set -euo pipefail

deb="" image="" root="" answers="" given=("$@")

fail() {
    echo "prepare: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --deb) deb=${2:?--deb needs a file} && shift ;;
        --image) image=${2:?--image needs a file} && shift ;;
        --root) root=${2:?--root needs a folder} && shift ;;
        --answers) answers=${2:?--answers needs a file} && shift ;;
        -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) fail "unknown argument $1 (--help lists them)" ;;
    esac
    shift
done
[ -f "$deb" ] || fail "which package? --deb FILE (make deb ARCH=arm64)"
[ -n "$image$root" ] || fail "which image? --image FILE or --root DIR"
[ "$(id -u)" = 0 ] || fail "mounting and chroot need root"
[ -z "$answers" ] || python3 -m json.tool "$answers" >/dev/null || fail "$answers is no JSON"

# What the package, its release and the first days' journal take.
readonly FREE_MB=400

# In a view of the mounts that nobody else has: what is mounted here is gone with this program, however it ends.
[ -n "${STOREHUB_ALONE:-}" ] || STOREHUB_ALONE=yes exec unshare --mount --propagation private "$0" "${given[@]}"

if [ -n "$image" ]; then
    # The last partition is the root file system in both kinds of image. By its place, since not every kernel makes
    # devices for the partitions of a file.
    read -r start sectors < <(partx --noheadings --output START,SECTORS "$image" | tail -1) ||
        fail "$image has no partitions"
    root=$(mktemp -d)
    mount "$image" "$root" -o "loop,offset=$((start * 512)),sizelimit=$((sectors * 512))"
fi
[ -x "$root/usr/bin/python3" ] || fail "$root is no system with Debian's python3"

free=$(df --output=avail -BM "$root" | tail -1)
[ "${free//[!0-9]/}" -ge "$FREE_MB" ] || fail "$free free in the image and ${FREE_MB}M needed: enlarge it first (docs/install.md)"

mount proc "$root/proc" -t proc
mount /dev "$root/dev" --bind
mount tmpfs "$root/run" -t tmpfs
# No package may start a service in here.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

inside() {
    env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"
}

cp "$deb" "$root/var/cache/storehub.deb"
inside apt-get install --yes /var/cache/storehub.deb
rm "$root/var/cache/storehub.deb" "$root/usr/sbin/policy-rc.d"
if [ -n "$answers" ]; then
    # The cloud is not asked from here, and no journal is begun: it belongs to the box.
    inside /usr/local/bin/storehub setup --answers - --offline --no-pairing --json <"$answers" >/dev/null
fi
# A card is worn by what is written: this box does nothing else.
install -D -m 644 "$(dirname "$0")/../60-storehub-card.conf" "$root/etc/sysctl.d/60-storehub-card.conf"
# Two boxes from one image must not be the same machine, nor the same hub.
: >"$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
[ ! -e "$root/var/lib/storehub/identity.json" ] || fail "the image holds a hub's identity: start from a fresh one"
[ -L "$root/etc/systemd/system/multi-user.target.wants/storehub.service" ] || fail "the service is not enabled in it"
sync
echo "ready: $(inside dpkg-query --show storehub)"
[ -z "$image" ] || { umount --recursive "$root" && rmdir "$root"; }
