# tdsd.mk - the TDS server of the tests.

tdsd_sources := $(sort $(wildcard tests/tdsd/*.c))

.PHONY: tdsd
tdsd: $(out)/tests/tdsd/tdsd
$(out)/tests/tdsd/tdsd: $(call objects,$(tdsd_sources)) $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)
