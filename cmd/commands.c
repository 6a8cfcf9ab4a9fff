#include "cmd/cmd.h"

static const struct flag json_flag[] = {{"json", NULL, "print JSON"}};

static const struct flag init_flags[] = {
	{"dry-run", NULL, "print the script that would be run, for a database administrator"},
	{"from", "OLD.INI", "move the store on SQLite that this configuration names into the new one"},
	{"json", NULL, "print JSON"},
};

static const struct flag run_flags[] = {
	{"wait", NULL, "wait for the run's end, and exit as it ended"},
	{"key", "KEY", "the order's own name: the same one twice is one run"},
	{"full", NULL, "incremental: read everything this once, whatever the watermark"},
	{"dry-run", NULL, "order nothing: say what a run would do"},
	{"json", NULL, "print JSON"},
};

static const struct flag job_flags[] = {
	{"from", "CONNECTION", "import: whose tables"},
	{"tables", "PATTERN", "import: only those, as a shell matches names ('*')"},
	{"to", "CONNECTION", "import: the jobs' target"},
	{"json", NULL, "print JSON"},
};

static const struct flag watermark_flags[] = {
	{"set", "VALUE", "the next load reads what is above it"},
	{"clear", NULL, "the next load reads everything"},
	{"json", NULL, "print JSON"},
};

static const struct flag controller_flags[] = {
	{"until-idle", NULL, "leave when nothing is left to do: 0 when all runs succeeded, else 1"},
};

static const struct flag worker_flags[] = {
	{"job", "JOB", "the job's number or name", .required = true},
	{"key", "KEY", "by hand: the order's own name; one that is known is refused"},
	{"full", NULL, "by hand, incremental: read everything this once"},
};

static const struct flag healthcheck_flags[] = {
	{"ready", NULL, "ask also whether it can use its store"},
	{"ticket", NULL, "ask instead whether the Kerberos ticket serves; for 'etl kinit-refresh'"},
};

static const struct flag kinit_flags[] = {
	{"once", NULL, "get a ticket and leave: for an init container"},
	{"force", NULL, "also try a key that the KDC has refused"},
	{"json", NULL, "print JSON: the ticket, each time that there is a new one"},
};

static const struct flag recover_flags[] = {
	{"dry-run", NULL, "only say what would be done"},
	{"json", NULL, "print JSON"},
};

static const struct flag status_flags[] = {
	{"last", "N", "how many runs, the newest first (20)"},
	{"json", NULL, "print JSON"},
};

static const struct flag selftest_flags[] = {
	{"only", "AREA", "only the checks of this area: session, type, load, table, engine or store"},
	{"keep", NULL, "remove nothing afterwards: to look at what a check has left"},
	{"clean", NULL, "only remove what one that was kept, or killed, has left"},
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
		"its schema up to this program's version. It can be run again: nothing is lost.\n"
		"On SQL Server that is the schema etl, with the roles etl_reader (look), etl_operator (apply, run, "
		"cancel, recover) and etl_worker (controller, worker), the procedures etl.enqueue and etl.cancel, "
		"and the views etl.v_status and etl.v_history. A login that may not make roles gets all but "
		"those, with a warning.\n"
		"--from OLD.INI moves a store from SQLite: jobs, runs, logs and the identity that targets know "
		"go over, and the old one is closed. Stop its controllers first.",
		FLAGS(init_flags), cmd_init},
	{"apply", "FILE", 1, 1, "store the jobs that a file defines",
		"Reads [job NAME] sections ('etl help job' lists their keys; '-' is standard input), "
		"with a [defaults] section for what they have in common, and stores them by name: new ones get a number, changed ones a new version in the "
		"history, others stay. All of the file is stored, or nothing of it.",
		FLAGS(json_flag), cmd_apply},
	{"job", "import|pod [JOB]", 1, 2, "write the jobs for all tables of a connection; show a job's pod",
		"import prints a file of jobs for 'etl apply': one for each table, with the keys that the source "
		"declares and the columns that may serve as a watermark; what they have in common stands in "
		"[defaults]. Nothing is stored. For example: etl job import --from raw --tables 'sales*' "
		">jobs.ini\n"
		"pod JOB prints the pod that a run of the job gets with executor = kubernetes: the template, what the "
		"controller's own pod hands on, and the job's pod_patch. Nothing is made; 'etl job pod JOB | kubectl "
		"create --dry-run=server -f -' asks the cluster what it thinks of it.",
		FLAGS(job_flags), cmd_job},
	{"run", "JOB", 1, 1, "order a run of a job, for a controller to start",
		"Writes the order into the store and wakes the controllers. The run waits while a job "
		"that it comes after is not done. With --key an order that was made before is not made "
		"again. Without a controller the run stays queued, and that is said. --dry-run looks at source "
		"and target of a copy job and says what would be read, made and published.",
		FLAGS(run_flags), cmd_run},
	{"controller", NULL, 0, 0, "start workers for the runs that are ready",
		"Asks the store every [controller] poll, and at once when a run is ordered or a worker "
		"ends, and starts up to max_workers workers. It gives runs whose worker died to another "
		"one, and adopts the workers of a controller that died: any number of controllers may "
		"share a store. SIGTERM or Ctrl-C: it claims nothing more and leaves; workers go on.",
		FLAGS(controller_flags), cmd_controller},
	{"worker", NULL, 0, 0, "run a job here and now",
		"Orders a run of the job and executes it in the foreground, with a line of progress "
		"on a terminal. Rows go to a staging table first and are published in one "
		"transaction: an interrupted load (Ctrl-C) leaves the target as it was. Started by a "
		"controller (ETL_RUN is set) it takes the run that it was started for.",
		FLAGS(worker_flags), cmd_worker},
	{"status", "[RUN]", 0, 1, "list the last runs, or show one",
		"Lists the last runs with their states, rows and times, the newest first; with a "
		"number, that run and why it failed.",
		FLAGS(status_flags), cmd_status},
	{"logs", "RUN", 1, 1, "print the log of a run",
		"The lines that the run's workers wrote, from the store: also when they ran "
		"elsewhere, and after they are gone.",
		FLAGS(json_flag), cmd_logs},
	{"rejects", "RUN", 1, 1, "list the rows that a run could not load",
		"With on_reject = keep a row that cannot be loaded is kept in the target's table "
		"etl_load_reject, with its number in the source and the reason; what is kept of its values "
		"is the job's reject_values.",
		FLAGS(json_flag), cmd_rejects},
	{"watermark", "JOB", 1, 1, "show or set up to where an incremental job has read",
		"It is kept in the target, and moves in the transaction that publishes a load. Setting it "
		"by hand makes the next load read from there.",
		FLAGS(watermark_flags), cmd_watermark},
	{"ping", "CONNECTION", 1, 1, "connect, and say to what and how",
		"Connects as a worker would and leaves again. Of a SQL Server it says who and where it is, "
		"how the connection is encrypted and with which certificate, as whom we are logged in, and "
		"how long a round trip takes. What fails is named by its layer: name, port, tls, login or "
		"database.",
		FLAGS(json_flag), cmd_ping},
	{"doctor", NULL, 0, 0, "try the whole chain of each connection, and say what is wrong with it",
		"Looks at the configuration, the KDCs and their clocks, keytabs, tickets, names, ports, certificates, "
		"SPNs, logins, and at what a server lets us do, and prints ok, warning or problem for each, with what "
		"to do about it. Nothing is changed. Exits as the first problem does, 0 without one. What it prints has "
		"no secret in it.",
		FLAGS(json_flag), cmd_doctor},
	{"selftest", "CONNECTION", 1, 1, "prove on a SQL Server that every type and load arrives",
		"Makes the schema etl_selftest in the connection's database (refused when there is one) and loads every "
		"type there, with nulls and extremes, in every load mode, by jobs in a temporary store of its own; "
		"compares them bit for bit; and tries what is an engine's own: grants, isolation, locks, logging, identity and "
		"computed columns, triggers, changes; and a control database, in a database etl_selftest of its own, where the "
		"login may make one. Then schema, and what the loads wrote into the ledger, are removed, also after "
		"a failure. Prints ok, failed or skipped for each check, with the reason, and the server's version. Exits 1 "
		"when a check failed. The login needs CREATE SCHEMA and CREATE TABLE.",
		FLAGS(selftest_flags), cmd_selftest},
	{"cancel", "RUN", 1, 1, "end a run",
		"A run that has not begun is cancelled at once. One that has begun ends when its target "
		"has withdrawn it: its worker is told to stop, or another one asks. If the target has it "
		"published by then, the run has succeeded.",
		FLAGS(json_flag), cmd_cancel},
	{"recover", "[JOB]", 0, 1, "take over what the store does not know that it loaded",
		"After a store was restored from a backup, copied or made anew, the ledgers in the targets "
		"know of loads that it does not. A job that meets one stops and is held, since loading again "
		"could double rows. This asks the targets of all jobs (or of one), imports those runs, "
		"withdraws loads of them that were left open, and releases the jobs. End the controllers "
		"of the other store first, if there is one.",
		FLAGS(recover_flags), cmd_recover},
	{"kinit-refresh", NULL, 0, 0, "keep a Kerberos ticket in [kerberos] ccache fresh",
		"Gets a ticket with the keytab and puts it into the ccache in one piece, for this host's other "
		"processes; then a new one when the half of its life has passed, or the keytab is another. A KDC "
		"that is away is asked again, sooner at first, and the old ticket serves meanwhile. A key that the "
		"KDC refuses is not tried again before the keytab is another one: the domain would lock the "
		"account. Not needed where [kerberos] keytab is set for those who connect: they do it themselves.",
		FLAGS(kinit_flags), cmd_kinit_refresh},
	{"healthcheck", NULL, 0, 0, "ask the controllers on this host whether they live",
		"For a liveness probe: asks the process, never the store, so that a store that is away "
		"restarts nothing. With --ready, for a readiness probe, the controller must be able to use "
		"its store. Prints what they answer, a line of JSON each. With --ticket it prints what is left of "
		"the ticket in [kerberos] ccache, and fails when there is none that serves.",
		FLAGS(healthcheck_flags), cmd_healthcheck},
	{"demo", "[DIR]", 0, 1, "load something, to see how that looks",
		"Makes a directory (etl-demo) with a configuration, jobs and data, and shows the commands of a first "
		"hour at work on them: tables from a file and from a database go into a SQLite warehouse, and a report "
		"out of it. What is made stays, to play with. The image does this when it is told nothing.",
		NULL, 0, cmd_demo},
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
