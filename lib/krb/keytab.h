/*
 * keytab - is a file's content a keytab, from its first byte to its last? Pure.
 *
 * Heimdal frees what it has not set when a record is cut; so what it is given is looked at before.
 * Format: MIT's "keytab file format", version 0x0502.
 */
#ifndef KRB_KEYTAB_H
#define KRB_KEYTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool keytab_is_whole(const uint8_t *data, size_t len);

#endif
