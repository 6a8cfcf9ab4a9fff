#include "cmd/cmd.h"

static const struct flag json_flag[] = {{"json", NULL, "print JSON"}};

static const struct flag worker_flags[] = {
	{"job", "JOB", "the job's number or name", .required = true},
};

static const struct flag status_flags[] = {
	{"last", "N", "how many runs, the newest first (20)"},
	{"json", NULL, "print JSON"},
};

static const struct flag help_flags[] = {
	{"man", NULL, "print the manual page etl(1) (roff)"},
};

const struct flag global_flags[] = {
	{"config", "FILE", "the configuration; else $ETL_CONFIG, ./etl.ini, /etc/etl/etl.ini"},
	{"log-level", "LEVEL", "error, warn, info or debug; else $ETL_LOG_LEVEL, [log] level"},
	{"log-format", "FORMAT", "text, json or auto; else $ETL_LOG_FORMAT, [log] format"},
	{"help", NULL, "print the command's help"},
};
const size_t n_global_flags = ARRAY_LEN(global_flags);

#define FLAGS(table) .flags = (table), .n_flags = ARRAY_LEN(table)

/* In the order in which a newcomer needs them. */
const struct command commands[] = {
	{"init", NULL, 0, 0, "make the control database, or bring it up to this version",
		"Makes the store that [store] names (./etl.db without a configuration) or brings "
		"its schema up to this program's version. It can be run again: nothing is lost.",
		FLAGS(json_flag), cmd_init},
	{"apply", "FILE", 1, 1, "store the jobs that a file defines",
		"Reads [job NAME] sections ('etl help job' lists their keys; '-' is standard input), "
		"with a [defaults] section for what they have in common, and stores them by name: new ones get a number, changed ones a new version in the "
		"history, others stay. All of the file is stored, or nothing of it.",
		FLAGS(json_flag), cmd_apply},
	{"worker", NULL, 0, 0, "run a job here and now",
		"Orders a run of the job and executes it in the foreground, with a line of progress "
		"on a terminal. Rows go to a staging table first and are published in one "
		"transaction: an interrupted load (Ctrl-C) leaves the target as it was.",
		FLAGS(worker_flags), cmd_worker},
	{"status", "[RUN]", 0, 1, "list the last runs, or show one",
		"Lists the last runs with their states, rows and times, the newest first; with a "
		"number, that run and why it failed.",
		FLAGS(status_flags), cmd_status},
	{"logs", "RUN", 1, 1, "print the log of a run",
		"The lines that the run's workers wrote, from the store: also when they ran "
		"elsewhere, and after they are gone.",
		FLAGS(json_flag), cmd_logs},
	{"version", NULL, 0, 0, "print the versions of the program and its libraries", NULL,
		FLAGS(json_flag), cmd_version},
	{"help", "[COMMAND|config|job]", 0, 1, "explain a command, or the keys of a file",
		"'etl help config' lists the sections and keys of etl.ini, 'etl help job' those of "
		"a [job] section.",
		FLAGS(help_flags), cmd_help},
	{"completion", "SHELL", 1, 1, "print the shell's completion script: bash or zsh",
		"For bash: source <(etl completion bash)", NULL, 0, cmd_completion},
};
const size_t n_commands = ARRAY_LEN(commands);
