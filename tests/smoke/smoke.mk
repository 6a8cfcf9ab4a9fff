# smoke.mk - small static programs that prove the libraries against real peers;
# driven by tests/integration/test_toolchain.py.

smoke_out := build/$(VARIANT)/smoke
smoke_programs := $(patsubst tests/smoke/%.c,$(smoke_out)/%,$(wildcard tests/smoke/*.c))

.PHONY: smoke
smoke: $(smoke_programs)

smoke_compile = $(VENDOR_CC) -std=gnu17 -O2 -g $(WARNINGS) $(VENDOR_CFLAGS) -D_GNU_SOURCE -Ilib \
	$(VENDOR_CPPFLAGS)

# mbedTLS has its cipher from there
smoke_beneath := lib/base/gcm.c lib/base/mem.c

$(smoke_out)/%: tests/smoke/%.c tests/smoke/smoke.mk $(smoke_beneath) lib/base/gcm.h $(VENDOR_STAMPS)
	@mkdir -p $(@D)
	$(smoke_compile) $(VENDOR_LDFLAGS) $(filter %.c,$^) $(VENDOR_LIBS) -o $@

# with the product's own TLS
$(smoke_out)/tds_strict $(smoke_out)/tds_query: lib/tds/tls.c lib/tds/tls.h
$(smoke_out)/tds_strict $(smoke_out)/tds_query: smoke_compile += $(VENDOR_TDS_CPPFLAGS)
