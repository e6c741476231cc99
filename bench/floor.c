/*
 * What a device and the memory allow: takes buffers, copies so many bytes into each from one hot
 * buffer, hands them over; nothing else. The floor that sending is measured against.
 *
 * usage: floor EAL_OPTIONS -- BYTES SECONDS
 * Prints packets per second.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>

#define BURST 32

static struct rte_mempool *pool;
static uint8_t source[9216] __rte_cache_aligned;
static unsigned int bytes;
static double seconds, pps;

static int send_for_a_while(void *argument)
{
	struct rte_mbuf *mbufs[BURST];
	uint64_t hz = rte_get_tsc_hz(), sent = 0, begin = rte_rdtsc(), now = begin;
	uint64_t end = begin + (uint64_t)(seconds * hz);

	(void)argument;
	for (unsigned int round = 0; now < end; round++) {
		unsigned int accepted;

		if (rte_pktmbuf_alloc_bulk(pool, mbufs, BURST) != 0)
			return -1;
		for (unsigned int i = 0; i < BURST; i++) {
			rte_memcpy(rte_pktmbuf_mtod(mbufs[i], void *), source, bytes);
			mbufs[i]->data_len = bytes;
			mbufs[i]->pkt_len = bytes;
		}
		accepted = rte_eth_tx_burst(0, 0, mbufs, BURST);
		if (accepted < BURST)
			rte_pktmbuf_free_bulk(mbufs + accepted, BURST - accepted);
		sent += accepted;
		if (round % 64 == 0)
			now = rte_rdtsc();
	}
	pps = sent / ((double)(rte_rdtsc() - begin) / hz);
	return 0;
}

int main(int argc, char **argv)
{
	struct rte_eth_conf conf = {0};
	int parsed = rte_eal_init(argc, argv);
	unsigned int worker;

	if (parsed < 0 || argc - parsed != 3)
		rte_exit(EXIT_FAILURE, "usage: floor EAL_OPTIONS -- BYTES SECONDS\n");
	bytes = atoi(argv[parsed + 1]);
	seconds = atof(argv[parsed + 2]);
	worker = rte_get_next_lcore(-1, 1, 0);
	if (bytes > sizeof(source) || worker == RTE_MAX_LCORE)
		rte_exit(EXIT_FAILURE, "floor: too many bytes, or fewer than two lcores\n");
	for (unsigned int i = 0; i < sizeof(source); i++)
		source[i] = rand();
	pool = rte_pktmbuf_pool_create("floor", 4095, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL || rte_eth_dev_configure(0, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(0, 0, 1024, 0, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(0, 0, 1024, 0, NULL) != 0 || rte_eth_dev_start(0) != 0)
		rte_exit(EXIT_FAILURE, "floor: the port cannot be started\n");
	rte_eal_remote_launch(send_for_a_while, NULL, worker);
	if (rte_eal_wait_lcore(worker) != 0)
		rte_exit(EXIT_FAILURE, "floor: no buffers\n");
	printf("%.0f\n", pps);
	return 0;
}
