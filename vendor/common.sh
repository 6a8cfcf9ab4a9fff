# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables go to and come from the recipe and its caller
#
# Shared by vendor/build, vendor/fetch, scripts/notices and, while a library is
# built, by its recipe. What stands below the line "build functions" changes
# what is built, so it is part of every library's key; see vendor/build.

export LC_ALL=C
# a failure inside $(...) is a failure
shopt -s inherit_errexit
vendor=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/etl-build
tarballs=$cache/tarballs

say() { printf 'vendor: %s\n' "$*" >&2; }
warn() { say "$@"; }
die() { say "error: $*"; exit 1; }

# --- recipes ---------------------------------------------------------------

recipes() {
	local file
	for file in "$vendor"/recipes/*.sh; do
		file=${file##*/}
		echo "${file%.sh}"
	done
}

# Read a recipe: sets the variables of its header and defines build().
load() {
	package='' suites='' series='' licence='' licence_file='' deps='' archives=''
	debian_patches=none skip_patches='' instrument='' sanitize=address role=product tools=''
	[ -f "$vendor/recipes/$1.sh" ] || die "no recipe for '$1'"
	# shellcheck source=/dev/null
	. "$vendor/recipes/$1.sh"
}

# One field of a recipe's header, without disturbing the one that is loaded.
field() { (load "$1"; printf '%s\n' "${!2}"); }

recipe_of_package() {
	local recipe
	for recipe in $(recipes); do
		load "$recipe"
		[ "$package" != "$1" ] || return 0
	done
	die "no recipe builds package '$1'"
}

recipe_suites() {
	local recipe
	for recipe in $(recipes); do
		field "$recipe" suites
	done | tr ' ' '\n' | sort -u
}

# --- the lock file ---------------------------------------------------------

# Where fetch notes the lines that stand in for a locked version that is gone:
# bound to the lock lines it replaces, so a new lock makes it void.
standin() {
	local id
	id=$(grep "^$1 " "$vendor/lock" | sha256sum)
	echo "$cache/standin/$1-${id:0:12}"
}

# "package version file sha256" of a package.
locked_lines() {
	local instead
	instead=$(standin "$1")
	if [ -f "$instead" ]; then
		cat "$instead"
	else
		grep "^$1 " "$vendor/lock" || die "vendor/lock has no entry for '$1': run 'make vendor-update'"
	fi
}

# The upstream part of a Debian version: no epoch, revision or repack suffix.
upstream_version() {
	local version
	version=$(locked_lines "$1" | awk '{ print $2; exit }')
	version=${version#*:}
	version=${version%-*}
	version=${version##*+really}
	version=${version%+ds*}
	echo "${version%+dfsg*}"
}

# Is the cached tarball there and the locked one? A file that differs is never
# used and never replaced silently: somebody should know.
verified() {
	[ -f "$tarballs/$1" ] || return 1
	echo "$2  $tarballs/$1" | sha256sum --check --status - ||
		die "$tarballs/$1 does not have the locked sha256; refusing it (remove the file to fetch it again)"
}

# --- build functions -------------------------------------------------------

# Unpack the tarballs into $src and apply the patches: Debian's (its security
# fixes come this way) as the recipe says, then ours.
unpack() {
	local file sum patch

	mkdir -p "$src" "$work/packaging"
	while read -r _ _ file sum; do
		verified "$file" "$sum" || die "$file is not in the cache"
		case $file in
		*.debian.tar.*) tar -xf "$tarballs/$file" -C "$work/packaging" ;;
		*) tar -xf "$tarballs/$file" -C "$src" --strip-components=1 --no-same-owner ;;
		esac
	done < <(locked_lines "$package")

	if [ "$debian_patches" = all ]; then
		sed 's/#.*//' "$work/packaging/debian/patches/series" | while read -r patch _; do
			[ -n "$patch" ] || continue
			# shellcheck disable=SC2254 # a list of patterns is meant
			case " $skip_patches " in *" $patch "*) continue ;; esac
			apply "$work/packaging/debian/patches/$patch"
		done
	fi
	for patch in "$vendor/patches/$library"-*.patch; do
		[ ! -f "$patch" ] || wanted_patch "${patch##*/}" || continue
		[ ! -f "$patch" ] || apply "$patch"
	done
}

# A recipe may redefine this when a patch is for some versions only.
wanted_patch() { true; }

apply() {
	echo "applying ${1##*/}"
	patch -d "$src" -p1 --silent --forward --no-backup-if-mismatch < "$1" || die "${1##*/} does not apply"
}

# Configure $src for the variant. A musl binary runs here, so this is a native
# build: tests that run a program give the real answer.
configure() {
	"$src/configure" --host="$host" --build="$host" --prefix=/usr --sysconfdir=/etc \
		--localstatedir=/var --disable-shared --enable-static "$@"
}

# Compile plain C files of $src into one archive.
compile_archive() {
	local archive=$1 file
	shift
	mkdir -p "$out/lib" "$work/objects"
	for file; do
		# shellcheck disable=SC2086 # flags are words
		$CC $CPPFLAGS $CFLAGS -c "$src/$file" -o "$work/objects/$(basename "$file" .c).o"
	done
	ar rcD "$out/lib/$archive" "$work"/objects/*.o
}

# Merge archives that only make sense together, so that the link line names one.
merge_archives() {
	local archive=$1 part
	shift
	mkdir -p "$out/lib"
	{
		echo "create $out/lib/$archive"
		for part; do echo "addlib $part"; done
		printf 'save\nend\n'
	} | ar -M
}

# No dates, owners or modes of this build inside the archives.
normalise_archives() {
	local archive
	for archive in "$out"/lib/*.a; do
		[ ! -f "$archive" ] || objcopy --enable-deterministic-archives "$archive"
	done
}
