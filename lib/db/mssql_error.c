#include "db/mssql_error.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct entry {
	int32_t number;
	enum err_code code;
	enum mssql_layer layer;
	bool fatal;
	const char *hint;
};

#define GRANT "grant it to the login's user, or to a role that it is in"

/*
 * Numbers and texts: Microsoft Learn, "Database engine events and errors". The groups
 * are those of its pages; which of them pass by themselves: "Troubleshoot transient
 * connection errors", SqlClient's SqlConfigurableRetryFactory, and the retry lists of
 * the JDBC and ODBC drivers.
 */
static const struct entry entries[] = {
	/* somebody else holds what we need: repeat the transaction */
	{1205, ERR_BUSY, 0, false, NULL}, /* deadlock victim */
	{1222, ERR_BUSY, 0, false, "somebody holds a lock for longer than lock_timeout"},
	{1204, ERR_BUSY, 0, false, NULL}, /* no more locks */
	{1219, ERR_BUSY, 0, true, NULL},  /* disconnected by a high priority operation */
	{1421, ERR_BUSY, 0, false, NULL}, /* communication of a mirror */
	{3960, ERR_BUSY, 0, false, NULL}, /* snapshot: an update conflict */
	{3961, ERR_BUSY, 0, false, NULL}, /* snapshot: the table was changed meanwhile */
	{5061, ERR_BUSY, 0, false, NULL}, /* ALTER DATABASE without its lock */
	{8628, ERR_BUSY, 0, false, NULL}, /* time out while waiting to optimize */
	{8645, ERR_BUSY, 0, false, NULL}, /* no memory grant in time */
	{8651, ERR_BUSY, 0, false, NULL},
	{41301, ERR_BUSY, 0, false, NULL}, /* memory-optimized tables: dependencies, */
	{41302, ERR_BUSY, 0, false, NULL}, /* updates, reads, and serializable scans */
	{41305, ERR_BUSY, 0, false, NULL},
	{41325, ERR_BUSY, 0, false, NULL},
	{41839, ERR_BUSY, 0, false, NULL},

	/* the server, or the way to it, is away for a while */
	{64, ERR_NETWORK, 0, true, NULL},
	{121, ERR_NETWORK, 0, true, NULL},
	{233, ERR_NETWORK, 0, true, NULL},
	{596, ERR_NETWORK, 0, true, NULL}, /* the session is being killed */
	{601, ERR_NETWORK, 0, false, NULL},
	{617, ERR_NETWORK, 0, true, NULL},
	{669, ERR_NETWORK, 0, true, NULL},
	{926, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, "the database is suspect: its log says why"},
	{927, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, "the database is being restored"},
	{942, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, "the database is offline"},
	{945, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{952, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, "the database is in transition"},
	{976, ERR_NETWORK, MSSQL_LAYER_DATABASE, true,
		"this replica of an availability group is no readable one: connect to the listener"},
	{978, ERR_NETWORK, MSSQL_LAYER_DATABASE, true,
		"this replica takes only application_intent = readonly"},
	{979, ERR_NETWORK, MSSQL_LAYER_DATABASE, true,
		"this replica does not take application_intent = readonly"},
	{982, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{983, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, "the replica is changing its role"},
	{988, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{997, ERR_NETWORK, 0, true, NULL},
	{3906, ERR_NETWORK, 0, true, "the database is read-only: is this a secondary replica now?"},
	{4221, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL}, /* a readable secondary is not ready */
	{6002, ERR_NETWORK, 0, true, NULL},                    /* shutdown is in progress */
	{6005, ERR_NETWORK, 0, true, NULL},
	{10053, ERR_NETWORK, 0, true, NULL},
	{10054, ERR_NETWORK, 0, true, NULL},
	{10060, ERR_NETWORK, 0, true, NULL},
	{10928, ERR_NETWORK, 0, false, NULL}, /* Azure SQL Database: limits, and moves */
	{10929, ERR_NETWORK, 0, false, NULL},
	{10936, ERR_NETWORK, 0, false, NULL},
	{11001, ERR_NETWORK, 0, true, NULL},
	{17142, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, "the server has been paused"},
	{17197, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, NULL},
	{17809, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, "the server has all the connections that it may have"},
	{17830, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, NULL},
	{18401, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, "the server is just starting"},
	{18451, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, "the server lets only administrators in now"},
	{18461, ERR_NETWORK, MSSQL_LAYER_LOGIN, true, "the server is in single user mode"},
	{40143, ERR_NETWORK, 0, true, NULL},
	{40197, ERR_NETWORK, 0, true, NULL},
	{40501, ERR_NETWORK, 0, false, NULL},
	{40540, ERR_NETWORK, 0, true, NULL},
	{40613, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{42108, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{42109, ERR_NETWORK, MSSQL_LAYER_DATABASE, true, NULL},
	{49918, ERR_NETWORK, 0, false, NULL},
	{49919, ERR_NETWORK, 0, false, NULL},
	{49920, ERR_NETWORK, 0, false, NULL},

	/* who we are, and what we may */
	{4060, ERR_AUTH, MSSQL_LAYER_DATABASE, true,
		"is the database's name right, and has the login a user in it?"},
	{4064, ERR_AUTH, MSSQL_LAYER_DATABASE, true,
		"the login's default database cannot be opened: say 'database'"},
	{911, ERR_CONFIG, MSSQL_LAYER_DATABASE, false, "is the database's name right?"},
	{916, ERR_AUTH, MSSQL_LAYER_DATABASE, false, "the login has no user in that database"},
	{18450, ERR_AUTH, MSSQL_LAYER_LOGIN, true, "the server takes only Windows accounts, not SQL logins"},
	{18452, ERR_AUTH, MSSQL_LAYER_LOGIN, true, "the server does not know the account: is its domain trusted there, and the clock right? or it wants "
		"channel binding (extended protection)"},
	{17806, ERR_AUTH, MSSQL_LAYER_LOGIN, true,
		"the server could not use our ticket: is the SPN at the account that it runs as, and at no other?"},
	{18456, ERR_AUTH, MSSQL_LAYER_LOGIN, true,
		"check user and password_file; the server's error log has the reason (state)"},
	{18463, ERR_AUTH, MSSQL_LAYER_LOGIN, true, NULL}, /* 18463 … 18468: the password cannot be changed */
	{18470, ERR_AUTH, MSSQL_LAYER_LOGIN, true, "the login is disabled"},
	{18486, ERR_AUTH, MSSQL_LAYER_LOGIN, true, "the login is locked: an administrator unlocks it"},
	{18487, ERR_AUTH, MSSQL_LAYER_LOGIN, true, "the password has expired: an administrator sets a new one"},
	{18488, ERR_AUTH, MSSQL_LAYER_LOGIN, true,
		"the password must be changed before it is used: an administrator sets one that need not be"},
	{229, ERR_AUTH, 0, false, GRANT},
	{230, ERR_AUTH, 0, false, GRANT},
	{262, ERR_AUTH, 0, false, GRANT},
	{300, ERR_AUTH, 0, false, GRANT},
	{297, ERR_AUTH, 0, false, GRANT},
	{15247, ERR_AUTH, 0, false, GRANT},

	/* what a value breaks */
	{220, ERR_DATA, 0, false, NULL},   /* arithmetic overflow */
	{232, ERR_DATA, 0, false, NULL},
	{235, ERR_DATA, 0, false, NULL},   /* not money */
	{241, ERR_DATA, 0, false, NULL},   /* no date or time */
	{242, ERR_DATA, 0, false, NULL},
	{244, ERR_DATA, 0, false, NULL},
	{245, ERR_DATA, 0, false, NULL},   /* conversion failed */
	{248, ERR_DATA, 0, false, NULL},
	{515, ERR_DATA, 0, false, NULL},   /* no null there */
	{517, ERR_DATA, 0, false, NULL},
	{547, ERR_DATA, 0, false, NULL},   /* foreign key, check */
	{1505, ERR_DATA, 0, false, NULL},  /* of an index that is being made */
	{2601, ERR_DATA, 0, false, NULL},  /* unique index */
	{2627, ERR_DATA, 0, false, NULL},  /* key */
	{2628, ERR_DATA, 0, false, NULL},  /* truncated */
	{4815, ERR_DATA, 0, false, NULL},  /* bulk load: column length, */
	{4816, ERR_DATA, 0, false, NULL},  /* type, */
	{4817, ERR_DATA, 0, false, NULL},
	{4863, ERR_DATA, 0, false, NULL},
	{4864, ERR_DATA, 0, false, NULL},
	{4867, ERR_DATA, 0, false, NULL},
	{4869, ERR_DATA, 0, false, NULL},
	{6522, ERR_DATA, 0, false, NULL},
	{8114, ERR_DATA, 0, false, NULL},
	{8115, ERR_DATA, 0, false, NULL},
	{8134, ERR_DATA, 0, false, NULL},  /* division by zero */
	{8152, ERR_DATA, 0, false, NULL},  /* truncated, as before 2019 */
	{8169, ERR_DATA, 0, false, NULL},
	{9400, ERR_DATA, 0, false, NULL},  /* no XML: unexpected end, */
	{9402, ERR_DATA, 0, false, NULL},  /* the encoding, */
	{9410, ERR_DATA, 0, false, NULL},  /* a blank, */
	{9411, ERR_DATA, 0, false, NULL},  /* a semicolon, */
	{9412, ERR_DATA, 0, false, NULL},  /* '>', */
	{9413, ERR_DATA, 0, false, NULL},  /* a string, */
	{9414, ERR_DATA, 0, false, NULL},  /* '=' is missing, */
	{9420, ERR_DATA, 0, false, NULL},  /* a character, */
	{9421, ERR_DATA, 0, false, NULL},
	{9422, ERR_DATA, 0, false, NULL},  /* the syntax, */
	{9436, ERR_DATA, 0, false, NULL},  /* an end tag, */
	{9437, ERR_DATA, 0, false, NULL},  /* an attribute that is there twice, */
	{9448, ERR_DATA, 0, false, NULL},  /* an entity, */
	{9455, ERR_DATA, 0, false, NULL},  /* a name, */
	{9459, ERR_DATA, 0, false, NULL},  /* a prefix */
	{13609, ERR_DATA, 0, false, NULL}, /* no JSON */
	{511, ERR_LIMIT, 0, false, NULL},  /* a row of more than 8,060 bytes */
	{1101, ERR_STORE, 0, false, "a filegroup of the database is full"},
	{1105, ERR_STORE, 0, false, "a filegroup of the database is full"},
	{9002, ERR_STORE, 0, false, "the transaction log is full: sys.databases.log_reuse_wait_desc says what keeps it"},
	{3952, ERR_CONFIG, 0, false, "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON"},
	{22117, ERR_CONFIG, 0, false, "change tracking is not there on a readable secondary: connect to the primary "
				      "(application_intent = readwrite, the listener's name)"},
	{207, ERR_CONFIG, 0, false, "was the column dropped or renamed, or is it spelled otherwise?"},
	{208, ERR_NOT_FOUND, 0, false, NULL}, /* no such object, */
	{2812, ERR_NOT_FOUND, 0, false, NULL}, /* no such procedure */
};

struct mssql_meaning mssql_error_meaning(int32_t number, uint8_t severity)
{
	struct mssql_meaning unknown = {.code = severity > 16 ? ERR_STORE : ERR_CONFIG,
		.fatal = severity >= 20};

	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].number == number)
			return (struct mssql_meaning){.code = entries[i].code,
				.layer = entries[i].layer,
				.hint = entries[i].hint,
				.fatal = entries[i].fatal || severity >= 20};
	return unknown;
}

/* Where texts quote values: between these, in the server's English. */
static const struct {
	int32_t number;
	const char *before, *after;
} quotes[] = {
	{220, "value = ", "."},
	{244, " value '", "' overflowed"},
	{245, " value '", "' to data type"},
	{248, " value '", "' overflowed"},
	{1505, "The duplicate key value is (", ")."},
	{2601, "The duplicate key value is (", ")."},
	{2627, "The duplicate key value is (", ")."},
	{2628, "Truncated value: '", "'."},
	{8169, " value '", "' "},
};

/* The text with ERR_VALUE in the value's place; what is before it is cut, where it is too long. */
static const char *without_value(const struct mssql_message *m, char *out, size_t size, const char **ret_value,
	size_t *ret_len)
{
	*ret_value = NULL;
	for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
		const char *begin = strstr(m->text, quotes[i].before), *end = NULL, *next;

		if (quotes[i].number != m->number || !begin)
			continue;
		begin += strlen(quotes[i].before);
		for (next = begin; (next = strstr(next, quotes[i].after)); next++)
			end = next; /* a value may have the words in it */
		if (!end)
			end = begin + strlen(begin);
		*ret_value = begin;
		*ret_len = (size_t)(end - begin);
		snprintf(out, size, "%.*s" ERR_VALUE "%s", (int)(begin - m->text), m->text, end);
		return out;
	}
	return m->text;
}

int mssql_error_set(const struct mssql_message *m, const char *server, struct err *err)
{
	struct mssql_meaning meaning = mssql_error_meaning(m->number, m->severity);
	char procedure[160] = "", line[32] = "", masked[ERR_MSG_MAX];
	const char *value, *text;
	size_t len;

	text = without_value(m, masked, sizeof(masked), &value, &len);

	if (*m->procedure)
		snprintf(procedure, sizeof(procedure), ", procedure %s", m->procedure);
	if (m->line > 0)
		snprintf(line, sizeof(line), ", line %" PRId32, m->line);
	err_set(err, meaning.code, "%s (error %" PRId32 ", severity %u, state %u%s%s, server %s)", text,
		m->number, m->severity, m->state, procedure, line, *m->server ? m->server : server);
	if (value)
		err_value(err, value, len);
	return meaning.hint ? err_hint(err, "%s", meaning.hint) : -1;
}

const char *mssql_layer_name(enum mssql_layer layer)
{
	static const char *const names[] = {
#define X(layer, name) name,
		MSSQL_LAYERS(X)
#undef X
	};

	return names[layer];
}

/* Microsoft Learn, MSSQLSERVER_18456: to a client most servers say 1, whatever the state is. */
const char *mssql_login_reason(uint8_t state)
{
	switch (state) {
	case 2:
	case 5:
		return "there is no such login";
	case 6:
		return "a Windows account was used as a SQL login";
	case 7:
		return "the login is disabled, and the password is wrong";
	case 8:
		return "the password is wrong";
	case 9:
		return "the password is not valid";
	case 11:
	case 12:
		return "the login is valid, but may not connect to the server";
	case 18:
		return "the password must be changed";
	case 38:
	case 46:
		return "the database was not found, or the login has no user in it";
	case 58:
		return "the server takes only Windows accounts";
	default:
		return NULL;
	}
}
