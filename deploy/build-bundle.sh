#!/bin/bash
# Build what `storehub update` takes: the kit of the Debian package (the wheel, those of all it needs, units and scripts)
# in one uncompressed tar with SHA256SUMS over every file. The same commit, locks and keys give the same bytes.
#
# usage: deploy/build-bundle.sh [--sign KEY]... [the arguments of build-deb.sh]
#   --sign KEY  sign it with this private key (make update-key), which the boxes then trust; may be given again
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
    *" -h "* | *" --help "*) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;;
esac
PYTHON=${PYTHON:-.venv/bin/python}
out=dist keys=() passed=()
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=${2:?--out needs a folder} && shift ;;
        --sign) keys+=("${2:?--sign needs a file}") && shift ;;
        *) passed+=("$1") ;;
    esac
    shift
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y pyproject.toml)}
export SOURCE_DATE_EPOCH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for key in "${keys[@]}"; do
    public=$scratch/$(basename "$key").pub
    "$PYTHON" -m hub.update.signing public "$key" >"$public"
    passed+=(--trust "$public")
done
package=$(deploy/build-deb.sh "${passed[@]}" --out "$scratch/deb")
dpkg-deb --extract "$package" "$scratch/root"
kit=$scratch/root/usr/share/storehub
(cd "$kit" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum >"$scratch/SHA256SUMS")
mv "$scratch/SHA256SUMS" "$kit/"
if [ ${#keys[@]} -gt 0 ]; then
    "$PYTHON" -m hub.update.signing sign "${keys[@]}" <"$kit/SHA256SUMS" >"$kit/SHA256SUMS.sig"
fi
mkdir -p "$out"
bundle=$out/$(basename "$package" .deb).tar
(cd "$kit" && find . -type f -printf '%P\0' | LC_ALL=C sort -z |
    tar --create --no-recursion --format=pax --mtime="@$SOURCE_DATE_EPOCH" --pax-option=delete=atime,delete=ctime \
        --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r --null --files-from=-) >"$bundle"
# For a folder on a server, where boxes look for it.
basename "$bundle" >"$out/latest-$(basename "${package##*_}" .deb)"
echo "$bundle"
