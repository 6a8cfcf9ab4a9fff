#include "krb/explain.h"

#include <stddef.h>
#include <string.h>

struct meaning {
	int32_t code;
	enum err_code err;
	const char *text, *hint;
};

#define ASK_AD "ask who runs the domain"

/* RFC 4120 §7.5.9, as com_err numbers; what AD means by them: MS-KILE 3.3.5.7. */
static const struct meaning meanings[] = {
	{KRB_ERR_C_PRINCIPAL_UNKNOWN, ERR_AUTH, "the KDC knows no account '%s'",
		"is 'principal' right, and its realm? was the account deleted or renamed?"},
	{KRB_ERR_S_PRINCIPAL_UNKNOWN, ERR_AUTH, "the KDC knows no service '%s'",
		"the SPN is missing, or the server goes by another name: see 'etl doctor', or say spn"},
	{KRB_ERR_PREAUTH_FAILED, ERR_AUTH, "the KDC refuses the keytab's key for '%s'",
		"the account's password was changed since: make a new keytab"},
	{KRB_AP_ERR_BAD_INTEGRITY, ERR_AUTH, "the keytab's key for '%s' does not open what the KDC sent",
		"the account's password was changed since: make a new keytab"},
	{KRB_ERR_CLIENT_REVOKED, ERR_AUTH, "the account '%s' is disabled, locked or expired", ASK_AD},
	{KRB_ERR_NAME_EXP, ERR_AUTH, "the account '%s' has expired", ASK_AD " to extend it"},
	{KRB_ERR_KEY_EXPIRED, ERR_AUTH, "the password of '%s' has expired",
		"set a new one and make a new keytab; a service's password should not expire"},
	{KRB_ERR_CLIENT_NOTYET, ERR_AUTH, "the account '%s' is not valid yet", ASK_AD},
	{KRB_ERR_POLICY, ERR_AUTH, "the KDC's policy refuses '%s'",
		"logon hours, workstations or an authentication policy? " ASK_AD},
	{KRB_ERR_ETYPE_NOSUPP, ERR_AUTH, "'%s' has no AES key",
		"set msDS-SupportedEncryptionTypes to 24 at the account and its password anew; allow_rc4 = yes "
		"takes RC4, which can be broken"},
	{KRB_AP_ERR_SKEW, ERR_AUTH, "the clocks of this machine and the KDC are too far apart for '%s'",
		"set the clock (NTP)"},
	{KRB_KDC_REP_SKEW, ERR_AUTH, "the clocks of this machine and the KDC are too far apart for '%s'",
		"set the clock (NTP)"},
	{KRB_KDC_UNREACH, ERR_NETWORK, "no KDC answers for '%s'",
		"is a domain controller up, is port 88 (UDP and TCP) let through, and does [kerberos] kdc or the DNS "
		"(SRV _kerberos._udp.REALM) name it?"},
	{KRB_REALM_UNKNOWN, ERR_CONFIG, "the realm of '%s' is not known", "say [kerberos] realm and kdc"},
	{KRB_CONFIG_NODEFREALM, ERR_CONFIG, "there is no realm for '%s'", "say [kerberos] realm"},
	{KRB_ERR_WRONG_REALM, ERR_CONFIG, "'%s' belongs to another realm", "is [kerberos] realm right?"},
	{KRB_KT_NOTFOUND, ERR_CONFIG, "the keytab has no key for '%s'",
		"'etl doctor' lists what it has; names and realm count with their case"},
	{KRB_AP_ERR_TKT_EXPIRED, ERR_AUTH, "the ticket of '%s' has expired", "'etl kinit-refresh' gets a new one"},
	{KRB_CC_END, ERR_AUTH, "there is no ticket for '%s'", "'etl kinit-refresh' gets one"},
	{KRB_CC_NOTFOUND, ERR_AUTH, "there is no ticket for '%s'", "'etl kinit-refresh' gets one"},
};

/* What Active Directory adds to "revoked" (MS-KILE 2.2.1, NTSTATUS of MS-ERREF 2.3.1). */
static const struct meaning nt_meanings[] = {
	{(int32_t)0xC0000072, ERR_AUTH, "the account '%s' is disabled", ASK_AD " to enable it"},
	{(int32_t)0xC0000234, ERR_AUTH, "the account '%s' is locked",
		"too many wrong passwords: where else is an old keytab in use? then " ASK_AD " to unlock it"},
	{(int32_t)0xC0000193, ERR_AUTH, "the account '%s' has expired", ASK_AD " to extend it"},
	{(int32_t)0xC0000071, ERR_AUTH, "the password of '%s' has expired", "set a new one and make a new keytab"},
	{(int32_t)0xC0000224, ERR_AUTH, "the password of '%s' must be changed first",
		"set one that need not be and make a new keytab"},
	{(int32_t)0xC000006F, ERR_AUTH, "'%s' may not log in at this hour", ASK_AD},
	{(int32_t)0xC0000070, ERR_AUTH, "'%s' may not log in from this machine", ASK_AD},
};

static const struct meaning *find_meaning(const struct meaning *v, size_t n, int32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].code == code)
			return &v[i];
	return NULL;
}

int krb_explain(int32_t code, uint32_t nt_status, const char *what, const char *library_text, struct err *err)
{
	const struct meaning *m = find_meaning(nt_meanings, ARRAY_LEN(nt_meanings), (int32_t)nt_status);
	const char *mark;

	if (!m)
		m = find_meaning(meanings, ARRAY_LEN(meanings), code);
	if (!m)
		return err_set(err, ERR_AUTH, "Kerberos refuses '%s': %s (error %d)", what,
			library_text ? library_text : "no reason given", (int)code);
	mark = strstr(m->text, "%s");
	err_set(err, m->err, "%.*s%s%s", (int)(mark - m->text), m->text, what, mark + 2);
	return err_hint(err, "%s", m->hint);
}
