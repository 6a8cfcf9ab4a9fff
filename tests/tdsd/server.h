/*
 * server - what all connections share, and the threads that serve them.
 */
#ifndef TDSD_SERVER_H
#define TDSD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "tests/tdsd/browser.h"
#include "tests/tdsd/capture.h"
#include "tests/tdsd/control.h"
#include "tests/tdsd/engine.h"
#include "tests/tdsd/fault.h"
#include "tests/tdsd/options.h"
#include "tests/tdsd/report.h"
#include "tests/tdsd/sink.h"
#include "tests/tdsd/tls.h"

struct conn;

struct server {
	const struct options *options;
	struct engine *engine;
	struct tls_context *tls; /* NULL: the policy is none */
	int listener;
	uint16_t port;
	atomic_bool stopping;
	struct sinks sinks;
	struct faults faults;
	atomic_uint clears; /* of them */
	struct report report;
	struct capture capture;
	struct control *control; /* NULL: none */
	struct browser *browser;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t ended;
	struct conn *conns; /* the live ones */
	unsigned n_conns;
	int next_spid;
};

/* Opens engine, certificate and listener. `options` must outlive the server. */
MUST_CHECK int server_open(
	const struct options *options, struct server *ret_server, struct err *err);
/* Accepts until server_stop, which any thread or signal handler may call. */
void server_run(struct server *s);
void server_stop(struct server *s);
/* Ends the connections and waits for their threads. */
void server_close(struct server *s);

#endif
