#!/bin/sh
# Fetches Debian's kernel for virtual machines and leaves its image in the file $1; nothing is installed.
set -eu
package=$(apt-cache depends --important linux-image-cloud-amd64 | sed -n 's/.*Depends: //p')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "Fetching $package" >&2
(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$package")
dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -xO --wildcards './boot/vmlinuz-*' >"$dir/vmlinuz"
mv "$dir/vmlinuz" "$1"
