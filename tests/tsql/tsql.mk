# tsql.mk - what prints the store's T-SQL for tests/integration/test_tsql.py.

.PHONY: tsql
tsql: $(out)/tests/tsql/dump
$(out)/tests/tsql/dump: %: %.o $(lib_objects)
	$(call say,LINK)
	$(Q)$(link)
