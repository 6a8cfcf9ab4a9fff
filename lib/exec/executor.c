#include "exec/executor.h"

const struct executor_ops *executor_choose(const struct settings *settings)
{
	return settings->controller.executor == EXECUTOR_KUBERNETES ? &executor_kubernetes : &executor_process;
}
