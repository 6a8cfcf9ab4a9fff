#include "db/mssql_address.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* What stands between `from` and `to` without the blanks around it; false: too long. */
static bool take(const char *from, const char *to, char *out, size_t size)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	if ((size_t)(to - from) >= size)
		return false;
	memcpy(out, from, (size_t)(to - from));
	out[to - from] = '\0';
	return true;
}

static int parse_port(const char *text, uint16_t *ret_port, struct err *err)
{
	char digits[8] = "";
	unsigned port = 0;

	(void)take(text, text + strlen(text), digits, sizeof(digits));
	for (const char *p = digits; *p; p++) {
		if (*p < '0' || *p > '9' || port > UINT16_MAX) {
			port = 0;
			break;
		}
		port = port * 10 + (unsigned)(*p - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_CONFIG, "'%s' is not a port from 1 to 65535", text);
	*ret_port = (uint16_t)port;
	return 0;
}

/* One colon is how others write a port; several are an address of IPv6. */
static int check_host(const char *host, struct err *err)
{
	const char *colon = strchr(host, ':');

	if (!*host)
		return err_set(err, ERR_CONFIG, "there is no host");
	if (strpbrk(host, " \t\"'/;="))
		return err_set(err, ERR_CONFIG, "'%s' is not the name of a host", host);
	if (colon && !strchr(colon + 1, ':')) {
		err_set(err, ERR_CONFIG, "'%s' is not the name of a host", host);
		return err_hint(err, "a port stands behind a comma: server = %.*s,%s",
			(int)(colon - host), host, colon + 1);
	}
	return 0;
}

static void without_brackets(char *host)
{
	size_t len = strlen(host);

	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return;
	memmove(host, host + 1, len - 2);
	host[len - 2] = '\0';
}

int mssql_address_parse(const char *text, struct mssql_address *ret_address, struct err *err)
{
	struct mssql_address a = {.port = 0};
	const char *comma, *slash, *end;

	text += strspn(text, " \t");
	if (strncasecmp(text, "np:", 3) == 0 || strncasecmp(text, "lpc:", 4) == 0 ||
		strncmp(text, "\\\\", 2) == 0)
		return err_set(err, ERR_CONFIG, "'%s': only TCP is spoken here", text);
	if (strncasecmp(text, "tcp:", 4) == 0)
		text += 4;
	comma = strchr(text, ',');
	end = comma ? comma : text + strlen(text);
	slash = memchr(text, '\\', (size_t)(end - text));
	if (!take(text, slash ? slash : end, a.host, sizeof(a.host)))
		return err_set(err, ERR_CONFIG, "a host of more than %d characters", MSSQL_HOST_MAX);
	if (slash && !take(slash + 1, end, a.instance, sizeof(a.instance)))
		return err_set(err, ERR_CONFIG, "an instance of more than %d characters",
			MSSQL_INSTANCE_MAX);
	if (strcmp(a.host, ".") == 0 || strcasecmp(a.host, "(local)") == 0)
		strcpy(a.host, "localhost");
	without_brackets(a.host);
	if (check_host(a.host, err))
		return -1;
	if (slash && !*a.instance)
		return err_set(err, ERR_CONFIG, "there is no instance behind the '\\'");
	if (strcasecmp(a.instance, "MSSQLSERVER") == 0)
		a.instance[0] = '\0'; /* the default instance's own name */
	if (comma && parse_port(comma + 1, &a.port, err))
		return -1;
	if (!comma && !*a.instance)
		a.port = MSSQL_PORT;
	*ret_address = a;
	return 0;
}
