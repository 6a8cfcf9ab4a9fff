# vendor.mk - the third-party libraries, from vendor/recipes/ through a cache.
#
# The Makefile that includes this sets VARIANT before: musl (the product), glibc
# (coverage, valgrind), asan or tsan. It gets
#
#   VENDOR_CC            compiler of the variant; for musl always static
#   VENDOR_CPPFLAGS      -isystem of every linked library and of vendor_versions.h
#   VENDOR_CFLAGS        code generation flags of the variant
#   VENDOR_LDFLAGS       before the objects on a link line
#   VENDOR_LIBS          after them: link objects, not archives of our own, since
#                        libtds calls back into lib/tds/
#   VENDOR_STAMPS        prerequisites of our objects: `%.o: %.c $(VENDOR_STAMPS)`
#   VENDOR_TDS_CPPFLAGS  FreeTDS's internal headers, for the files that need them: they
#                        include <config.h> first; exactly one <freetds/data.h>
#   VENDOR_TEST_CPPFLAGS, VENDOR_TEST_LIBS   cmocka
#
# and the targets `vendor` and `vendor-update`. The libraries appear as links
# build/vendor/$(VARIANT)/<library> with include/, lib/ and LICENSE.

ifeq ($(filter musl glibc asan tsan,$(VARIANT)),)
$(error VARIANT is '$(VARIANT)': set it to musl, glibc, asan or tsan)
endif

vendor_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
vendor_out := build/vendor/$(VARIANT)
vendor_scripts := $(addprefix $(vendor_dir)/,build common.sh lock)
# dpkg touches these when a tool or header package changes
vendor_tools := $(subst :,\:,$(wildcard $(addprefix /var/lib/dpkg/info/,binutils.list \
	gcc-[0-9]*.list clang-[0-9]*.list linux-libc-dev*.list libc6-dev*.list)))

.PHONY: vendor vendor-update vendor-force

# what the recipes' headers say: vendor_recipes, vendor_deps_X, vendor_archives_X,
# vendor_linked
include build/vendor/recipes.mk
build/vendor/recipes.mk: $(wildcard $(vendor_dir)/recipes/*.sh) $(vendor_scripts)
	@mkdir -p $(@D)
	@$(vendor_dir)/build --make > $@.new && mv $@.new $@

# Heimdal first: it takes half of the time.
vendor_libraries := $(filter heimdal,$(vendor_recipes)) $(filter-out heimdal,$(vendor_recipes))
ifneq ($(VARIANT),musl)
vendor_libraries := $(filter-out musl,$(vendor_libraries))
endif

vendor_stamp = $(vendor_out)/.$1.stamp
vendor_link = $(vendor_out)/$1
# a link that leads nowhere (the cache was removed) forces a build
vendor_lost = $(if $(wildcard $(vendor_link)/LICENSE),,vendor-force)
# everything of the product is built by musl's compiler
vendor_needs = $(foreach d,$(vendor_deps_$1) \
	$(if $(filter musl,$(VARIANT)),$(filter-out $1,musl)),$(call vendor_stamp,$d))

define vendor_rule
$(call vendor_stamp,$1): $(vendor_dir)/recipes/$1.sh $(wildcard $(vendor_dir)/patches/$1-*.patch) \
		$(vendor_scripts) $(vendor_tools) \
		$(call vendor_needs,$1) $(call vendor_lost,$1)
	@MAKE='$$(MAKE)' $(vendor_dir)/build $(VARIANT) $1 $(call vendor_link,$1)
	@touch $$@
endef
$(foreach library,$(vendor_libraries),$(eval $(call vendor_rule,$(library))))

vendor_versions := $(vendor_out)/include/vendor_versions.h
$(vendor_versions): $(vendor_scripts) $(wildcard $(vendor_dir)/recipes/*.sh)
	@mkdir -p $(@D)
	@$(vendor_dir)/build --versions > $@.new && mv $@.new $@

VENDOR_STAMPS := $(foreach library,$(vendor_libraries),$(call vendor_stamp,$(library))) $(vendor_versions)

vendor: $(VENDOR_STAMPS)

vendor-update:
	@$(vendor_dir)/fetch --update

# musl's own headers come with its compiler
VENDOR_CPPFLAGS := -isystem $(vendor_out)/include \
	$(foreach library,$(vendor_linked),-isystem $(call vendor_link,$(library))/include)
VENDOR_LIBS := $(foreach library,$(vendor_linked),$(addprefix \
	$(call vendor_link,$(library))/lib/,$(vendor_archives_$(library)))) -lpthread -lm
VENDOR_TDS_CPPFLAGS := -isystem $(call vendor_link,freetds)/include/freetds-private
VENDOR_TEST_CPPFLAGS := -isystem $(call vendor_link,cmocka)/include
VENDOR_TEST_LIBS := $(call vendor_link,cmocka)/lib/libcmocka.a

# The mapping keeps the checkout's path out of the binary.
VENDOR_CFLAGS := -fPIE -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=.
VENDOR_LDFLAGS := -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,--build-id=sha1

ifeq ($(VARIANT),musl)
VENDOR_CC := $(call vendor_link,musl)/bin/musl-gcc
# musl gives a thread 128 KB of stack, too little for name resolution and TLS
VENDOR_LDFLAGS += -static-pie -Wl,-z,stack-size=1048576 -Wl,-z,noexecstack
else ifeq ($(VARIANT),glibc)
VENDOR_CC := gcc
VENDOR_LDFLAGS += -pie
else ifeq ($(VARIANT),asan)
VENDOR_CC := clang
VENDOR_CFLAGS += -fno-omit-frame-pointer -fsanitize=address,undefined
VENDOR_LDFLAGS += -pie -fsanitize=address,undefined
else
VENDOR_CC := clang
VENDOR_CFLAGS += -fno-omit-frame-pointer -fsanitize=thread
VENDOR_LDFLAGS += -pie -fsanitize=thread
endif

# what musl has in its one library
ifneq ($(VARIANT),musl)
VENDOR_LIBS += -lresolv -lcrypt
endif
