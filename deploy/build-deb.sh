#!/bin/bash
# Build the Debian package: this project with all wheels of requirements/runtime.lock, so that a box without internet
# installs it from a USB stick. Needs dpkg-deb, and a package index for the wheels unless they are here already. The same commit
# and the same locks give the same bytes.
#
# usage: deploy/build-deb.sh [--arch amd64|arm64] [--version V] [--wheel FILE] [--wheels DIR] [--lock FILE] [--out DIR]
#                            [--trust FILE]
#   --arch      of the box; this machine's when not given
#   --version   of the package, when it is not that of the wheel
#   --wheel     this storehub wheel instead of one built from this folder
#   --wheels    take the dependencies from this folder; no package index is asked
#   --lock      another list of dependencies than requirements/runtime.lock
#   --trust     a public key (KEY.pub) whose bundles the box takes from then on, and no unsigned ones; may be given again
#   --out       where the package goes: dist
set -euo pipefail
cd "$(dirname "$0")/.."

# Of Debian 12, Ubuntu 24.04 and Debian 13, and Raspberry Pi OS made from them.
readonly PYTHONS=${STOREHUB_DEB_PYTHONS:-"3.11 3.12 3.13"}
PYTHON=${PYTHON:-.venv/bin/python}
arch=$(dpkg --print-architecture) wheel="" wheels="" lock=requirements/runtime.lock out=dist version="" trust=()

fail() {
    echo "build-deb: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --arch) arch=${2:?--arch needs a name} && shift ;;
        --version) version=${2:?--version needs one} && shift ;;
        --wheel) wheel=${2:?--wheel needs a file} && shift ;;
        --wheels) wheels=${2:?--wheels needs a folder} && shift ;;
        --lock) lock=${2:?--lock needs a file} && shift ;;
        --out) out=${2:?--out needs a folder} && shift ;;
        --trust) trust+=("${2:?--trust needs a file}") && shift ;;
        -h | --help) sed -n '2,15s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) fail "unknown argument $1 (--help lists them)" ;;
    esac
    shift
done
case $arch in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) fail "there are packages for amd64 and arm64, not for $arch" ;;
esac

# Every time in the package is the commit's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y pyproject.toml)}
export SOURCE_DATE_EPOCH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/root kit=$scratch/root/usr/share/storehub
umask 022
mkdir -p "$kit/wheels" "$kit/requirements" "$kit/docs" "$root/DEBIAN" "$root/usr/share/doc/storehub" "$out"

# fetch PYTHON-VERSION LOCK: the wheels of a lock for the box, each with one of the lock's hashes.
fetch() {
    local from=(--require-hashes)
    [ -z "$wheels" ] || from+=(--no-index --find-links "$wheels")
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: "${from[@]}" \
        --platform "manylinux2014_$machine" --platform "manylinux_2_17_$machine" --platform "manylinux_2_28_$machine" \
        --implementation cp --python-version "$1" --abi "cp${1/./}" --abi abi3 --abi none \
        -r "$2" -d "$kit/wheels" 2>"$scratch/log" || fail "the wheels of $2 for Python $1: $(tail -3 "$scratch/log")"
}

if [ -z "$wheel" ]; then
    "$PYTHON" -m hatchling build -t wheel -d "$scratch/built" >"$scratch/log" 2>&1 || fail "the wheel: $(cat "$scratch/log")"
    wheel=$(echo "$scratch"/built/storehub-*.whl)
fi
if [ -s "$lock" ]; then
    for one in $PYTHONS; do
        fetch "$one" "$lock"
    done
    fetch "${PYTHONS%% *}" requirements/pip.lock
fi
version=${version:-$(basename "$wheel" | cut -d- -f2)}

cp "$wheel" "$kit/"
cp -r systemd "$kit/"
install -D -m 755 -t "$kit/deploy" deploy/install.sh deploy/release.sh deploy/uninstall.sh deploy/storehub.sh
install -m 644 deploy/storehub.toml.example "$kit/deploy/"
install -m 644 "$lock" "$kit/requirements/runtime.lock"
install -m 644 requirements/pip.lock "$kit/requirements/"
install -m 644 docs/install.md "$kit/docs/"
[ ${#trust[@]} = 0 ] || install -D -m 644 -t "$kit/keys" "${trust[@]}"
install -m 644 LICENSE "$root/usr/share/doc/storehub/copyright"
install -m 755 deploy/deb/postinst deploy/deb/prerm deploy/deb/postrm "$root/DEBIAN/"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$(du -sk "$root/usr" | cut -f1)/" \
    -e "s/@FIRST@/${PYTHONS%% *}/" -e "s/@AFTER@/3.$((${PYTHONS##*.} + 1))/" deploy/deb/control >"$root/DEBIAN/control"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

package=$out/storehub_${version}_$arch.deb
# Wheels are compressed already.
dpkg-deb --root-owner-group -Znone --build "$root" "$package" >/dev/null
echo "$package"
