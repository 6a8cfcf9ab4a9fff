/*
 * https - GET a URL with libcurl, print the body or the exact error.
 *
 *	https URL CA-FILE [HOST:PORT:ADDRESS]
 */
#include <stdio.h>

#include <curl/curl.h>

static int get(CURL *curl, const char *url, const char *ca, struct curl_slist *resolve)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		return 0;
	fprintf(stderr, "curl %d: %s: %s\n", (int)rc, curl_easy_strerror(rc), detail);
	return 1;
}

int main(int argc, char **argv)
{
	struct curl_slist *resolve = NULL;
	CURL *curl;
	int status;

	if (argc < 3) {
		fputs("usage: https URL CA-FILE [HOST:PORT:ADDRESS]\n", stderr);
		return 2;
	}
	if (argc > 3)
		resolve = curl_slist_append(resolve, argv[3]);
	curl_global_init(CURL_GLOBAL_ALL);
	curl = curl_easy_init();
	status = curl ? get(curl, argv[1], argv[2], resolve) : 1;
	curl_easy_cleanup(curl);
	curl_slist_free_all(resolve);
	curl_global_cleanup();
	return status;
}
