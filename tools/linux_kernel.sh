#!/bin/sh
# Downloads Debian's kernel for virtual machines, and puts its image into the file $1.
set -eu
package=$(apt-cache depends --important linux-image-cloud-amd64 | sed -n 's/.*Depends: //p')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "Fetching $package" >&2
(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$package")
dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -xO --wildcards './boot/vmlinuz-*' >"$dir/vmlinuz"
mv "$dir/vmlinuz" "$1"
