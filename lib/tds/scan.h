/*
 * scan - finds the ends of rows in a stream that is cut anywhere (packets).
 *
 * It reads lengths and passes over values: nothing is decoded, and a value
 * that does not fit its column beyond its length goes unnoticed (tds_decode
 * sees it). The plan is compiled once for a column list; what can be passed
 * over in the same way is one step of it. Pure: no I/O, no allocation but the
 * plan.
 */
#ifndef TDS_SCAN_H
#define TDS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tds/type.h"

/* Immutable: any number of scans, in any threads, may use one. */
struct tds_plan;
struct tds_plan *tds_plan_new(const struct tds_columns *cols);
void tds_plan_free(struct tds_plan *plan); /* NULL is fine */

/* Where a scan stopped; zero-initialise before the first byte. Belongs to scan.c. */
struct tds_scan {
	uint64_t skip;   /* bytes still to pass over */
	uint64_t left;   /* PLP: bytes that chunks may still have */
	uint32_t step;   /* position in the plan */
	uint32_t done;   /* columns of that step that were passed */
	uint8_t part[8]; /* a length that the end of the data cut */
	uint8_t part_len;
	uint8_t state;
};

/* Goes over data[0, len) from where the last call stopped. 1: a row ended, *ret_used bytes
 * belong to it and before; 0: all of the data used, the row goes on; -1: ERR_DATA. */
MUST_CHECK int tds_scan_row(const struct tds_plan *plan, struct tds_scan *scan, const uint8_t *data,
	size_t len, size_t *ret_used, struct err *err);

#endif
