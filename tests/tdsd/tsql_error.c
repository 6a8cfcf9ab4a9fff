#include "tests/tdsd/tsql_error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static const struct {
	int32_t number;
	uint8_t severity, state;
	const char *text;
} errors[] = {
	{102, 15, 1, "Incorrect syntax near '%1'."},
	{105, 15, 1, "Unclosed quotation mark after the character string '%1'."},
	{107, 15, 1,
		"The column prefix '%1' does not match with a table name or alias name used in the "
		"query."},
	{108, 15, 1,
		"The ORDER BY position number %1 is out of range of the number of items in the "
		"select list."},
	{109, 15, 1,
		"There are more columns in the INSERT statement than values specified in the "
		"VALUES clause. The number of values in the VALUES clause must match the number of "
		"columns specified in the INSERT statement."},
	{110, 15, 1,
		"There are fewer columns in the INSERT statement than values specified in the "
		"VALUES clause. The number of values in the VALUES clause must match the number of "
		"columns specified in the INSERT statement."},
	{113, 15, 1, "Missing end comment mark '*/'."},
	{116, 16, 1,
		"Only one expression can be specified in the select list when the subquery is not "
		"introduced with EXISTS."},
	{120, 15, 1,
		"The select list for the INSERT statement contains fewer items than the insert "
		"list. The number of SELECT values must match the number of INSERT columns."},
	{121, 15, 1,
		"The select list for the INSERT statement contains more items than the insert "
		"list. The number of SELECT values must match the number of INSERT columns."},
	{134, 15, 2,
		"The variable name '%1' has already been declared. Variable names must be unique "
		"within a query batch or stored procedure."},
	{135, 15, 1, "Cannot use a BREAK statement outside the scope of a WHILE statement."},
	{136, 15, 1, "Cannot use a CONTINUE statement outside the scope of a WHILE statement."},
	{137, 15, 2, "Must declare the scalar variable \"%1\"."},
	{141, 15, 1,
		"A SELECT statement that assigns a value to a variable must not be combined with "
		"data-retrieval operations."},
	{145, 15, 1,
		"ORDER BY items must appear in the select list if SELECT DISTINCT is specified."},
	{147, 15, 1,
		"An aggregate may not appear in the WHERE clause unless it is in a subquery "
		"contained in a HAVING clause or a select list, and the column being aggregated is "
		"an outer reference."},
	{148, 15, 1, "Incorrect time syntax in time string '%1' used with WAITFOR."},
	{155, 15, 1, "'%1' is not a recognized %2 option."},
	{156, 15, 1, "Incorrect syntax near the keyword '%1'."},
	{159, 15, 1, "Must specify the table name and index name for the DROP INDEX statement."},
	{174, 15, 1, "The %1 function requires %2 argument(s)."},
	{195, 15, 10, "'%1' is not a recognized built-in function name."},
	{201, 16, 4, "Procedure or function '%1' expects parameter '%2', which was not supplied."},
	{205, 16, 1,
		"All queries combined using a UNION, INTERSECT or EXCEPT operator must have an "
		"equal number of expressions in their target lists."},
	{206, 16, 2, "Operand type clash: %1 is incompatible with %2"},
	{207, 16, 1, "Invalid column name '%1'."},
	{208, 16, 1, "Invalid object name '%1'."},
	{209, 16, 1, "Ambiguous column name '%1'."},
	{213, 16, 1, "Column name or number of supplied values does not match table definition."},
	{214, 16, 2, "Procedure expects parameter '%1' of type '%2'."},
	{217, 16, 1,
		"Maximum stored procedure, function, trigger, or view nesting level exceeded "
		"(limit 32)."},
	{226, 16, 6, "%1 statement not allowed within multi-statement transaction."},
	{220, 16, 1, "Arithmetic overflow error for data type %1, value = %2."},
	{232, 16, 2, "Arithmetic overflow error for type %1, value = %2."},
	{235, 16, 0, "Cannot convert a char value to money. The char value has incorrect syntax."},
	{241, 16, 1, "Conversion failed when converting date and/or time from character string."},
	{242, 16, 3,
		"The conversion of a %1 data type to a %2 data type resulted in an out-of-range "
		"value."},
	{243, 16, 1, "Type %1 is not a defined system type."},
	{244, 16, 2,
		"The conversion of the %1 value '%2' overflowed an %3 column. Use a larger integer "
		"column."},
	{245, 16, 1, "Conversion failed when converting the %1 value '%2' to data type %3."},
	{248, 16, 1, "The conversion of the %1 value '%2' overflowed an int column."},
	{257, 16, 3,
		"Implicit conversion from data type %1 to %2 is not allowed. Use the CONVERT "
		"function to run this query."},
	{263, 16, 1, "Must specify table to select from."},
	{264, 16, 1,
		"The column name '%1' is specified more than once in the SET clause or column list "
		"of an INSERT. A column cannot be assigned more than one value in the same clause. "
		"Modify the clause to make sure that a column is updated only once. If this "
		"statement updates or inserts columns into a view, column aliasing can conceal the "
		"duplication in your code."},
	{229, 14, 5, "The %1 permission was denied on the object '%2', database '%3', schema '%4'."},
	{230, 14, 1,
		"The %1 permission was denied on the column '%2' of the object '%3', database '%4', schema '%5'."},
	{262, 14, 1, "%1 permission denied in database '%2'."},
	{266, 16, 2,
		"Transaction count after EXECUTE indicates a mismatching number of BEGIN and "
		"COMMIT statements. Previous count = %1, current count = %2."},
	{271, 16, 1,
		"The column \"%1\" cannot be modified because it is either a computed column or is "
		"the result of a UNION operator."},
	{272, 16, 1, "Cannot update a timestamp column."},
	{273, 16, 1,
		"Cannot insert an explicit value into a timestamp column. Use INSERT with a column "
		"list to exclude the timestamp column, or insert a DEFAULT into the timestamp "
		"column."},
	{289, 16, 1,
		"Cannot construct data type %1, some of the arguments have values which are not "
		"valid."},
	{302, 16, 0,
		"The newsequentialid() built-in function can only be used in a DEFAULT expression for a column of type "
		"'uniqueidentifier' in a CREATE TABLE or ALTER TABLE statement. It cannot be combined with other operators "
		"to form a complex scalar expression."},
	{313, 16, 3, "An insufficient number of arguments were supplied for the procedure or function %1"},
	{325, 15, 1,
		"Incorrect syntax near '%1'. You may need to set the compatibility level of the "
		"current database to a higher value to enable this feature. See help for the SET "
		"COMPATIBILITY_LEVEL option of ALTER DATABASE."},
	{334, 16, 1,
		"The target table '%1' of the DML statement cannot have any enabled triggers if "
		"the statement contains an OUTPUT clause without INTO clause."},
	{402, 16, 1, "The data types %1 and %2 are incompatible in the %3 operator."},
	{443, 16, 14, "Invalid use of a side-effecting operator '%1' within a function."},
	{448, 16, 4, "Invalid collation '%1'."},
	{468, 16, 9,
		"Cannot resolve the collation conflict between \"%1\" and \"%2\" in the %3 "
		"operation."},
	{507, 16, 2, "Invalid argument for SET ROWCOUNT. Must be a non-null non-negative integer."},
	{512, 16, 1,
		"Subquery returned more than 1 value. This is not permitted when the subquery "
		"follows =, !=, <, <= , >, >= or when the subquery is used as an expression."},
	{515, 16, 2,
		"Cannot insert the value NULL into column '%1', table '%2'; column does not allow "
		"nulls. %3 fails."},
	{517, 16, 1, "Adding a value to a '%1' column caused an overflow."},
	{529, 16, 2, "Explicit conversion from data type %1 to %2 is not allowed."},
	{535, 16, 0,
		"The %1 function resulted in an overflow. The number of dateparts separating two "
		"date/time instances is too large. Try to use %1 with a less precise datepart."},
	{536, 16, 1, "Invalid length parameter passed to the %1 function."},
	{537, 16, 3, "Invalid length parameter passed to the LEFT or SUBSTRING function."},
	{544, 16, 1,
		"Cannot insert explicit value for identity column in table '%1' when "
		"IDENTITY_INSERT is set to OFF."},
	{545, 16, 1,
		"Explicit value must be specified for identity column in table '%1' either when "
		"IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT "
		"FOR REPLICATION identity column."},
	{547, 16, 0,
		"The %1 statement conflicted with the %2 constraint \"%3\". The conflict occurred "
		"in database \"%4\", table \"%5\"%6."},
	{628, 16, 0, "Cannot issue SAVE TRANSACTION when there is no active transaction."},
	{911, 16, 1, "Database '%1' does not exist. Make sure that the name is entered correctly."},
	{916, 14, 1,
		"The server principal \"%1\" is not able to access the database \"%2\" under the "
		"current security context."},
	{1001, 16, 1, "Line %1: Length or precision specification %2 is invalid."},
	{1007, 15, 1,
		"The number '%1' is out of the range for numeric representation (maximum precision "
		"38)."},
	{1011, 16, 1, "The correlation name '%1' is specified multiple times in a FROM clause."},
	{1087, 15, 2, "Must declare the table variable \"%1\"."},
	{1038, 15, 5,
		"An object or column name is missing or empty. For SELECT INTO statements, verify "
		"each column has a name. For other statements, look for empty alias names. Aliases "
		"defined as \"\" or [] are not allowed. Change the alias to a valid name."},
	{1088, 16, 12,
		"Cannot find the object \"%1\" because it does not exist or you do not have "
		"permissions."},
	{1205, 13, 51,
		"Transaction (Process ID %1) was deadlocked on lock resources with another process "
		"and has been chosen as the deadlock victim. Rerun the transaction."},
	{1222, 16, 51, "Lock request time out period exceeded."},
	{1505, 16, 1,
		"The CREATE UNIQUE INDEX statement terminated because a duplicate key was found "
		"for the object name '%1' and the index name '%2'. The duplicate key value is %3."},
	{1750, 16, 0, "Could not create constraint or index. See previous errors."},
	{1753, 16, 0,
		"Column '%1' is not the same length or scale as referencing column '%2' in foreign "
		"key '%3'. Columns participating in a foreign key relationship must be defined "
		"with the same length and scale."},
	{1767, 16, 0, "Foreign key '%1' references invalid table '%2'."},
	{1769, 16, 1, "Foreign key '%1' references invalid column '%2' in referencing table '%3'."},
	{1776, 16, 0,
		"There are no primary or candidate keys in the referenced table '%1' that match "
		"the referencing column list in the foreign key '%2'."},
	{1779, 16, 0, "Table '%1' already has a primary key defined on it."},
	{1801, 16, 3, "Database '%1' already exists. Choose a different database name."},
	{1908, 16, 1,
		"Column '%1' is partitioning column of the index '%2'. Partition columns for a "
		"unique index must be a subset of the index key."},
	{1911, 16, 1, "Column name '%1' does not exist in the target table or view."},
	{1913, 16, 1,
		"The operation failed because an index or statistics with name '%1' already exists "
		"on table '%2'."},
	{1921, 16, 1, "Invalid %1 '%2' specified."},
	{2601, 14, 1,
		"Cannot insert duplicate key row in object '%1' with unique index '%2'. The "
		"duplicate key value is %3."},
	{2627, 14, 1,
		"Violation of %1 constraint '%2'. Cannot insert duplicate key in object '%3'. The "
		"duplicate key value is %4."},
	{2628, 16, 1,
		"String or binary data would be truncated in table '%1', column '%2'. Truncated "
		"value: '%3'."},
	{2705, 16, 3,
		"Column names in each table must be unique. Column name '%1' in table '%2' is "
		"specified more than once."},
	{2714, 16, 6, "There is already an object named '%1' in the database."},
	{2715, 16, 6, "Column, parameter, or variable #%1: Cannot find data type %2."},
	{2716, 16, 1,
		"Column, parameter, or variable #%1: Cannot specify a column width on data type "
		"%2."},
	{2740, 16, 1,
		"SET LANGUAGE failed because '%1' is not an official language name or a language "
		"alias on this SQL Server."},
	{2744, 16, 2,
		"Multiple identity columns specified for table '%1'. Only one identity column per "
		"table is allowed."},
	{2749, 16, 2,
		"Identity column '%1' must be of data type int, bigint, smallint, tinyint, or "
		"decimal or numeric with a scale of 0, unencrypted, and constrained to be "
		"nonnullable."},
	{2759, 16, 0, "CREATE SCHEMA failed due to previous errors."},
	{2760, 16, 1,
		"The specified schema name \"%1\" either does not exist or you do not have "
		"permission to use it."},
	{2809, 16, 1, "The request for %1 '%2' failed because '%2' is a %3 object."},
	{2812, 16, 62, "Could not find stored procedure '%1'."},
	{3623, 16, 1, "An invalid floating point operation occurred."},
	{3609, 16, 1, "The transaction ended in the trigger. The batch has been aborted."},
	{3621, 0, 0, "The statement has been terminated."},
	{3701, 11, 5,
		"Cannot %1 the %2 '%3', because it does not exist or you do not have permission."},
	{3702, 16, 3, "Cannot drop database \"%1\" because it is currently in use."},
	{3723, 16, 4,
		"An explicit DROP INDEX is not allowed on index '%1'. It is being used for %2 "
		"constraint enforcement."},
	{3724, 16, 3, "Cannot %1 the %2 '%3' because it is being used for replication."},
	{3725, 16, 0,
		"The constraint '%1' is being referenced by table '%2', foreign key constraint "
		"'%3'."},
	{3726, 16, 1,
		"Could not drop object '%1' because it is referenced by a FOREIGN KEY constraint."},
	{3727, 16, 0, "Could not drop constraint. See previous errors."},
	{3728, 16, 1, "'%1' is not a constraint."},
	{3729, 16, 1, "Cannot drop schema '%1' because it is being referenced by an object of it."},
	{3732, 16, 1,
		"Cannot drop type '%1' because it is being referenced by object '%2'. There may be "
		"other objects that reference this type."},
	{3902, 16, 1, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."},
	{3903, 16, 1, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."},
	{3930, 16, 1,
		"The current transaction cannot be committed and cannot support operations that "
		"write to the log file. Roll back the transaction."},
	{3931, 16, 1,
		"The current transaction cannot be committed and cannot be rolled back to a "
		"savepoint. Roll back the entire transaction."},
	{3951, 16, 1,
		"Transaction failed in database '%1' because the statement was run under snapshot "
		"isolation but the transaction did not start in snapshot isolation. You cannot "
		"change the isolation level of the transaction to snapshot after the transaction "
		"has started unless the transaction was originally started under snapshot "
		"isolation level."},
	{3952, 16, 1,
		"Snapshot isolation transaction failed accessing database '%1' because snapshot "
		"isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot "
		"isolation."},
	{3960, 16, 2,
		"Snapshot isolation transaction aborted due to update conflict. You cannot use "
		"snapshot isolation to access table '%1' directly or indirectly in database '%2' "
		"to update, delete, or insert the row that has been modified or deleted by another "
		"transaction. Retry the transaction or change the isolation level for the "
		"update/delete statement."},
	{3998, 16, 1,
		"Uncommittable transaction is detected at the end of the batch. The transaction is "
		"rolled back."},
	{4002, 16, 1,
		"The incoming tabular data stream (TDS) protocol stream is incorrect. The stream "
		"ended unexpectedly."},
	{4060, 11, 1, "Cannot open database \"%1\" requested by the login. The login failed."},
	{4104, 16, 1, "The multi-part identifier \"%1\" could not be bound."},
	{4145, 15, 1,
		"An expression of non-boolean type specified in a context where a condition is "
		"expected, near '%1'."},
	{4701, 16, 1,
		"Cannot find the object \"%1\" because it does not exist or you do not have "
		"permissions."},
	{4711, 16, 1,
		"Cannot truncate table '%1' because it is published for replication or enabled for Change Data "
		"Capture."},
	{4712, 16, 1,
		"Cannot truncate table '%1' because it is being referenced by a FOREIGN KEY "
		"constraint."},
	{4803, 16, 1,
		"The bulk copy (bcp) client has sent a row length of %1. This is not a valid size. "
		"The maximum row size is %2. Use a supported client application programming "
		"interface (API)."},
	{4804, 21, 1,
		"While reading current row from host, a premature end-of-message was "
		"encountered--an incoming data stream was interrupted when the server expected to "
		"see more data. The host program may have terminated. Ensure that you are using a "
		"supported client application programming interface (API)."},
	{4815, 16, 1, "Received an invalid column length from the bcp client for colid %1."},
	{4816, 16, 1, "Invalid column type from bcp client for colid %1."},
	{4819, 16, 1,
		"Cannot bulk load. The bulk data stream was incorrectly specified as sorted or the "
		"data violates a uniqueness constraint imposed by the target table. Sort order "
		"incorrect for the following two rows: primary key of first row: %1, primary key "
		"of second row: %2."},
	{4902, 16, 1,
		"Cannot find the object \"%1\" because it does not exist or you do not have "
		"permissions."},
	{4901, 16, 1,
		"ALTER TABLE only allows columns to be added that can contain nulls, or have a "
		"DEFAULT definition specified, or the column being added is an identity or "
		"timestamp column, or alternatively if none of the previous conditions are "
		"satisfied the table must be empty to allow addition of this column. Column '%1' "
		"cannot be added to non-empty table '%2' because it does not satisfy these "
		"conditions."},
	{4905, 16, 1, "ALTER TABLE SWITCH statement failed. The target table '%1' must be empty."},
	{4922, 16, 9, "%1 %2 failed because one or more objects access this column."},
	{4924, 16, 1, "%1 failed because column '%2' does not exist in table '%3'."},
	{4943, 16, 1,
		"ALTER TABLE SWITCH statement failed because table '%1' has %2 columns and table "
		"'%3' has %4 columns."},
	{4944, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' has data type %2 in "
		"source table '%3' which is different from its type %4 in target table '%5'."},
	{4947, 16, 1,
		"ALTER TABLE SWITCH statement failed. There is no identical index in source table "
		"'%1' for the index '%2' in target table '%3' ."},
	{4967, 16, 1,
		"ALTER TABLE SWITCH statement failed. SWITCH is not allowed because source table "
		"'%1' contains primary key for constraint '%2'."},
	{4968, 16, 1,
		"ALTER TABLE SWITCH statement failed. Target table '%1' has a referential "
		"integrity constraint."},
	{4985, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' does not have the same "
		"nullability attribute in tables '%2' and '%3'."},
	{5074, 16, 1, "The %1 '%2' is dependent on %3 '%4'."},
	{6401, 16, 1, "Cannot roll back %1. No transaction or savepoint of that name was found."},
	{7706, 16, 1, "Partition function '%1' is being used by one or more partition schemes."},
	{7708, 15, 1,
		"Duplicate values are not allowed in partition function boundary values list. Partition "
		"boundary values at ordinal %1 and %2 are equal."},
	{7717, 16, 1,
		"The partition scheme \"%1\" is currently being used to partition one or more tables."},
	{7726, 16, 1,
		"Partition column '%1' has data type %2 which is different from the partition function "
		"'%3' parameter data type %4."},
	{8016, 16, 1,
		"The incoming tabular data stream (TDS) remote procedure call (RPC) protocol "
		"stream is incorrect. Parameter %1 (\"%2\"): The supplied value is not a valid "
		"instance of its data type."},
	{8101, 16, 1,
		"An explicit value for the identity column in table '%1' can only be specified "
		"when a column list is used and IDENTITY_INSERT is ON."},
	{8102, 16, 1, "Cannot update identity column '%1'."},
	{8106, 16, 1,
		"Table '%1' does not have the identity property. Cannot perform SET operation."},
	{8107, 16, 1,
		"IDENTITY_INSERT is already ON for table '%1'. Cannot perform SET operation for "
		"table '%2'."},
	{8111, 16, 1, "Cannot define PRIMARY KEY constraint on nullable column in table '%1'."},
	{8114, 16, 5, "Error converting data type %1 to %2."},
	{8115, 16, 2, "Arithmetic overflow error converting %1 to data type %2."},
	{8116, 16, 1, "Argument data type %1 is invalid for argument %2 of %3 function."},
	{8117, 16, 1, "Operand data type %1 is invalid for %2 operator."},
	{8120, 16, 1,
		"Column '%1' is invalid in the select list because it is not contained in either "
		"an aggregate function or the GROUP BY clause."},
	{8134, 16, 1, "Divide by zero error encountered."},
	{8144, 16, 2, "Procedure or function %1 has too many arguments specified."},
	{8145, 16, 1, "%1 is not a parameter for procedure %2."},
	{8146, 16, 1, "Procedure %1 has no parameters and arguments were supplied."},
	{8152, 16, 10, "String or binary data would be truncated."},
	{8153, 0, 1, "Warning: Null value is eliminated by an aggregate or other SET operation."},
	{8155, 16, 2, "No column name was specified for column %1 of '%2'."},
	{8158, 16, 1, "'%1' has more columns than were specified in the column list."},
	{8159, 16, 1, "'%1' has fewer columns than were specified in the column list."},
	{8162, 16, 2,
		"The formal parameter \"%1\" was not declared as an OUTPUT parameter, but the "
		"actual parameter passed in requested output."},
	{8169, 16, 2,
		"Conversion failed when converting from a character string to uniqueidentifier."},
	{8170, 16, 2, "Insufficient result space to convert uniqueidentifier value to char."},
	{8178, 16, 1,
		"The parameterized query '%1' expects the parameter '%2', which was not supplied."},
	{8179, 16, 1, "Could not find prepared statement with handle %1."},
	{8197, 16, 4, "The object '%1' does not exist or is invalid for this operation."},
	{8623, 16, 1,
		"The query processor ran out of internal resources and could not produce a query "
		"plan."},
	{9803, 16, 1, "Invalid data for type \"%1\"."},
	{9810, 16, 1, "The datepart %1 is not supported by date function %2 for data type %3."},
	{9812, 16, 0,
		"The timezone provided to builtin function todatetimeoffset/switchoffset is "
		"invalid."},
	{9400, 16, 1, "XML parsing: line %1, character %2, unexpected end of input"},
	{9411, 16, 1, "XML parsing: line %1, character %2, semicolon expected"},
	{9413, 16, 1, "XML parsing: line %1, character %2, A string literal was expected"},
	{9414, 16, 1, "XML parsing: line %1, character %2, equal expected"},
	{9420, 16, 1, "XML parsing: line %1, character %2, illegal xml character"},
	{9421, 16, 1, "XML parsing: line %1, character %2, illegal name character"},
	{9422, 16, 1, "XML parsing: line %1, character %2, incorrect document syntax"},
	{9436, 16, 1, "XML parsing: line %1, character %2, end tag does not match start tag"},
	{9455, 16, 1, "XML parsing: line %1, character %2, illegal qualified name character"},
	{10054, 20, 0, "A transport-level error has occurred."},
	{10700, 16, 1, "The table-valued parameter \"%1\" is READONLY and cannot be modified."},
	{10704, 15, 1,
		"To rethrow an error, a THROW statement must be used inside a CATCH block. Insert "
		"the THROW statement inside a CATCH block, or add error parameters to the THROW "
		"statement."},
	{10727, 15, 1,
		"A nested INSERT, UPDATE, DELETE, or MERGE statement is not allowed on either side "
		"of a JOIN or APPLY operator."},
	{11555, 15, 1,
		"The parameter '%1' has been declared as NOT NULL. NULL value was specified."},
	{13609, 16, 4,
		"JSON text is not properly formatted. Unexpected character '%1' is found at "
		"position %2."},
	{15023, 16, 1, "User, group, or role '%1' already exists in the current database."},
	{15135, 16, 8, "Object is invalid. Extended properties are not permitted on '%1', or the object does not exist."},
	{15151, 16, 1,
		"Cannot %1 the %2 '%3', because it does not exist or you do not have permission."},
	{15217, 16, 2, "Property cannot be updated or deleted. Property '%1' does not exist for '%2'."},
	{15225, 11, 1,
		"No item by the name of '%1' could be found in the current database '%2', given "
		"that @itemtype was input as '%3'."},
	{15233, 16, 1, "Property cannot be added. Property '%1' already exists for '%2'."},
	{15247, 16, 1, "User does not have permission to perform this action."},
	{15248, 11, 1,
		"Either the parameter @objname is ambiguous or the claimed @objtype (%1) is "
		"wrong."},
	{15335, 11, 1,
		"Error: The new name '%1' is already in use as a %2 name and would cause a "
		"duplicate that is not permitted."},
	{15410, 11, 1, "User or role '%1' does not exist in this database."},
	{15530, 16, 1, "The object with name \"%1\" already exists."},
	{15664, 16, 1,
		"Cannot set key '%1' in the session context. The key has been set as read_only for "
		"this session."},
	{18054, 16, 1,
		"Error %1, severity %2, state %3 was raised, but no message with that error number "
		"was found in sys.messages. If error is larger than 50000, make sure the "
		"user-defined message is added using sp_addmessage."},
	{1223, 16, 1,
		"Cannot release the application lock (Database Principal: '%1', Resource: '%2') "
		"because it is not currently held."},
	{1718, 16, 1,
		"Change tracking must be enabled on database '%1' before it can be enabled on"
		" table '%2'."},
	{1927, 16, 1, "There are already statistics on table '%2' named '%1'."},
	{2501, 16, 45,
		"Cannot find a table or object with the name \"%1\". Check the system "
		"catalog."},
	{2706, 11, 6, "Table '%1' does not exist."},
	{2727, 11, 1, "Cannot find index '%1'."},
	{2767, 16, 1, "Could not locate statistics '%1' in the system catalogs."},
	{3735, 16, 1,
		"The primary key constraint '%1' on table '%2' cannot be dropped because "
		"change tracking is enabled on the table. Change tracking requires a primary "
		"key constraint on the table. Disable change tracking before dropping the "
		"constraint."},
	{3906, 16, 1, "Failed to update database \"%1\" because the database is read-only."},
	{4900, 16, 1,
		"The ALTER TABLE SWITCH statement failed for table '%1'. It is not possible "
		"to switch the partition of a table that has change tracking enabled. Disable"
		" change tracking before using ALTER TABLE SWITCH."},
	{4911, 16, 2,
		"Cannot specify a partitioned table without partition number in ALTER TABLE SWITCH "
		"statement. The table '%1' is partitioned."},
	{4920, 16, 1, "ALTER TABLE failed because trigger '%2' on table '%3' does not exist."},
	{4996, 16, 1, "Change tracking is already enabled for table '%1'."},
	{4997, 16, 1,
		"Cannot enable change tracking on table '%1'. Change tracking requires a "
		"primary key on the table. Create a primary key on the table before enabling "
		"change tracking."},
	{4998, 16, 1, "Change tracking is not enabled on table '%1'."},
	{5088, 16, 1, "Change tracking is already enabled for database '%1'."},
	{5089, 16, 1,
		"Change tracking is disabled for database '%1'. Change tracking must be "
		"enabled on a database to modify change tracking settings."},
	{5090, 16, 1,
		"Database '%1' is a system database. Change tracking settings cannot be "
		"modified for system databases."},
	{7997, 16, 1, "'%1' does not contain an identity column."},
	{13501, 16, 1, "Temporal generated always column '%1' has invalid data type."},
	{13510, 16, 1,
		"Cannot set SYSTEM_VERSIONING to ON when SYSTEM_TIME period is not defined."},
	{13536, 16, 1,
		"Cannot insert an explicit value into a GENERATED ALWAYS column in table "
		"'%1'. Use INSERT with a column list to exclude the GENERATED ALWAYS column, "
		"or insert a DEFAULT into GENERATED ALWAYS column."},
	{13537, 16, 1, "Cannot update GENERATED ALWAYS columns in table '%1'."},
	{13545, 16, 1,
		"Truncate failed on table '%1' because it is not a supported operation on "
		"system-versioned tables."},
	{13546, 16, 1,
		"Switching out partition failed on table '%1' because it is not a supported "
		"operation on system-versioned tables. Consider setting SYSTEM_VERSIONING to "
		"OFF and trying again."},
	{13552, 16, 1,
		"Drop table operation failed on table '%1' because it is not a supported "
		"operation on system-versioned temporal tables."},
	{13577, 16, 1,
		"ALTER TABLE SWITCH statement failed on table '%1' because target table has "
		"SYSTEM_TIME PERIOD while source table does not have it."},
	{13591, 16, 1, "SYSTEM_VERSIONING is not turned ON for table '%1'."},
	{22105, 16, 1, "Change tracking is not enabled on table '%1'."},
	{22115, 16, 1,
		"Change tracking is enabled for one or more tables in database '%1'. Disable "
		"change tracking on each table before disabling it for the database. Use the "
		"sys.change_tracking_tables catalog view to obtain a list of tables for which"
		" change tracking is enabled."},
	{22901, 16, 1,
		"The database '%1' is not enabled for Change Data Capture. Ensure that the correct database "
		"context is set and retry the operation."},
	{22906, 16, 1,
		"The database '%1' is already enabled for Change Data Capture. Ensure that the correct database "
		"context is set, and retry the operation."},
	{22960, 16, 1, "Change data capture instance has not been enabled for the source table '%1.%2'."},
	{22981, 16, 1,
		"Object does not exist or access is denied, or it is not enabled for Change Data Capture."},
	{4913, 16, 1,
		"ALTER TABLE SWITCH statement failed. The table '%1' has clustered index '%2'"
		" while the table '%3' does not have clustered index."},
	{4942, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' at ordinal %2 in "
		"table '%3' has a different name than the column '%4' at the same ordinal in "
		"table '%5'."},
	{4945, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' does not have the "
		"same collation in tables '%2' and '%3'."},
	{4946, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' does not have the "
		"same persistent attribute in tables '%2' and '%3'."},
	{4948, 16, 1,
		"ALTER TABLE SWITCH statement failed. The source table '%1' is in database "
		"'%2' while the target table '%3' is in database '%4'."},
	{4949, 16, 1,
		"ALTER TABLE SWITCH statement failed because the object '%1' is not a user "
		"defined table."},
	{4955, 16, 1,
		"ALTER TABLE SWITCH statement failed. The source table '%1' and target table "
		"'%2' are same."},
	{4958, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' does not have the "
		"same ROWGUIDCOL property in tables '%2' and '%3'."},
	{4960, 16, 1,
		"ALTER TABLE SWITCH statement failed. Check constraint '%1' in source table "
		"'%2' is NOCHECK constraint but the matching check constraint '%3' in target "
		"table '%4' is CHECK."},
	{4965, 16, 1,
		"ALTER TABLE SWITCH statement failed. Column '%1' in table '%2' is computed "
		"column but the same column in '%3' is not computed."},
	{4966, 16, 1,
		"ALTER TABLE SWITCH statement failed. Computed column '%1' defined as '%2' in"
		" table '%3' is different from the same column in table '%4' defined as '%5'."},
	{4968, 16, 1,
		"ALTER TABLE SWITCH statement failed. Target table '%1' has foreign key for "
		"constraint '%2' but source table '%3' does not have corresponding key."},
	{4972, 16, 1,
		"ALTER TABLE SWITCH statement failed. Check constraints or partition function"
		" of source table '%1' allows values that are not allowed by check "
		"constraints or partition function on target table '%2'."},
	{11412, 16, 1,
		"ALTER TABLE SWITCH statement failed because column '%1' does not have the "
		"same sparse storage attribute in tables '%2' and '%3'."},
	{4917, 16, 0, "Constraint '%1' does not exist."},
	{35100, 16, 10,
		"Error number %1 in the THROW statement is outside the valid range. Specify an "
		"error number in the valid range of 50000 to 2147483647."},
	{40510, 16, 1, "%1 is not supported by tdsd."},
};

const char *tsql_error_template(int32_t number, uint8_t *ret_severity, uint8_t *ret_state)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		if (errors[i].number != number)
			continue;
		*ret_severity = errors[i].severity;
		*ret_state = errors[i].state;
		return errors[i].text;
	}
	return NULL;
}

static void put(char *out, size_t *n, const char *s, size_t len)
{
	size_t room = TSQL_ERROR_TEXT_MAX - 1 - *n, take = utf8_cut_at(s, len, room);

	memcpy(out + *n, s, take);
	*n += take;
}

int tsql_fail_strings(struct tsql_error *e, int32_t number, const char *const *strings)
{
	uint8_t severity = 16, state = 1;
	const char *text = tsql_error_template(number, &severity, &state);
	char out[TSQL_ERROR_TEXT_MAX];
	size_t n = 0, count = 0;

	while (strings[count])
		count++;
	for (const char *p = text ? text : "%1"; *p; p++) {
		size_t which = p[0] == '%' && p[1] >= '1' && p[1] <= '9' ? (size_t)(p[1] - '0') : 0;

		if (which == 0) {
			put(out, &n, p, 1);
			continue;
		}
		if (which <= count)
			put(out, &n, strings[which - 1], strlen(strings[which - 1]));
		p++;
	}
	e->number = number;
	e->severity = severity;
	e->state = state;
	memcpy(e->text, out, n);
	e->text[n] = '\0';
	return -1;
}

int tsql_unsupported(struct tsql_error *e, const char *what)
{
	return tsql_fail(e, 40510, what);
}

const char *tsql_number(int64_t n)
{
	static _Thread_local char texts[8][24];
	static _Thread_local unsigned next;
	char *out = texts[next++ % ARRAY_LEN(texts)];

	snprintf(out, sizeof(texts[0]), "%" PRId64, n);
	return out;
}
