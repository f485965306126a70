#!/bin/sh
# Installs dit from its archive, dit-VERSION-linux-x86_64.tar.zst, or removes it. Needs no compiler.
#
# usage: install.sh [--prefix FOLDER] [--archive FILE | --url URL]
#        install.sh --uninstall [--prefix FOLDER]
#
# The archive is FILE, or the one beside this script, or comes from below URL; SHA256SUMS lies beside it. System,
# processor, space and checksum are checked first, and the program has to start before anything is replaced. Without
# --prefix it goes to /usr/local for root, to ~/.local for others. An earlier version is replaced while it runs;
# PREFIX/lib/dit/installed lists all files, for --uninstall (and `make uninstall`).
set -eu
export LC_ALL=C

cpuinfo=/proc/cpuinfo
oldest_glibc=35 # 2.35, that of Ubuntu 22.04
needed_space=700000 # kilobytes: two versions while one replaces the other

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}
usage() {
  sed -n 's/^# \(usage:.*\)/\1/p; s/^#\(        install.*\)/ \1/p' "$0" >&2
  exit 64
}

prefix= archive= url= uninstall=
while [ $# -gt 0 ]; do
  case $1 in
  --prefix | --archive | --url)
    [ $# -gt 1 ] || usage
    case $1 in
    --prefix) prefix=$2 ;;
    --archive) archive=$2 ;;
    --url) url=${2%/} ;;
    esac
    shift 2
    ;;
  --uninstall) uninstall=1 && shift ;;
  *) usage ;;
  esac
done
if [ -z "$prefix" ]; then
  if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?install: HOME is not set; give --prefix}/.local; fi
fi
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
prefix=${prefix%/}
list=$prefix/lib/dit/installed

# Removes the files that a list on standard input names, then its folders, the innermost first, where empty.
delete() {
  names=$(cat)
  printf '%s\n' "$names" | grep -v '/$' | while IFS= read -r name; do
    rm -f -- "$prefix/$name" "$prefix/$name.new"
  done || :
  printf '%s\n' "$names" | grep '/$' | awk '{ print length($0) " " $0 }' | sort -k1,1nr | cut -d' ' -f2- |
    while IFS= read -r name; do
      rmdir -- "$prefix/${name#./}" 2>/dev/null || :
    done || :
}

if [ -n "$uninstall" ]; then
  [ -f "$list" ] || fail "$list is missing, so it is not known what was installed in $prefix. Name the folder: --prefix FOLDER."
  [ -w "$prefix/lib/dit" ] || fail "$prefix cannot be written. Use sudo."
  { cat "$list" && printf 'lib/dit/installed\nlib/dit/\n'; } | delete
  say "removed from $prefix"
  exit 0
fi

# The machine.
[ "$(uname -s)" = Linux ] || fail "this is $(uname -s); the archive is for Linux."
[ "$(uname -m)" = x86_64 ] || fail "this processor is $(uname -m); the archive is for x86_64."
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || :)
case $glibc in
'glibc 2.'*)
  minor=${glibc#glibc 2.}
  [ "${minor%%.*}" -ge $oldest_glibc ] ||
    fail "this system has $glibc; 2.$oldest_glibc or newer is needed (Debian 12, Ubuntu 22.04)."
  ;;
glibc*) ;;
*) fail "this system has no glibc (Alpine, perhaps); the archive needs glibc 2.$oldest_glibc or newer." ;;
esac
if [ -r "$cpuinfo" ]; then
  flags=" $(sed -n 's/^flags[^:]*: *//p' "$cpuinfo" | head -n 1) "
  for flag in sse4_1 sse4_2 popcnt; do
    case $flags in *" $flag "*) ;; *) fail "this processor has no $flag, which the program needs." ;; esac
  done
  case $flags in *' avx2 '*) ;; *) say "this processor has no AVX2: the program will be slow" ;; esac
fi
for tool in tar zstd sha256sum; do
  command -v $tool >/dev/null || fail "$tool was not found. Install it (apt-get install zstd tar coreutils) and run this again."
done

downloads= new= made_prefix=
cleanup() {
  [ -z "$downloads" ] || rm -rf "$downloads"
  [ -z "$new" ] || rm -rf "$new"
  [ -z "$made_prefix" ] || rmdir "$prefix" 2>/dev/null || : # empty after a refusal
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The archive and its checksum.
fetch() {
  if command -v curl >/dev/null; then
    curl -fL --proto-redir =https --progress-bar -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget was found. Install one, or download the files and give --archive FILE."
  fi || fail "$1 could not be downloaded."
}
if [ -n "$url" ]; then
  [ -z "$archive" ] || usage
  downloads=$(mktemp -d "${TMPDIR:-/tmp}/dit.XXXXXX")
  fetch "$url/SHA256SUMS" "$downloads/SHA256SUMS"
  name=$(sed -n 's/^[0-9a-f]\{64\}  \(dit-[A-Za-z0-9.+-]*-linux-x86_64\.tar\.zst\)$/\1/p' "$downloads/SHA256SUMS" | head -n 1)
  [ -n "$name" ] || fail "$url/SHA256SUMS names no archive for linux-x86_64."
  archive=$downloads/$name
  fetch "$url/$name" "$archive"
elif [ -z "$archive" ]; then
  here=$(cd "$(dirname "$0")" && pwd)
  for file in "$here"/dit-*-linux-x86_64.tar.zst; do
    [ -e "$file" ] || fail "there is no dit-VERSION-linux-x86_64.tar.zst in $here. Give --archive FILE or --url URL."
    [ -z "$archive" ] || fail "there are several archives in $here. Choose one: --archive FILE."
    archive=$file
  done
fi
[ -f "$archive" ] || fail "$archive is no file."
name=$(basename "$archive")
sums=$(dirname "$archive")/SHA256SUMS
[ -f "$sums" ] || fail "$sums is missing, so $name cannot be checked. It comes with the archive."
expected=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$sums")
[ -n "$expected" ] || fail "$sums has no checksum of $name."
found=$(sha256sum <"$archive" | cut -d' ' -f1)
[ "$expected" = "$found" ] ||
  fail "the checksum of $name does not match: $found instead of $expected. Nothing was installed. Download it again."

# Unpacked beside its place, so that files are renamed into place.
[ -d "$prefix" ] || made_prefix=./
mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ] || fail "$prefix cannot be written. Use sudo, or --prefix FOLDER."
space=$(df -Pk "$prefix" | awk 'NR == 2 { print $4 }')
[ "$space" -ge $needed_space ] || fail "$prefix has $((space / 1024)) MB left; $((needed_space / 1024)) are needed."
new=$(mktemp -d "$prefix/.dit.XXXXXX")
say "unpacking $name"
zstd -q -d --long=27 -c "$archive" | tar -x -f - -C "$new" --strip-components=1 --no-same-owner ||
  fail "$name could not be unpacked."
version=$("$new/bin/dit" --version 2>&1) ||
  fail "the program does not start here, so nothing was installed: $version"

files=$(cd "$new" && find . -type f | sed 's|^\./||' | sort)
earlier=
[ ! -f "$list" ] || earlier=$(cat "$list")
folders=$(
  printf '%s\n' "$earlier" | grep '/$' || :
  [ -z "$made_prefix" ] || echo $made_prefix
  cd "$new" && find . -mindepth 1 -type d | sed 's|^\./||' | sort | while IFS= read -r folder; do
    [ -d "$prefix/$folder" ] || printf '%s/\n' "$folder"
  done
)
mkdir -p "$prefix/lib/dit"
# First, so that an installation that ends halfway can be removed.
printf '%s\n' "$earlier" "$files" "$folders" | grep . | awk '!seen[$0]++' >"$list.new"
mv -f "$list.new" "$list"
printf '%s\n' "$files" | while IFS= read -r name; do
  mkdir -p "$prefix/$(dirname "$name")"
  mv -f "$new/$name" "$prefix/$name"
done
# What the earlier version had and this one has not.
printf '%s\n' "$files" "$folders" | grep . | awk '!seen[$0]++' >"$list.new"
printf '%s\n' "$earlier" | grep -Fxv -f "$list.new" | grep . | delete
mv -f "$list.new" "$list"

say "$(printf '%s\n' "$version" | head -n 1)"
say "installed in $prefix; remove it with: install.sh --uninstall --prefix $prefix"
case :${PATH-}: in
*":$prefix/bin:"*) ;;
*) say "add $prefix/bin to PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
