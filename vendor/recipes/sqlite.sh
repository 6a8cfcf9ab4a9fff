# shellcheck shell=bash disable=SC2034,SC2154
#
# SQLite: the control store without a server, and a source and target of copies.
#
# Why: it is SQLite.

package=sqlite3
suites='trixie trixie-security'
series=3.46.1
licence=blessing
licence_file=LICENSE.md
debian_patches=all
# wants a file of Debian's lemon package
skip_patches='02-use-packaged-lempar.c.patch'
archives=libsqlite3.a
instrument='asan tsan'

build() {
	# the amalgamation is made by host tools; upstream's defaults for it
	(CC=gcc CFLAGS=-O1 configure --disable-tcl --disable-readline --disable-load-extension)
	make sqlite3.c BCC=gcc
	CFLAGS+=' -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_DQS=0'
	CFLAGS+=' -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_USE_ALLOCA'
	# readers of one state, for ranges that are read in parallel
	CFLAGS+=' -DSQLITE_ENABLE_SNAPSHOT'
	compile_archive libsqlite3.a sqlite3.c
	cp sqlite3.h "$out/include"
}
