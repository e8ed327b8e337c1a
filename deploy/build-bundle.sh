#!/bin/bash
# Build what `storehub update` takes: the kit of the Debian package (the wheel, those of all it needs, units and scripts)
# in one uncompressed tar with SHA256SUMS over every file. The same commit and the same locks give the same bytes.
#
# usage: deploy/build-bundle.sh [the arguments of build-deb.sh]
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
    *" -h "* | *" --help "*) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 0 ;;
esac
out=dist
for ((i = 1; i <= $#; i++)); do
    [ "${!i}" != --out ] || { next=$((i + 1)) && out=${!next}; }
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y pyproject.toml)}
export SOURCE_DATE_EPOCH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

package=$(deploy/build-deb.sh "$@" --out "$scratch/deb")
dpkg-deb --extract "$package" "$scratch/root"
kit=$scratch/root/usr/share/storehub
(cd "$kit" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum >"$scratch/SHA256SUMS")
mv "$scratch/SHA256SUMS" "$kit/"
mkdir -p "$out"
bundle=$out/$(basename "$package" .deb).tar
(cd "$kit" && find . -type f -printf '%P\0' | LC_ALL=C sort -z |
    tar --create --no-recursion --format=pax --mtime="@$SOURCE_DATE_EPOCH" --pax-option=delete=atime,delete=ctime \
        --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r --null --files-from=-) >"$bundle"
echo "$bundle"
