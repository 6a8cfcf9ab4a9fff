# tdsd.mk - the TDS server of the tests.

tdsd_sources := $(sort $(wildcard tests/tdsd/*.c))

.PHONY: tdsd
tdsd: $(out)/tests/tdsd/tdsd
$(out)/tests/tdsd/tdsd: $(call objects,$(tdsd_sources)) $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)

# unit tests of its engine
tdsd_unit_objects := $(call objects,$(filter tests/tdsd/engine% tests/tdsd/tsql%,$(tdsd_sources)) \
	$(sort $(wildcard tests/unit/tdsd/support/*.c)))
$(patsubst %.c,$(out)/%,$(wildcard tests/unit/tdsd/*.c)): $(tdsd_unit_objects)

# and a fuzz target
$(out)/tests/fuzz/tsql: $(call objects,$(filter tests/tdsd/engine% tests/tdsd/tsql%,$(tdsd_sources)))
