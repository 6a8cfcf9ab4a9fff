# shellcheck shell=bash disable=SC2034,SC2154
#
# libyaml: YAML, for kubeconfigs.
#
# Why: kubectl and oc write them, people edit them, and YAML is no format to
# parse half of. The one that most languages' YAML is made of; its parser has no
# recursion, and it has not changed for years.

package=libyaml
suites=trixie
series=0.2.5
licence=MIT
licence_file=License
archives=libyaml.a
instrument='asan tsan'

build() {
	CPPFLAGS='-Iinclude -DYAML_VERSION_MAJOR=0 -DYAML_VERSION_MINOR=2 -DYAML_VERSION_PATCH=5 -DYAML_VERSION_STRING="0.2.5" -DYAML_DECLARE_STATIC' \
		compile_archive libyaml.a src/{api,reader,scanner,parser}.c
	cp include/yaml.h "$out/include"
}
