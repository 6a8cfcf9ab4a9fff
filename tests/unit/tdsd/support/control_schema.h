/*
 * control_schema - the control store's tables in T-SQL, as lib/job/migrations.c has them for
 * SQLite.
 *
 * Batches, in order. For the comparison of the two dialects of statements_table.h.
 */
#ifndef UNIT_TDSD_CONTROL_SCHEMA_H
#define UNIT_TDSD_CONTROL_SCHEMA_H

#define BIN2(n)     "nvarchar(" n ") COLLATE Latin1_General_100_BIN2"
#define NOW_DEFAULT "DEFAULT SYSUTCDATETIME()"

static const char *const control_schema[] =
	{
		"CREATE SCHEMA etl",
		"CREATE TABLE etl.meta (name " BIN2("128") " NOT NULL PRIMARY KEY, value " BIN2(
			"4000") ")",
		"CREATE TABLE etl.job (\n"
		"  job_id bigint IDENTITY(1,1) NOT NULL CONSTRAINT pk_job PRIMARY KEY,\n"
		"  job_uid uniqueidentifier NOT NULL CONSTRAINT uq_job_uid UNIQUE DEFAULT "
		"NEWID(),\n"
		"  name " BIN2("200") " NOT NULL CONSTRAINT uq_job_name UNIQUE,\n"
				      "  kind " BIN2(
					      "20") " NOT NULL,\n"
						    "  enabled bit NOT NULL DEFAULT 1,\n"
						    "  source " BIN2(
							    "200") ", source_table " BIN2("500") ","
												 " "
												 "t"
												 "a"
												 "r"
												 "g"
												 "e"
												 "t"
												 " " BIN2("200") ", target_table " BIN2(
													 "500") ",\n"
														"  load_mode " BIN2("20") ", [create] bit NOT NULL DEFAULT 1, columns " BIN2("max") ",\n"
																								    "  min_rows bigint NOT NULL DEFAULT 1, max_attempts bigint NOT NULL DEFAULT 1,\n"
																								    "  retry_delay float NOT NULL DEFAULT 30, format " BIN2("max") ", version bigint NOT NULL DEFAULT 1,\n"
																																   "  updated_at datetime2(3) NOT NULL " NOW_DEFAULT
																																   ",\n"
																																   "  command " BIN2("max") ", atomic bit NOT NULL DEFAULT 1, idempotent bit NOT NULL DEFAULT 0,\n"
																																			    "  retry_max_delay float NOT NULL DEFAULT 3600, max_disruptions bigint NOT NULL DEFAULT 10,\n"
																																			    "  timeout float NOT NULL DEFAULT 0, priority bigint NOT NULL DEFAULT 0, max_active bigint NOT NULL DEFAULT 1,\n"
																																			    "  hold_reason " BIN2(
																																				    "4000") ", source_query " BIN2("max") ", key_columns " BIN2("max") ",\n"
																																												       "  delete_missing bit NOT NULL DEFAULT 0, watermark_column " BIN2(
																																													       "200") ", lookback " BIN2("200") ",\n"
																																																		"  partition_column " BIN2("200") ", parallel bigint NOT NULL DEFAULT 1, column_map " BIN2("max") ",\n"
																																																														  "  schema_change " BIN2("20") " NOT NULL DEFAULT N'fail', pre_sql " BIN2("max") ", pre_sql_atomic bit NOT NULL DEFAULT 1,\n"
																																																																								  "  post_sql " BIN2("max") ", post_sql_atomic bit NOT NULL DEFAULT 1, verify " BIN2(
																																																																									  "20") " NOT NULL DEFAULT N'count',\n"
																																																																										"  on_reject " BIN2(
																																																																											"20") " NOT NULL DEFAULT N'fail', reject_limit bigint NOT NULL DEFAULT 1000,\n"
																																																																											      "  reject_values " BIN2("20") " NOT NULL DEFAULT N'none', reject_retention float NOT NULL DEFAULT 7776000,\n"
																																																																															    "  max_delete " BIN2("20") ", mixed_types " BIN2("20") " NOT NULL DEFAULT N'keep', changed rowversion\n"
																																																																																						   ")",
		"CREATE TABLE etl.job_history (\n"
		"  job_id bigint NOT NULL REFERENCES etl.job (job_id), version bigint NOT NULL,\n"
		"  at datetime2(3) NOT NULL " NOW_DEFAULT ", actor " BIN2(
			"200") " NOT NULL,\n"
			       "  definition " BIN2("max") " NOT NULL, CONSTRAINT pk_job_history "
							   "PRIMARY KEY (job_id, version))",
		"CREATE TABLE etl.run (\n"
		"  run_id bigint IDENTITY(1,1) NOT NULL CONSTRAINT pk_run PRIMARY KEY,\n"
		"  run_uid uniqueidentifier NOT NULL CONSTRAINT uq_run_uid UNIQUE DEFAULT "
		"NEWID(),\n"
		"  job_id bigint NOT NULL CONSTRAINT fk_run_job REFERENCES etl.job (job_id),\n"
		"  state " BIN2(
			"20") " NOT NULL DEFAULT N'queued' CONSTRAINT ck_run_state CHECK (state IN "
			      "(N'waiting', N'queued',\n"
			      "    N'starting', N'running', N'succeeded', N'failed', N'cancelled', "
			      "N'timed_out', N'lost', N'skipped')),\n"
			      "  origin " BIN2("20") " NOT NULL DEFAULT N'manual', order_key " BIN2(
				      "200") ",\n"
					     "  ready_at datetime2(3) NOT NULL " NOW_DEFAULT
					     ", priority bigint NOT NULL DEFAULT 0,\n"
					     "  attempt bigint NOT NULL DEFAULT 0, owner " BIN2(
						     "200") ", fence bigint NOT NULL DEFAULT 0,\n"
							    "  lease_until datetime2(3), rows_read "
							    "bigint, "
							    "rows_written bigint, rows_rejected "
							    "bigint, "
							    "bytes_read bigint,\n"
							    "  queued_at datetime2(3) NOT "
							    "NULL " NOW_DEFAULT
							    ", claimed_at datetime2(3), started_at "
							    "datetime2(3),\n"
							    "  finished_at datetime2(3), "
							    "error_code " BIN2("100") ", "
										      "error_"
										      "message"
										      " " BIN2(
											      "400"
											      "0") ",\n"
												   "  ordered_by " BIN2(
													   "200") ", "
														  "scheduled_for "
														  "datetime2(3), "
														  "disruptions "
														  "bigint NOT "
														  "NULL DEFAULT "
														  "0,\n"
														  "  "
														  "cancel_"
														  "requested bit "
														  "NOT NULL "
														  "DEFAULT 0, "
														  "settle " BIN2("20") ", controller_uid " BIN2(
															  "100") ",\n"
																 "  worker " BIN2(
																	 "4000") ", full_load bit NOT NULL DEFAULT 0)",
		"CREATE UNIQUE INDEX run_order ON etl.run (job_id, order_key) WHERE order_key IS "
		"NOT "
		"NULL;\n"
		"CREATE INDEX run_ready ON etl.run (priority DESC, ready_at, run_id) WHERE state = "
		"N'queued';\n"
		"CREATE INDEX run_job ON etl.run (job_id, run_id)",
		"CREATE TABLE etl.run_event (\n"
		"  event_id bigint IDENTITY NOT NULL PRIMARY KEY, run_id bigint NOT NULL "
		"REFERENCES "
		"etl.run (run_id),\n"
		"  at datetime2(3) NOT NULL " NOW_DEFAULT
		", old_state " BIN2("20") ", new_state " BIN2(
			"20") " NOT NULL,\n"
			      "  actor " BIN2("200") " NOT NULL, reason " BIN2("4000") ")",
		"CREATE TABLE etl.run_log (\n"
		"  run_id bigint NOT NULL REFERENCES etl.run (run_id), attempt bigint NOT NULL, "
		"seq bigint "
		"NOT NULL,\n"
		"  at datetime2(3) NOT NULL " NOW_DEFAULT
		", level " BIN2("20") " NOT NULL, message " BIN2(
			"max") " NOT NULL,\n"
			       "  CONSTRAINT pk_run_log PRIMARY KEY (run_id, attempt, seq))",
		"CREATE TABLE etl.job_dependency (\n"
		"  job_id bigint NOT NULL REFERENCES etl.job (job_id), after_job_id bigint NOT "
		"NULL "
		"REFERENCES etl.job (job_id),\n"
		"  on_completion bit NOT NULL DEFAULT 0, PRIMARY KEY (job_id, after_job_id))",
		"CREATE TABLE etl.run_heartbeat (\n"
		"  run_id bigint NOT NULL PRIMARY KEY REFERENCES etl.run (run_id), fence bigint "
		"NOT NULL,\n"
		"  at datetime2(3) NOT NULL " NOW_DEFAULT
		", lease_until datetime2(3) NOT NULL, progress " BIN2("max") ")",
		"CREATE TABLE etl.controller (\n"
		"  controller_uid " BIN2("100") " NOT NULL PRIMARY KEY, host " BIN2(
			"200") " NOT NULL, process " BIN2("200") " NOT NULL,\n"
								 "  version " BIN2(
									 "50") " NOT NULL, "
									       "state " BIN2(
										       "20") " NO"
											     "T "
											     "NUL"
											     "L, "
											     "max"
											     "_wo"
											     "rke"
											     "rs "
											     "big"
											     "int"
											     " NO"
											     "T "
											     "NUL"
											     "L,"
											     "\n"
											     "  "
											     "wor"
											     "ker"
											     "s "
											     "big"
											     "int"
											     " NO"
											     "T "
											     "NUL"
											     "L "
											     "DEF"
											     "AUL"
											     "T "
											     "0, "
											     "sta"
											     "rte"
											     "d_"
											     "at "
											     "dat"
											     "eti"
											     "me2"
											     "(3)"
											     " NO"
											     "T "
											     "NUL"
											     "L"
											     " " NOW_DEFAULT
											     ",\n"
											     "  "
											     "hea"
											     "rtb"
											     "eat"
											     "_at"
											     " da"
											     "tet"
											     "ime"
											     "2("
											     "3) "
											     "NOT"
											     " NU"
											     "LL"
											     " " NOW_DEFAULT
											     ", "
											     "lea"
											     "se_"
											     "unt"
											     "il "
											     "dat"
											     "eti"
											     "me2"
											     "(3)"
											     " NO"
											     "T "
											     "NUL"
											     "L)",
};

#endif
