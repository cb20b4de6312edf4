#!/bin/sh
# Downloads Debian's kernel for virtual machines. Puts its image into the file $1, and the
# modules for virtio disks into the directory $2, in their order, as 0, 1, 2 and so on.
set -eu
package=$(apt-cache depends --important linux-image-cloud-amd64 | sed -n 's/.*Depends: //p')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "Fetching $package" >&2
(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$package")
dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -xO --wildcards './boot/vmlinuz-*' >"$dir/vmlinuz"
mkdir -p "$2"
number=0
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \
    virtio_blk; do
    dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -xO --wildcards "./lib/*/$module.ko" >"$2/$number"
    number=$((number + 1))
done
mv "$dir/vmlinuz" "$1"
