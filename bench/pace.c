/*
 * What a CPU allows: looks at the time without a pause and notes how late it comes by at each of
 * 1,000,000 due times a second. Due times that it finds more than a millisecond late are skipped.
 *
 * usage: pace SECONDS
 * Prints a JSON object: p50_ns, p99_ns, skipped (a share).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <x86intrin.h>

#define RATE 1000000
#define LIMIT_NS 1000000

static uint64_t counts[LIMIT_NS + 1];

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static double ticks_per_ns(void)
{
	uint64_t begin_ns = monotonic_ns(), begin = __rdtsc();

	while (monotonic_ns() - begin_ns < 200000000)
		;
	return (double)(__rdtsc() - begin) / (monotonic_ns() - begin_ns);
}

static unsigned int quantile(uint64_t total, double share)
{
	uint64_t seen = 0;
	unsigned int ns = 0;

	while ((seen += counts[ns]) < share * total)
		ns++;
	return ns;
}

int main(int argc, char **argv)
{
	double scale = ticks_per_ns(), end_ns = argc == 2 ? atof(argv[1]) * 1e9 : 0, now_ns = 0;
	uint64_t begin = __rdtsc(), due = 0, skipped = 0;

	while (now_ns < end_ns) {
		now_ns = (__rdtsc() - begin) / scale;
		for (; due * (1e9 / RATE) <= now_ns; due++) {
			double lag_ns = now_ns - due * (1e9 / RATE);

			if (lag_ns <= LIMIT_NS)
				counts[(unsigned int)lag_ns]++;
			else
				skipped++;
		}
	}
	if (due == skipped) {
		fprintf(stderr, "usage: pace SECONDS\n");
		return 2;
	}
	printf("{\"p50_ns\": %u, \"p99_ns\": %u, \"skipped\": %g}\n", quantile(due - skipped, 0.5),
	       quantile(due - skipped, 0.99), (double)skipped / due);
	return 0;
}
