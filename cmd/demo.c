/*
 * What a newcomer sees first: the program's own commands on two sources that are made here, in a new
 * directory. Nothing is simulated: a controller starts workers, which load into a SQLite warehouse.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "cmd/cmd.h"

#define OURSELVES "/proc/self/exe"
#define DIRECTORY "etl-demo"
#define REPORT	  "contributions_by_fund.csv"
#define REPORT_MAX (64u * 1024)

static const char config[] =
	"; Where runs are kept, and where data comes from and goes to. 'etl help config' lists all keys.\n"
	"[store]\ndriver = sqlite\npath = control.db\n\n"
	"[connection files]\ndriver = csv\npath = .\n\n"
	"[connection administration]\ndriver = sqlite\npath = administration.db\n\n"
	"[connection warehouse]\ndriver = sqlite\npath = warehouse.db\n";

static const char jobs[] =
	"; What to do, and in which order. 'etl help job' lists all keys.\n"
	"[job load_funds]\nsource = files\nsource_table = funds\ntarget = warehouse\ntarget_table = funds\n"
	"load_mode = replace\n\n"
	"; a year of an administration's work, so that there is something to load\n"
	"[job work]\nkind = sql\ntarget = administration\ncommand =\n"
	"  CREATE TABLE IF NOT EXISTS contribution (id integer PRIMARY KEY, member integer NOT NULL,\n"
	"    fund text NOT NULL, paid_on text NOT NULL, cents integer NOT NULL);\n"
	"  INSERT OR IGNORE INTO contribution\n"
	"    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 120000)\n"
	"    SELECT i, i % 10000 + 1, substr('ABC', i % 10000 % 3 + 1, 1),\n"
	"      date('2025-01-28', (i / 10000) || ' months'), 15000 + i % 10000 % 97 * 250 FROM n\n\n"
	"[job load_contributions]\nafter = work\nsource = administration\nsource_table = contribution\n"
	"target = warehouse\ntarget_table = contributions\nload_mode = incremental\nkey_columns = id\n"
	"watermark_column = id\n\n"
	"[job report]\nafter = load_funds, load_contributions\nsource = warehouse\nsource_query =\n"
	"  SELECT f.name AS fund, count(DISTINCT c.member) AS members, count(*) AS contributions,\n"
	"    printf('%.2f', sum(c.cents) / 100.0) AS euros\n"
	"  FROM contributions c JOIN funds f ON f.fund = c.fund GROUP BY f.fund ORDER BY f.fund\n"
	"target = files\ntarget_table = " REPORT "\nload_mode = replace\n";

static const struct {
	const char *name, *text;
} files[] = {
	{"etl.ini", config},
	{"jobs.ini", jobs},
	{"funds.csv", "fund,name\nA,Defined benefit\nB,Defined contribution\nC,\"Early retirement, old scheme\"\n"},
};

static const char *const steps[][5] = {
	{"init"},
	{"apply", "jobs.ini"},
	{"--log-level", "error", "run", "load_funds"},
	{"--log-level", "error", "run", "work"},
	{"controller", "--until-idle"},
	{"status"},
};

static int write_file(const char *name, const char *text, struct err *err)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return err_errno(err, ERR_IO, errno, "cannot make '%s'", name);
	n = write(fd, text, len);
	if (close(fd) == 0 && n == (ssize_t)len)
		return 0;
	return err_errno(err, ERR_IO, n < 0 ? errno : ENOSPC, "cannot write '%s'", name);
}

/* A directory that nobody has yet: what is there may be somebody's work. */
static int make_directory(const char *dir, struct err *err)
{
	if (mkdir(dir, 0777) == 0)
		return chdir(dir) == 0 ? 0 : err_errno(err, ERR_IO, errno, "cannot enter '%s'", dir);
	if (errno == EEXIST) {
		err_set(err, ERR_USAGE, "'%s' is there already", dir);
		return err_hint(err, "name another directory: etl demo DIR");
	}
	err_errno(err, ERR_IO, errno, "cannot make directory '%s'", dir);
	return err_hint(err, "where nothing can be written mount something: docker run --tmpfs /work:mode=1777 …");
}

/* A step as it would be typed, and done. Its configuration is the directory's, whatever ours is. */
static int step(const char *const *words, struct err *err)
{
	const char *argv[sizeof(steps[0]) / sizeof(steps[0][0]) + 2] = {OURSELVES};
	struct proc child;
	struct proc_end end;

	printf("\n$ etl");
	for (size_t i = 0; i < sizeof(steps[0]) / sizeof(steps[0][0]) && words[i]; i++) {
		printf(" %s", words[i]);
		argv[i + 1] = words[i];
	}
	puts("");
	if (cmd_flush(err) || proc_start(argv, NULL, 0, &child, err))
		return -1;
	if (proc_wait(&child, -1, &end, err) < 0)
		return -1;
	proc_release(&child);
	if (end.signalled || end.status)
		return err_set(err, ERR_TARGET, "'etl %s' ended with %s %d", words[0],
			end.signalled ? "signal" : "exit status", end.status);
	return 0;
}

int cmd_demo(struct invocation *in, struct err *err)
{
	CLEANUP(buf_release) struct buf report = BUF_INIT(REPORT_MAX);
	const char *dir = in->n_args ? in->args[0] : DIRECTORY;

	if (make_directory(dir, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (write_file(files[i].name, files[i].text, err))
			return -1;
	printf("%s/ has etl.ini, jobs.ini and funds.csv.\n", dir);
	unsetenv("ETL_CONFIG");
	unsetenv("ETL_LOG_LEVEL");
	setenv("ETL_LOG_FORMAT", "text", 1);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (step(steps[i], err))
			return -1;
	if (file_read(REPORT, &report, err))
		return -1;
	printf("\n%s, which the last job wrote from the warehouse:\n\n%s", REPORT, buf_str(&report));
	return cmd_flush(err);
}
