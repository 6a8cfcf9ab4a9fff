# etl: one static binary. `make` builds it, `make help` lists what else there is.

VERSION := 0.1.0

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
# all processors, unless -j was given, or by the make that calls this one
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# V=1 prints whole commands
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $1 $@)

# One tree of objects per way of building: the product (musl, static), or the
# same sources with glibc under a tool. SAN=1 ASan and UBSan, TSAN=1, COV=1.
ifdef SAN
BUILD := san
# for libFuzzer: coverage of our own code
MODE_FLAGS := -fsanitize=fuzzer-no-link
VARIANT := asan
else ifdef TSAN
BUILD := tsan
VARIANT := tsan
else ifdef FAULT
# build/etl-fault: dies, fails or stalls where a test says (lib/base/fault.h)
BUILD := fault
VARIANT := musl
MODE_FLAGS := -DETL_FAULT_POINTS
else ifdef SIM
# the same points under the simulation's hand; glibc, whose allocator keeps its memory
BUILD := sim
VARIANT := glibc
MODE_FLAGS := -DETL_FAULT_POINTS
else ifdef COV
BUILD := cov
VARIANT := glibc
MODE_FLAGS := --coverage
else
BUILD := musl
VARIANT := musl
endif

include vendor/vendor.mk

out := build/$(BUILD)
etl := $(if $(filter musl,$(BUILD)),build/etl,$(if $(FAULT),build/etl-fault,$(out)/etl))

WARNINGS := -Wall -Wextra -Wconversion -Wformat=2 -Wvla -Wmissing-prototypes -Wshadow -Werror \
	-Wno-missing-field-initializers
# assert stays: it is for our own bugs, and none of it is in a hot loop
CFLAGS := -O2 -g
CPPFLAGS := -D_GNU_SOURCE -DETL_VERSION='"$(VERSION)"' -I. -Ilib
compile = $(VENDOR_CC) -std=gnu17 $(CFLAGS) $(WARNINGS) $(VENDOR_CFLAGS) $(MODE_FLAGS) \
	$(CPPFLAGS) $(VENDOR_CPPFLAGS) -MMD -MP -c $< -o $@
link = $(VENDOR_CC) $(VENDOR_LDFLAGS) $(MODE_FLAGS) $(filter %.o,$^) $(VENDOR_LIBS) -o $@

lib_sources := $(sort $(wildcard lib/*/*.c))
cmd_sources := $(sort $(wildcard cmd/*.c))
unit_sources := $(sort $(wildcard tests/unit/*/*.c))
fuzz_sources := $(sort $(wildcard tests/fuzz/*.c))
bench_sources := $(sort $(wildcard tests/bench/*.c))

objects = $(patsubst %.c,$(out)/%.o,$1)
lib_objects := $(call objects,$(lib_sources))
unit_programs := $(patsubst %.c,$(out)/%,$(unit_sources))
unit_support := $(call objects,$(sort $(wildcard tests/unit/*.c))) # used by several
fuzz_programs := $(patsubst %.c,$(out)/%,$(fuzz_sources))
bench_programs := $(patsubst %.c,$(out)/%,$(bench_sources))

.PHONY: all help demo test unit fuzz sim bench bench-programs man notices sbom layers clean
all: $(etl)

$(out)/etl.full: $(call objects,$(cmd_sources)) $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

# The product is stripped; build/musl/etl.full has its symbols, under the same build id.
build/etl: $(out)/etl.full
	@strip -o $@ $<
ifneq ($(BUILD),musl)
$(etl): $(out)/etl.full
	@cp $< $@.new && mv $@.new $@
endif

$(out)/%.o: %.c $(VENDOR_STAMPS) Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(compile)

# the only files that see FreeTDS's internal headers
$(out)/lib/tds/tls.o $(out)/lib/tds/gssapi.o $(out)/lib/db/mssql_socket.o: CPPFLAGS += $(VENDOR_TDS_CPPFLAGS)

unit: $(unit_programs)
$(out)/tests/unit/%.o: CPPFLAGS += $(VENDOR_TEST_CPPFLAGS) -Itests
$(unit_programs): VENDOR_LIBS += $(VENDOR_TEST_LIBS)
$(unit_programs): %: %.o $(unit_support) $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

# make SAN=1 fuzz
fuzz: $(fuzz_programs)

# make SIM=1 sim
sim: $(out)/tests/sim/sim
$(out)/tests/sim/sim: %: %.o $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

bench-programs: $(bench_programs)
$(bench_programs): %: %.o $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

-include tests/smoke/smoke.mk
-include tests/tsql/tsql.mk
-include tests/tdsd/tdsd.mk
$(fuzz_programs): MODE_FLAGS += -fsanitize=fuzzer
$(fuzz_programs): %: %.o $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

-include $(shell find $(out) -name '*.d' 2>/dev/null)

help:
	@echo 'make            build/etl, the static binary'
	@echo 'make demo       install what is needed, build, load four tables, show the result'
	@echo 'make test       every suite; make SAN=1 | TSAN=1 | COV=1 build variants'
	@echo 'make bench      size, start, speed and queue beside named peers'
	@echo 'make man        docs/etl.1; make notices: NOTICES; make sbom: build/etl.cdx.json'
	@echo 'make vendor-update   newest versions of the locked series into vendor/lock'

demo:
	@scripts/install-deps demo
	@$(MAKE) --no-print-directory all
	@scripts/demo

test:
	@scripts/install-deps all
	@scripts/test

bench:
	@scripts/install-deps bench
	@$(MAKE) --no-print-directory all bench-programs tdsd
	@scripts/bench

man: all
	build/etl help --man > docs/etl.1

notices: vendor
	scripts/notices > NOTICES

# what is linked, for whoever looks for vulnerable versions
sbom:
	@mkdir -p build
	@scripts/sbom $(VERSION) > build/etl.cdx.json

layers:
	@scripts/layers

clean:
	rm -rf build
