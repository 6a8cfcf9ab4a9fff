/* sys.*: what tables are made of and where they are kept; databases. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_sysview.h"

/* of c: what sys.columns and its kin begin with */
#define COLUMN_COLUMNS                                                                         \
	"object_id int, name sysname null, column_id int, system_type_id tinyint, "            \
	"user_type_id int, max_length smallint, precision tinyint, scale tinyint, "            \
	"collation_name sysname null, is_nullable bit null, is_ansi_padded bit, is_rowguidcol " \
	"bit, is_identity bit, is_computed bit, is_filestream bit, is_replicated bit null, "   \
	"is_non_sql_subscribed bit null, is_merge_published bit null, is_dts_replicated bit "  \
	"null, is_xml_document bit, xml_collection_id int, default_object_id int, "            \
	"rule_object_id int, "
#define USER_TYPE                                                                            \
	"CASE WHEN c.type_name = 'sysname' THEN 256 WHEN c.system_type = 240 THEN CASE "     \
	"c.type_name WHEN 'hierarchyid' THEN 128 WHEN 'geometry' THEN 129 ELSE 130 END ELSE " \
	"c.system_type END"
#define COLUMN_SELECT                                                                          \
	"c.object_id, c.name, c.column_id, c.system_type, " USER_TYPE ", c.max_length, "       \
	"c.precision, c.scale, c.collation, c.nullable, c.system_type IN (165, 167, 173, 175, " \
	"231, 239), c.rowguidcol, c.is_identity, c.computed IS NOT NULL, 0, 0, 0, 0, 0, 0, 0, " \
	"c.default_id, 0, "
#define COLUMN_LAST                                                                        \
	"is_sparse bit null, is_column_set bit null, generated_always_type tinyint null, " \
	"generated_always_type_desc nvarchar(60) null, encryption_type int null, "         \
	"is_hidden bit null, is_masked bit"
#define COLUMN_SELECT_LAST                                                                    \
	"c.sparse, c.column_set, c.generated, CASE c.generated WHEN 1 THEN "                  \
	"'AS_ROW_START' WHEN 2 THEN 'AS_ROW_END' ELSE 'NOT_APPLICABLE' END, NULL, c.hidden, " \
	"c.mask IS NOT NULL"

/* rows and partitions: one of each index, 0 for the heap */
#define PARTITIONED                                                                          \
	"(SELECT object_id, index_id FROM %D.sys_indexes UNION ALL SELECT object_id, 0 FROM " \
	"%D.sys_objects h WHERE h.type = 'U' AND NOT EXISTS (SELECT 1 FROM %D.sys_indexes i " \
	"WHERE i.object_id = h.object_id AND i.clustered)) p"
/* with r, a range of its function, and nothing of it when it is not partitioned */
#define IN_PARTITIONS                                                                        \
	PARTITIONED " LEFT JOIN %D.sys_partitioned z ON z.object_id = p.object_id LEFT JOIN " \
	"%D.sys_partition_schemes x ON x.id = z.scheme_id LEFT JOIN %D.sys_partition_ranges " \
	"r ON r.function_id = x.function_id"
#define SPACE_OF(object)                                                              \
	"ifnull((SELECT scheme_id FROM %D.sys_partitioned z WHERE z.object_id = " object \
	"), 1)"
#define NOTHING_OF(nulls) "SELECT " nulls " WHERE 0"

static const struct sysview views[] = {
	{"sys", "tables",
		OBJECT_COLUMNS
		", is_published bit, is_schema_published bit, lob_data_space_id int, "
		"filestream_data_space_id int null, max_column_id_used int, lock_on_bulk_load bit, "
		"uses_ansi_nulls bit null, is_replicated bit null, has_replication_filter bit null, "
		"is_merge_published bit null, is_sync_tran_subscribed bit null, "
		"has_unchecked_assembly_data bit, text_in_row_limit int null, "
		"large_value_types_out_of_row bit null, is_tracked_by_cdc bit null, "
		"lock_escalation tinyint null, lock_escalation_desc nvarchar(60) null, "
		"is_filetable bit null, is_memory_optimized bit null, durability tinyint null, "
		"durability_desc nvarchar(60) null, temporal_type tinyint null, temporal_type_desc "
		"nvarchar(60) null, history_table_id int null, is_remote_data_archive_enabled bit "
		"null, is_external bit, is_node bit, is_edge bit",
		"SELECT " OBJECT_SELECT
		", 0, 0, EXISTS (SELECT 1 FROM %D.sys_columns c WHERE c.object_id = o.object_id "
		"AND (c.max_length = -1 OR c.system_type IN (34, 35, 99))), NULL, (SELECT "
		"max(column_id) FROM %D.sys_columns c WHERE c.object_id = o.object_id), 0, 1, 0, 0, "
		"0, 0, 0, 0, 0, EXISTS (SELECT 1 FROM %D.sys_cdc_tables x WHERE x.source_id = "
		"o.object_id), 0, 'TABLE', 0, 0, 0, 'SCHEMA_AND_DATA', CASE WHEN "
		"t.history_id > 0 THEN 2 WHEN h.object_id THEN 1 ELSE 0 END, CASE WHEN "
		"t.history_id > 0 THEN 'SYSTEM_VERSIONED_TEMPORAL_TABLE' WHEN h.object_id THEN "
		"'HISTORY_TABLE' ELSE 'NON_TEMPORAL_TABLE' END, nullif(t.history_id, 0), 0, 0, 0, 0 FROM "
		"%D.sys_objects o LEFT JOIN %D.sys_temporal t ON t.object_id = o.object_id LEFT "
		"JOIN %D.sys_temporal h ON h.history_id = o.object_id WHERE o.type = 'U'",
		false},
	{"sys", "columns", COLUMN_COLUMNS COLUMN_LAST,
		"SELECT " COLUMN_SELECT COLUMN_SELECT_LAST " FROM %D.sys_columns c", false},
	{"sys", "all_columns", COLUMN_COLUMNS COLUMN_LAST,
		"SELECT " COLUMN_SELECT COLUMN_SELECT_LAST " FROM %D.sys_columns c", false},
	{"sys", "identity_columns",
		COLUMN_COLUMNS "seed_value bigint null, increment_value bigint null, last_value "
			       "bigint null, is_not_for_replication bit null, " COLUMN_LAST,
		"SELECT " COLUMN_SELECT
		"CAST(c.seed AS INTEGER), CAST(c.increment AS INTEGER), CAST(o.identity_last AS "
		"INTEGER), 0, " COLUMN_SELECT_LAST " FROM %D.sys_columns c JOIN %D.sys_objects o ON "
		"o.object_id = c.object_id WHERE c.is_identity",
		false},
	{"sys", "computed_columns",
		COLUMN_COLUMNS "definition nvarchar(max) null, uses_database_collation bit, "
			       "is_persisted bit, " COLUMN_LAST,
		"SELECT " COLUMN_SELECT "c.computed, 1, c.persisted, " COLUMN_SELECT_LAST
		" FROM %D.sys_columns c WHERE c.computed IS NOT NULL",
		false},
	{"sys", "masked_columns",
		COLUMN_COLUMNS COLUMN_LAST ", masking_function nvarchar(4000) null",
		"SELECT " COLUMN_SELECT COLUMN_SELECT_LAST
		", c.mask FROM %D.sys_columns c WHERE c.mask IS NOT NULL",
		false},
	{"sys", "periods",
		"name sysname null, period_type tinyint null, period_type_desc nvarchar(60) null, "
		"object_id int, start_column_id int, end_column_id int",
		"SELECT 'SYSTEM_TIME', 1, 'SYSTEM_TIME_PERIOD', object_id, start_column, "
		"end_column FROM %D.sys_temporal WHERE start_column",
		false},
	{"sys", "indexes",
		"object_id int, name sysname null, index_id int, type tinyint, type_desc "
		"nvarchar(60) null, is_unique bit null, data_space_id int null, ignore_dup_key bit "
		"null, is_primary_key bit null, is_unique_constraint bit null, fill_factor "
		"tinyint, is_padded bit null, is_disabled bit null, is_hypothetical bit null, "
		"is_ignored_in_optimization bit null, allow_row_locks bit null, allow_page_locks "
		"bit null, has_filter bit null, filter_definition nvarchar(max) null, "
		"compression_delay int null, suppress_dup_key_messages bit null, auto_created bit "
		"null",
		"SELECT object_id, name, index_id, CASE WHEN kind THEN kind WHEN clustered THEN 1 "
		"ELSE 2 END, CASE WHEN kind = 5 THEN 'CLUSTERED COLUMNSTORE' WHEN kind = 6 THEN "
		"'NONCLUSTERED COLUMNSTORE' WHEN clustered THEN 'CLUSTERED' ELSE 'NONCLUSTERED' "
		"END, is_unique, " SPACE_OF("n.object_id") ", ignore_dup, is_primary, is_constraint AND NOT is_primary, "
		"fill_factor, 0, disabled, 0, 0, 1, 1, filter IS NOT NULL, filter, CASE WHEN kind "
		"THEN 0 END, 0, 0 FROM %D.sys_indexes n UNION ALL SELECT object_id, NULL, 0, 0, "
		"'HEAP', 0, " SPACE_OF("o.object_id") ", 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, NULL, NULL, 0, 0 FROM "
		"%D.sys_objects o WHERE type = 'U' AND NOT EXISTS (SELECT 1 FROM %D.sys_indexes i "
		"WHERE i.object_id = o.object_id AND clustered)",
		false},
	{"sys", "index_columns",
		"object_id int, index_id int, index_column_id int, column_id int, key_ordinal "
		"tinyint, partition_ordinal tinyint, is_descending_key bit null, "
		"is_included_column bit null, column_store_order_ordinal tinyint",
		"SELECT object_id, index_id, ordinal, column_id, CASE WHEN included THEN 0 ELSE "
		"ordinal END, EXISTS (SELECT 1 FROM %D.sys_partitioned z WHERE z.object_id = "
		"k.object_id AND z.column_id = k.column_id), descending, included, 0 FROM "
		"%D.sys_index_columns k UNION ALL SELECT p.object_id, p.index_id, (SELECT count(*) "
		"+ 1 FROM %D.sys_index_columns k WHERE k.object_id = p.object_id AND k.index_id = "
		"p.index_id), z.column_id, 0, 1, 0, 0, 0 FROM " PARTITIONED
		" JOIN %D.sys_partitioned z ON z.object_id = p.object_id WHERE NOT EXISTS (SELECT 1 "
		"FROM %D.sys_index_columns k WHERE k.object_id = p.object_id AND k.index_id = "
		"p.index_id AND k.column_id = z.column_id)",
		false},
	{"sys", "stats",
		"object_id int, name sysname null, stats_id int, auto_created bit null, "
		"user_created bit null, no_recompute bit null, has_filter bit null, "
		"filter_definition nvarchar(max) null, is_temporary bit null, is_incremental bit "
		"null",
		"SELECT object_id, name, index_id, 0, 0, 0, filter IS NOT NULL, filter, 0, 0 FROM "
		"%D.sys_indexes WHERE kind <> 5 UNION ALL SELECT object_id, name, stats_id, 0, 1, "
		"0, filter IS NOT NULL, filter, 0, 0 FROM %D.sys_stats",
		false},
	{"sys", "stats_columns",
		"object_id int, stats_id int, stats_column_id int null, column_id int null",
		"SELECT k.object_id, k.index_id, k.ordinal, k.column_id FROM %D.sys_index_columns k "
		"WHERE NOT k.included UNION ALL SELECT object_id, stats_id, ordinal, column_id FROM "
		"%D.sys_stats_columns",
		false},
	{"sys", "partitions",
		"partition_id bigint, object_id int, index_id int, partition_number int, hobt_id "
		"bigint, rows bigint null, filestream_filegroup_id smallint, data_compression "
		"tinyint, data_compression_desc nvarchar(60) null",
		"SELECT p.object_id * 65536 + p.index_id + ifnull(r.number - 1, 0) * 256, p.object_id, "
		"p.index_id, ifnull(r.number, 1), p.object_id * 65536 + p.index_id + ifnull(r.number - "
		"1, 0) * 256, CASE WHEN r.number THEN t_partition_rows('%D', p.object_id, r.number) "
		"ELSE t_rows('%D', p.object_id) END, 0, ifnull(CASE WHEN i.kind THEN 3 "
		"ELSE i.compression END, 0), CASE WHEN i.kind THEN 'COLUMNSTORE' WHEN "
		"i.compression = 1 THEN 'ROW' WHEN i.compression = 2 THEN 'PAGE' ELSE 'NONE' END "
		"FROM " IN_PARTITIONS " LEFT JOIN %D.sys_indexes i ON i.object_id = p.object_id AND "
		"i.index_id = p.index_id JOIN %D.sys_objects o ON o.object_id = p.object_id AND "
		"o.type = 'U'",
		false},
	{"sys", "dm_db_partition_stats",
		"partition_id bigint null, object_id int, index_id int, partition_number int, "
		"in_row_data_page_count bigint null, in_row_used_page_count bigint null, "
		"in_row_reserved_page_count bigint null, lob_used_page_count bigint null, "
		"lob_reserved_page_count bigint null, row_overflow_used_page_count bigint null, "
		"row_overflow_reserved_page_count bigint null, used_page_count bigint null, "
		"reserved_page_count bigint null, row_count bigint null",
		"SELECT object_id * 65536 + index_id, object_id, index_id, 1, n, n + 1, n + 1, 0, "
		"0, 0, 0, n + 1, n + 1, r FROM (SELECT p.object_id, p.index_id, t_rows('%D', "
		"p.object_id) AS r, (t_rows('%D', p.object_id) + 99) / 100 AS n FROM " PARTITIONED
		" JOIN %D.sys_objects o ON o.object_id = p.object_id AND o.type = 'U')",
		false},
	{"sys", "data_spaces",
		"name sysname, data_space_id int, type char(2), type_desc nvarchar(60) null, "
		"is_default bit null, is_system bit null",
		"SELECT 'PRIMARY', 1, 'FG', 'ROWS_FILEGROUP', 1, 0 UNION ALL SELECT name, id, 'PS', "
		"'PARTITION_SCHEME', 0, 0 FROM %D.sys_partition_schemes",
		false},
	{"sys", "filegroups",
		"name sysname, data_space_id int, type char(2), type_desc nvarchar(60) null, "
		"is_default bit null, is_system bit null, is_read_only bit null",
		"SELECT 'PRIMARY', 1, 'FG', 'ROWS_FILEGROUP', 1, 0, 0", false},
	{"sys", "partition_schemes",
		"name sysname, data_space_id int, type char(2), type_desc nvarchar(60) null, "
		"is_default bit null, is_system bit null, function_id int",
		"SELECT name, id, 'PS', 'PARTITION_SCHEME', 0, 0, function_id FROM "
		"%D.sys_partition_schemes",
		false},
	{"sys", "partition_functions",
		"name sysname, function_id int, type char(2), type_desc nvarchar(60) null, fanout "
		"int, boundary_value_on_right bit, is_system bit, create_date datetime, "
		"modify_date datetime",
		"SELECT name, id, 'R', 'RANGE', (SELECT count(*) FROM %D.sys_partition_ranges r WHERE "
		"r.function_id = f.id), on_right, 0, created / 10000000 * 10000000, created / 10000000 * "
		"10000000 FROM %D.sys_partition_functions f",
		false},
	{"sys", "partition_range_values",
		"function_id int, boundary_id int, parameter_id int, value sql_variant null",
		"SELECT function_id, number, 1, variant FROM %D.sys_partition_ranges WHERE NOT last",
		false},
	/* not told yet */
	{"sys", "partition_parameters",
		"function_id int, parameter_id int, system_type_id tinyint, max_length smallint, "
		"precision tinyint, scale tinyint, collation_name sysname null, user_type_id int",
		NOTHING_OF("0, 0, 0, 0, 0, 0, NULL, 0"), false},
	{"sys", "destination_data_spaces",
		"partition_scheme_id int, destination_id int, data_space_id int",
		"SELECT x.id, r.number, 1 FROM %D.sys_partition_schemes x JOIN %D.sys_partition_ranges r ON "
		"r.function_id = x.function_id",
		false},
	{"sys", "triggers",
		"name sysname, object_id int, parent_class tinyint, parent_class_desc nvarchar(60) "
		"null, parent_id int, type char(2), type_desc nvarchar(60) null, create_date "
		"datetime, modify_date datetime, is_ms_shipped bit, is_disabled bit, "
		"is_not_for_replication bit, is_instead_of_trigger bit",
		"SELECT o.name, o.object_id, 1, 'OBJECT_OR_COLUMN', o.parent_id, 'TR', "
		"'SQL_TRIGGER', o.created / 10000000 * 10000000, o.created / 10000000 * 10000000, "
		"0, o.disabled, 0, 0 FROM %D.sys_objects o WHERE o.type = 'TR'",
		false},
	{"sys", "trigger_events",
		"object_id int, type int, type_desc nvarchar(60), is_first bit null, is_last bit "
		"null",
		"SELECT o.object_id, e.column1, e.column2, 0, 0 FROM %D.sys_objects o JOIN (VALUES "
		"(1, 'INSERT', 'I'), (2, 'UPDATE', 'U'), (3, 'DELETE', 'D')) e ON "
		"instr(substr(o.definition, 1, instr(o.definition, '|')), e.column3) WHERE o.type = "
		"'TR'",
		false},
	/* row-level security is not there */
	{"sys", "security_policies", OBJECT_COLUMNS ", is_enabled bit, uses_database_collation bit "
						    "null, is_schema_bound bit",
		NOTHING_OF("'', 0, 0, 0, 0, '', '', 0, 0, 0, 0, 0, 0"), false},
	{"sys", "security_predicates",
		"object_id int, security_predicate_id int, target_object_id int, "
		"predicate_definition nvarchar(max) null, predicate_type int null, "
		"predicate_type_desc nvarchar(60) null, operation int null, operation_desc "
		"nvarchar(60) null",
		NOTHING_OF("0, 0, 0, '', 0, '', 0, ''"), false},
	/* nor are these */
	{"sys", "sql_expression_dependencies",
		"referencing_id int, referencing_minor_id int, is_schema_bound_reference bit, "
		"referenced_schema_name sysname null, referenced_entity_name sysname null, "
		"referenced_id int null, referenced_minor_id int",
		NOTHING_OF("0, 0, 0, '', '', 0, 0"), false},
	{"sys", "fulltext_indexes",
		"object_id int, unique_index_id int, fulltext_catalog_id int null, is_enabled bit",
		NOTHING_OF("0, 0, 0, 0"), false},
	{"sys", "sensitivity_classifications",
		"class int, class_desc varchar(60) null, major_id int, minor_id int, label sql_variant null",
		NOTHING_OF("0, '', 0, 0, NULL"), false},
	/* there is one writer to a database: it has all tables */
	{"sys", "dm_tran_locks",
		"resource_type nvarchar(60), resource_database_id int, resource_associated_entity_id bigint "
		"null, request_mode nvarchar(60), request_type nvarchar(60), request_status nvarchar(60), "
		"request_session_id int",
		NULL, true},
	{"sys", "tdsd_sinks", "object_id int, rows bigint, bytes bigint, hash bigint",
		"SELECT object_id, rows, bytes, hash FROM %D.sys_sinks", false},
	{"sys", "database_files",
		"file_id int, type tinyint, type_desc nvarchar(60) null, data_space_id int, name sysname, physical_name "
		"nvarchar(260), state tinyint null, state_desc nvarchar(60) null, size int, max_size int, growth int, "
		"is_media_read_only bit, is_read_only bit, is_sparse bit, is_percent_growth bit",
		"SELECT id, 0, 'ROWS', 1, %N, %N, 0, 'ONLINE', size, max_size, growth, 0, 0, 0, 0 FROM %D.sys_files", false},
	{"sys", "change_tracking_databases",
		"database_id int, is_auto_cleanup_on tinyint null, retention_period int null, "
		"retention_period_units tinyint null, retention_period_units_desc nvarchar(60) "
		"null, max_cleanup_version bigint null",
		NULL, true},
	{"sys", "change_tracking_tables",
		"object_id int, is_track_columns_updated_on bit, min_valid_version bigint null, "
		"begin_version bigint null, cleanup_version bigint null",
		"SELECT object_id, with_columns, min_version, begin_version, 0 FROM "
		"%D.sys_change_tables",
		false},
	{"sys", "databases",
		"name sysname, database_id int, source_database_id int null, owner_sid "
		"varbinary(85) null, create_date datetime, compatibility_level tinyint, "
		"collation_name sysname null, user_access tinyint null, user_access_desc "
		"nvarchar(60) null, is_read_only bit null, is_auto_close_on bit, is_auto_shrink_on "
		"bit null, state tinyint null, state_desc nvarchar(60) null, is_in_standby bit "
		"null, snapshot_isolation_state tinyint null, snapshot_isolation_state_desc "
		"nvarchar(60) null, is_read_committed_snapshot_on bit null, recovery_model tinyint "
		"null, recovery_model_desc nvarchar(60) null, is_cdc_enabled bit, is_broker_enabled "
		"bit, containment tinyint null, containment_desc nvarchar(60) null, replica_id "
		"uniqueidentifier null, is_published bit, is_encrypted bit null",
		NULL, true},
	{"INFORMATION_SCHEMA", "VIEWS",
		"TABLE_CATALOG nvarchar(128) null, TABLE_SCHEMA nvarchar(128) null, TABLE_NAME "
		"sysname, VIEW_DEFINITION nvarchar(4000) null, CHECK_OPTION varchar(7) null, "
		"IS_UPDATABLE varchar(2)",
		"SELECT %N, s.name, o.name, o.definition, 'NONE', 'NO' FROM %D.sys_objects o JOIN "
		"%D.sys_schemas s ON s.schema_id = o.schema_id WHERE o.type = 'V'",
		false},
	{"INFORMATION_SCHEMA", "CHECK_CONSTRAINTS",
		"CONSTRAINT_CATALOG nvarchar(128) null, CONSTRAINT_SCHEMA nvarchar(128) null, "
		"CONSTRAINT_NAME sysname, CHECK_CLAUSE nvarchar(4000) null",
		"SELECT %N, s.name, o.name, o.definition FROM %D.sys_objects o JOIN %D.sys_schemas "
		"s ON s.schema_id = o.schema_id WHERE o.type = 'C'",
		false},
	{"INFORMATION_SCHEMA", "REFERENTIAL_CONSTRAINTS",
		"CONSTRAINT_CATALOG nvarchar(128) null, CONSTRAINT_SCHEMA nvarchar(128) null, "
		"CONSTRAINT_NAME sysname, UNIQUE_CONSTRAINT_CATALOG nvarchar(128) null, "
		"UNIQUE_CONSTRAINT_SCHEMA nvarchar(128) null, UNIQUE_CONSTRAINT_NAME sysname null, "
		"MATCH_OPTION varchar(7) null, UPDATE_RULE varchar(11) null, DELETE_RULE "
		"varchar(11) null",
		"SELECT %N, s.name, o.name, %N, s.name, (SELECT name FROM %D.sys_indexes i WHERE "
		"i.object_id = f.referenced_id AND i.is_primary), 'SIMPLE', ifnull(f.on_update, 'NO "
		"ACTION'), ifnull(f.on_delete, 'NO ACTION') FROM %D.sys_foreign_keys f JOIN "
		"%D.sys_objects o ON o.object_id = f.object_id JOIN %D.sys_schemas s ON s.schema_id "
		"= o.schema_id",
		false},
	{"INFORMATION_SCHEMA", "CONSTRAINT_COLUMN_USAGE",
		"TABLE_CATALOG nvarchar(128) null, TABLE_SCHEMA nvarchar(128) null, TABLE_NAME "
		"nvarchar(128) null, COLUMN_NAME nvarchar(128) null, CONSTRAINT_CATALOG "
		"nvarchar(128) null, CONSTRAINT_SCHEMA nvarchar(128) null, CONSTRAINT_NAME sysname",
		"SELECT %N, s.name, o.name, c.name, %N, s.name, i.name FROM %D.sys_indexes i JOIN "
		"%D.sys_index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id "
		"AND NOT k.included JOIN %D.sys_columns c ON c.object_id = k.object_id AND "
		"c.column_id = k.column_id JOIN %D.sys_objects o ON o.object_id = i.object_id JOIN "
		"%D.sys_schemas s ON s.schema_id = o.schema_id WHERE i.is_constraint",
		false},
};

/* Those with change tracking, among the ones that this session may look into. */
static const char *tracking_sql(struct translator *t)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(1024 * 1024);
	const struct engine *e = t->s->e;
	char where[16];

	for (size_t i = 0; i < e->n_databases; i++) {
		struct database *d = e->databases[i];

		if (d->dropped || (!t->s->attached[d->id] && !sqlite3_get_autocommit(t->s->db)))
			continue;
		if (session_attach(t->s, d))
			return NULL;
		buf_printf(&sql,
			"%sSELECT %d, cleanup, retention, units, CASE units WHEN 1 THEN 'MINUTES' "
			"WHEN 2 THEN 'HOURS' ELSE 'DAYS' END, 0 FROM %s.sys_change_state",
			sql.len ? " UNION ALL " : "", d->id, database_schema(d, where));
	}
	return arena_buf(t->a, &sql);
}

const struct sysview *sysview_storage(const char *schema, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (strcasecmp(views[i].schema, schema) == 0 &&
			strcasecmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

/* Does it capture changes? Of one that this session has not used it is not known. */
static const char *captures_sql(struct translator *t, const struct database *d)
{
	char where[16];

	if (!t->s->attached[d->id])
		return "0";
	return arena_printf(t->a, "(SELECT count(*) > 0 FROM %s.sys_cdc_state)",
		database_schema(d, where));
}

static const char *databases_sql(struct translator *t)
{
	static const char *const recovery[] = {[1] = "FULL", "BULK_LOGGED", "SIMPLE"};
	CLEANUP(buf_release) struct buf sql = BUF_INIT(1024 * 1024);
	const struct engine *e = t->s->e;

	for (size_t i = 0; i < e->n_databases; i++) {
		const struct database *d = e->databases[i];

		if (d->dropped)
			continue;
		buf_printf(&sql,
			"%sSELECT %s, %d, NULL, x'01', %lld, 150, 'SQL_Latin1_General_CP1_CI_AS', "
			"0, 'MULTI_USER', %d, 0, 0, 0, 'ONLINE', 0, %d, '%s', %d, %d, '%s', %s, 0, 0, "
			"'NONE', NULL, 0, 0",
			i ? " UNION ALL " : "", sql_quote(t->a, d->name), d->id,
			(long long)(t->s->login_ticks / 10000000 * 10000000), d->read_only,
			d->snapshot, d->snapshot ? "ON" : "OFF", d->rcsi, d->recovery,
			recovery[d->recovery], captures_sql(t, d));
	}
	return arena_buf(t->a, &sql);
}

static const char *locks_sql(struct translator *t)
{
	struct engine *e = t->s->e;
	const struct database *d = t->s->current;
	int writer;

	pthread_mutex_lock(&e->mutex);
	writer = d && d->writer ? d->writer->spid : 0;
	pthread_mutex_unlock(&e->mutex);
	return arena_printf(t->a, "SELECT 'OBJECT', %d, o.object_id, 'X', 'LOCK', 'GRANT', %d FROM "
				  "%%D.sys_objects o WHERE o.type = 'U' AND %d", d ? d->id : 0, writer, writer);
}

const char *sysview_server(struct translator *t, const struct sysview *v)
{
	if (strcasecmp(v->name, "dm_tran_locks") == 0)
		return locks_sql(t);
	return strcasecmp(v->name, "databases") == 0 ? databases_sql(t) : tracking_sql(t);
}
