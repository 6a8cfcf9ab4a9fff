/*
 * explain - what an error number of Kerberos means, and what to do about it. Pure.
 *
 * Numbers are those of com_err: the protocol's (RFC 4120 §7.5.9) from KRB_ERROR_BASE on, above 128 the library's
 * own, which MIT and Heimdal share. Beside each stands the library's name: session.c compares the two.
 */
#ifndef KRB_EXPLAIN_H
#define KRB_EXPLAIN_H

#include <stdint.h>

#include "base/err.h"

#define KRB_ERROR_BASE (-1765328384)

#define KRB_ERRORS(X) \
	X(KRB_ERR_NAME_EXP, 1, KRB5KDC_ERR_NAME_EXP) \
	X(KRB_ERR_C_PRINCIPAL_UNKNOWN, 6, KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN) \
	X(KRB_ERR_S_PRINCIPAL_UNKNOWN, 7, KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN) \
	X(KRB_ERR_POLICY, 12, KRB5KDC_ERR_POLICY) \
	X(KRB_ERR_ETYPE_NOSUPP, 14, KRB5KDC_ERR_ETYPE_NOSUPP) \
	X(KRB_ERR_CLIENT_REVOKED, 18, KRB5KDC_ERR_CLIENT_REVOKED) \
	X(KRB_ERR_CLIENT_NOTYET, 21, KRB5KDC_ERR_CLIENT_NOTYET) \
	X(KRB_ERR_KEY_EXPIRED, 23, KRB5KDC_ERR_KEY_EXPIRED) \
	X(KRB_ERR_PREAUTH_FAILED, 24, KRB5KDC_ERR_PREAUTH_FAILED) \
	X(KRB_AP_ERR_BAD_INTEGRITY, 31, KRB5KRB_AP_ERR_BAD_INTEGRITY) \
	X(KRB_AP_ERR_TKT_EXPIRED, 32, KRB5KRB_AP_ERR_TKT_EXPIRED) \
	X(KRB_AP_ERR_SKEW, 37, KRB5KRB_AP_ERR_SKEW) \
	X(KRB_ERR_WRONG_REALM, 68, KRB5_KDC_ERR_WRONG_REALM) \
	X(KRB_CC_NOTFOUND, 141, KRB5_CC_NOTFOUND) \
	X(KRB_CC_END, 142, KRB5_CC_END) \
	X(KRB_KDC_REP_SKEW, 148, KRB5_KDCREP_SKEW) \
	X(KRB_REALM_UNKNOWN, 154, KRB5_REALM_UNKNOWN) \
	X(KRB_KDC_UNREACH, 156, KRB5_KDC_UNREACH) \
	X(KRB_KT_NOTFOUND, 181, KRB5_KT_NOTFOUND) \
	X(KRB_CONFIG_NODEFREALM, 224, KRB5_CONFIG_NODEFREALM)

enum krb_error {
#define X(name, number, library) name = KRB_ERROR_BASE + (number),
	KRB_ERRORS(X)
#undef X
};

/* An error number in our words; `what` is the principal that it is about, `nt_status` what Active Directory adds
 * to it (0: nothing), `library_text` what is said of a number that is not known here (or NULL). Returns -1. */
int krb_explain(int32_t code, uint32_t nt_status, const char *what, const char *library_text, struct err *err);

#endif
