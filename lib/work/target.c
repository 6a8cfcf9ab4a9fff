#include "work/target.h"

#include <stdio.h>

static const struct target_ops *const targets[] = {&target_sqlite, &target_csv};

const struct target_ops *target_find(enum driver driver)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (targets[i]->driver == driver)
			return targets[i];
	return NULL;
}

int target_of(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct target_ops **ret_ops, struct err *err)
{
	const struct connection *conn;
	const struct target_ops *ops;
	char used_by[JOB_NAME_MAX + 32];

	snprintf(used_by, sizeof(used_by), "job '%s': target", job->name);
	if (settings_connection(settings, job->target ? job->target : "", used_by, &conn, err))
		return -1;
	ops = target_find(conn->driver);
	if (!ops) {
		err_set(err, ERR_CONFIG, "connection '%s': driver '%s' cannot be written to",
			conn->name, driver_name(conn->driver));
		return err_wrap(err, "%s", conn->where);
	}
	*ret_conn = conn;
	*ret_ops = ops;
	return 0;
}

const char *load_name(const struct load *load)
{
	const struct job *job = load->job;

	return job->target_table && *job->target_table ? job->target_table : job->name;
}
