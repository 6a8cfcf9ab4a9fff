/*
 * Any text as the handle of a process: what is taken prints as the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "exec/process_handle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = mem_alloc(size + 1);
	char again[EXECUTOR_HANDLE_MAX];
	struct process_handle h;

	memcpy(text, data, size);
	if (process_handle_parse(text, &h))
		return 0;
	process_handle_print(&h, again);
	if (strcmp(again, text) != 0 || h.pid <= 0 || h.start < 0)
		abort();
	return 0;
}
