#include "work/batch.h"

#include <stdlib.h>

void batch_init(struct batch *b)
{
	*b = (struct batch){.data = mem_alloc(BATCH_SIZE), .cap = BATCH_SIZE};
}

void batch_release(struct batch *b)
{
	free(b->data);
	*b = (struct batch){.data = NULL};
}

void batch_reset(struct batch *b)
{
	*b = (struct batch){.data = b->data, .cap = b->cap};
}
