#!/bin/sh
# Installs dit from its archive, dit-VERSION-linux-x86_64.tar.zst, or removes it. Needs no compiler.
#
# SHA256SUMS lies beside the archive and tells damage; it comes from the same place, so it is no signature. System,
# processor, space, checksum and all places are checked before anything is replaced, and the program has to start.
# An earlier version is replaced while it runs; PREFIX/lib/dit/installed lists all files, for --uninstall (and
# `make uninstall`).
set -eu
export LC_ALL=C

cpuinfo=/proc/cpuinfo
oldest_glibc=35 # 2.35, that of Ubuntu 22.04
needed_space=500000 # kilobytes: one version

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}
usage() {
  cat <<'END'
usage: install.sh [--prefix FOLDER] [--archive FILE | --url URL] [--force]
       install.sh --uninstall [--prefix FOLDER]

  --prefix FOLDER  where the program goes: FOLDER/bin, FOLDER/lib/dit, FOLDER/share.
                   By default /usr/local for root, ~/.local for others.
  --archive FILE   dit-VERSION-linux-x86_64.tar.zst, with SHA256SUMS beside it.
                   By default the one beside this script.
  --url URL        Downloads both from below URL (https).
  --force          Also replaces files that are not of an earlier installation.
  --uninstall      Removes what was installed in FOLDER.
END
}
wrong() {
  printf 'install: %s\n' "$*" >&2
  usage >&2
  exit 64
}
# A word as a shell reads it.
quoted() {
  case $1 in
  *[!A-Za-z0-9/._+-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
  *) printf '%s' "$1" ;;
  esac
}

prefix='' archive='' url='' uninstall='' force=''
while [ $# -gt 0 ]; do
  option=$1
  shift
  case $option in
  --prefix=* | --archive=* | --url=*)
    value=${option#*=}
    option=${option%%=*}
    ;;
  --prefix | --archive | --url)
    [ $# -gt 0 ] || wrong "$option needs a value."
    value=$1
    shift
    ;;
  --uninstall) uninstall=1 && continue ;;
  --force) force=1 && continue ;;
  --help | -h) usage && exit 0 ;;
  *) wrong "$option is not known here." ;;
  esac
  [ -n "$value" ] || wrong "$option needs a value."
  case $option in
  --prefix) prefix=$value ;;
  --archive) archive=$value ;;
  --url) url=${value%/} ;;
  esac
done
[ -z "$url" ] || [ -z "$archive" ] || wrong "--url and --archive exclude each other."
case $url in
'' | https://* | file://*) ;;
http://*) fail "$url is not protected on its way. Give an address with https, or download the files and give --archive FILE." ;;
*) wrong "--url $url is no address with https." ;;
esac
if [ "$(id -u)" = 0 ]; then
  umask 022 # for all users
  [ -n "$prefix" ] || prefix=/usr/local
elif [ -z "$prefix" ]; then
  [ -n "${HOME-}" ] || fail "HOME is not set. Give --prefix FOLDER."
  prefix=$HOME/.local
fi
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
while [ "$prefix" != "${prefix%/}" ]; do prefix=${prefix%/}; done
[ -n "$prefix" ] || fail "the root folder is no place for this. Give --prefix FOLDER; /usr/local is usual."
list=$prefix/lib/dit/installed
new=$prefix/.dit.new # unpacked here, beside its place, so that files are renamed into place

# Removes the files that a list on standard input names, then its folders, the innermost first, where empty. Prints the
# files that could not be removed.
delete() {
  names=$(cat)
  printf '%s\n' "$names" | grep -v '/$' | grep . | while IFS= read -r name; do
    rm -f -- "$prefix/$name" "$prefix/$name.new" 2>/dev/null || printf '%s\n' "$prefix/$name"
  done || :
  printf '%s\n' "$names" | grep '/$' | awk '{ print length($0) " " $0 }' | sort -k1,1nr | cut -d' ' -f2- |
    while IFS= read -r name; do
      rmdir -- "$prefix/${name#./}" 2>/dev/null || :
    done || :
}

# Fails if a file that a list on standard input names cannot be placed or removed.
check_folders() {
  grep -v '/$' | grep . | sed 's|^|/|; s|/[^/]*$||' | sort -u | while IFS= read -r name; do
    folder=$prefix$name
    while [ ! -e "$folder" ] && [ ! -L "$folder" ]; do folder=${folder%/*}; done
    [ -d "$folder" ] || fail "$folder is in the way: it is no folder. Nothing was changed. Move it away, or give --prefix FOLDER."
    [ -w "$folder" ] && [ -x "$folder" ] ||
      fail "$folder cannot be written. Nothing was changed. Use sudo, or another --prefix FOLDER."
  done
}

# What an installation that was killed has left.
remove_unfinished() {
  [ -e "$new" ] || [ -e "$new.pid" ] || return 0
  process=$(cat "$new.pid" 2>/dev/null || :)
  [ -z "$process" ] || [ ! -d "/proc/$process" ] ||
    fail "another installation, process $process, works in $prefix. If it is none, remove $new.pid."
  rm -rf "$new" "$new.pid" || fail "$new, left by an earlier installation, could not be removed. Use sudo."
}

if [ -n "$uninstall" ]; then
  [ -f "$list" ] || fail "$list is missing, so it is not known what was installed in $prefix. Name the folder: --prefix FOLDER."
  { cat "$list" && echo lib/dit/installed; } | check_folders
  remove_unfinished
  left=$(delete <"$list")
  [ -z "$left" ] || fail "these could not be removed; move them away and run this again:
$left"
  { grep '/$' "$list" || :; printf 'lib/dit/installed\nlib/dit/\n'; } | delete
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
  # Tried under emulation: an Intel Nehalem, with these, draws; a processor without them fails.
  for flag in sse4_1 sse4_2 popcnt; do
    case $flags in *" $flag "*) ;; *) fail "this processor has no $flag, which the program needs." ;; esac
  done
  case $flags in *' avx2 '*) ;; *) say "this processor has no AVX2: the program will be slow" ;; esac
fi
for tool in tar zstd sha256sum; do
  command -v $tool >/dev/null || fail "$tool was not found. Install it (apt-get install zstd tar coreutils) and run this again."
done

downloads='' unpacking='' made_prefix=''
above=$prefix # the nearest folder that is there
cleanup() {
  [ -z "$downloads" ] || rm -rf "$downloads"
  [ -z "$unpacking" ] || rm -rf "$new" "$new.pid"
  # Empty after a refusal.
  folder=$prefix
  while [ -n "$made_prefix" ] && [ "$folder" != "$above" ] && rmdir "$folder" 2>/dev/null; do folder=${folder%/*}; done
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The archive and its checksum.
fetch() {
  if command -v curl >/dev/null; then
    progress=-sS
    [ ! -t 2 ] || progress=--progress-bar
    curl -fL --proto '=https,file' --proto-redir '=https' $progress -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -nv -O "$2" "$1"
  else
    fail "neither curl nor wget was found. Install one, or download the files and give --archive FILE."
  fi || fail "$1 could not be downloaded."
}
if [ -n "$url" ]; then
  downloads=$(mktemp -d "${TMPDIR:-/tmp}/dit.XXXXXX")
  fetch "$url/SHA256SUMS" "$downloads/SHA256SUMS"
  name=$(sed -n 's/^[0-9a-f]\{64\}  \(dit-[A-Za-z0-9.+-]*-linux-x86_64\.tar\.zst\)$/\1/p' "$downloads/SHA256SUMS" | head -n 1)
  [ -n "$name" ] || fail "$url/SHA256SUMS names no archive for linux-x86_64."
  archive=$downloads/$name
  say "downloading $url/$name"
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
[ -n "$expected" ] || fail "$sums has no checksum of $name. Nothing was installed. Download both again."
found=$(sha256sum <"$archive" | cut -d' ' -f1)
[ "$expected" = "$found" ] ||
  fail "the checksum of $name does not match: $found instead of $expected. Nothing was installed. Download it again."

# Unpacked.
while [ -n "$above" ] && [ ! -e "$above" ] && [ ! -L "$above" ]; do above=${above%/*}; done
[ "$above" = "$prefix" ] || made_prefix=./
[ -d "${above:-/}" ] || fail "$above is in the way: it is no folder. Move it away, or give --prefix FOLDER."
mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ] || fail "$prefix cannot be written. Use sudo, or another --prefix FOLDER."
remove_unfinished
space=$(df -Pk "$prefix" | awk 'NR == 2 { print $4 }')
[ "$space" -ge $needed_space ] || fail "$prefix has $((space / 1024)) MB left; $((needed_space / 1024)) are needed."
mkdir -m 755 "$new" || fail "$new cannot be made; another installation may have begun. Run this again."
unpacking=1
echo $$ >"$new.pid"
say "unpacking $name"
zstd -q -d --long=27 -c "$archive" | tar -x -f - -C "$new" --strip-components=1 --no-same-owner ||
  fail "$name could not be unpacked."
version=$("$new/bin/dit" --version 2>&1) ||
  fail "the program does not start here, so nothing was installed: $version"

# The program comes last, after its libraries.
files=$(cd "$new" && find . -type f | sed 's|^\./||' | sort | awk '$0 == "bin/dit" { last = $0; next } { print } END { print last }')
needed=$(cd "$new" && find . -mindepth 1 -type d | sed 's|^\./||; s|$|/|' | sort)
earlier=''
[ ! -f "$list" ] || earlier=$(cat "$list")

# The places.
printf '%s\n' "$files" "$earlier" lib/dit/installed | check_folders
printf '%s\n' "$files" | while IFS= read -r name; do
  [ -e "$prefix/$name" ] || [ -L "$prefix/$name" ] || continue
  [ ! -d "$prefix/$name" ] || fail "$prefix/$name is in the way: it is a folder. Nothing was changed. Move it away."
  [ -n "$force" ] || printf '%s\n' "$earlier" | grep -Fxq -e "$name" ||
    fail "$prefix/$name is not of an earlier installation. Nothing was changed. Move it away, or give --force to replace it."
done

folders=$(
  printf '%s\n' "$earlier" | grep '/$' || :
  [ -z "$made_prefix" ] || echo $made_prefix
  printf '%s\n' "$needed" | while IFS= read -r folder; do
    [ -d "$prefix/$folder" ] || printf '%s\n' "$folder"
  done
)
trap '' HUP INT TERM # from here on it takes a moment
mkdir -p "$prefix/lib/dit"
# First, so that an installation that ends halfway can be removed.
printf '%s\n' "$earlier" "$files" "$folders" | grep . | awk '!seen[$0]++' >"$list.new"
mv -f "$list.new" "$list"
printf '%s\n' "$files" | while IFS= read -r name; do
  place=$prefix/$name
  mkdir -p "${place%/*}" && mv -fT "$new/$name" "$place" || exit 1
done || fail "$prefix has a part of the new version. Run this again, or with --uninstall."
# What the earlier version had and this one has not.
kept=$(printf '%s\n' ./ "$files" "$needed")
printf '%s\n' "$kept" >"$list.new"
left=$(printf '%s\n' "$earlier" | grep -Fxv -f "$list.new" | delete)
[ -z "$left" ] || say "these files of the earlier version could not be removed:
$left"
printf '%s\n' "$files" "$folders" | grep . | awk '!seen[$0]++' | while IFS= read -r name; do
  [ ! -e "$prefix/$name" ] || printf '%s\n' "$name"
done >"$list.new"
mv -f "$list.new" "$list"

say "$(printf '%s\n' "$version" | head -n 1)"
remover=$prefix/share/dit/install.sh
[ -f "$remover" ] || remover=$0
say "installed in $prefix; remove it with: sh $(quoted "$remover") --uninstall --prefix $(quoted "$prefix")"
case :${PATH-}: in
*":$prefix/bin:"*) ;;
*) say "add $prefix/bin to PATH: export PATH=$(quoted "$prefix/bin"):\$PATH" ;;
esac
