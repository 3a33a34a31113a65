#!/usr/bin/env bash
# What `make install` leaves in a folder (DESTDIR) is all there, works when it is moved, and names no folder of the build.
#   install_test.sh BUILD
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/stage cmake --install "$build" --prefix /opt/kinema --strip >/dev/null
[ "$(ls "$work/stage")" = opt ] || { echo "something is outside the prefix:"; ls "$work/stage"; exit 1; }
mv "$work/stage/opt/kinema" "$work/moved"
cd "$work/moved"

for file in bin/kinema bin/kinema-runtime include/kinema.h lib*/libkinema.so lib*/libkinema.so.1 lib*/libkinema-flow.so \
  lib*/pkgconfig/kinema.pc lib*/cmake/Kinema/KinemaConfig.cmake share/man/man1/kinema-train.1 \
  share/kinema/editors/vscode/package.json share/kinema/editors/vim/syntax/kinema.vim \
  share/man/man1/kinema-runtime-predict.1 share/bash-completion/completions/kinema \
  share/zsh/site-functions/_kinema share/fish/vendor_completions.d/kinema-runtime.fish; do
  [ -s "$(echo $file)" ] || { echo "there is no $file"; exit 1; }
done
named=$(grep -rlF "$build" . || true)
[ -z "$named" ] || { echo "these name the folder of the build: $named"; exit 1; }

bin/kinema --version | grep -q '^Kinema '
# The runtime finds the library of optical flow where it was moved to.
bin/kinema-runtime doctor | grep '^OpenCV   there'
[ "$(PKG_CONFIG_PATH=$(dirname lib*/pkgconfig/kinema.pc) pkg-config --variable=includedir kinema | xargs realpath)" = "$work/moved/include" ]
