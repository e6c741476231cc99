/* See shim.h. */
/* fopencookie */
#define _GNU_SOURCE
/* rte_intr_fd_get, until DPDK 24.11 */
#define ALLOW_EXPERIMENTAL_API
#include <rte_config.h>
#include <stdatomic.h>
/* Nobody registers callbacks on our bursts: without them a burst is a jump into the driver. */
#undef RTE_ETHDEV_RXTX_CALLBACKS

#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAME_FIELD(field)                                                                          \
	_Static_assert(offsetof(struct dg_mbuf, field) == offsetof(struct rte_mbuf, field) &&      \
			       sizeof(((struct dg_mbuf *)0)->field) ==                             \
				       sizeof(((struct rte_mbuf *)0)->field),                      \
		       "struct dg_mbuf and struct rte_mbuf differ in " #field)

SAME_FIELD(buf_addr);
SAME_FIELD(data_off);
SAME_FIELD(refcnt);
SAME_FIELD(nb_segs);
SAME_FIELD(port);
SAME_FIELD(ol_flags);
SAME_FIELD(packet_type);
SAME_FIELD(pkt_len);
SAME_FIELD(data_len);
SAME_FIELD(vlan_tci);
_Static_assert(offsetof(struct dg_mbuf, rss) == offsetof(struct rte_mbuf, hash),
	       "struct dg_mbuf and struct rte_mbuf differ in rss");
_Static_assert(sizeof(struct dg_mbuf) <= sizeof(struct rte_mbuf), "the view is too long");

int dg_errno(void)
{
	return rte_errno;
}

/* The stream that the log goes to, when it is ours. */
static FILE *log_stream;

static void log_to(FILE *stream)
{
	rte_openlog_stream(stream);
	if (log_stream != NULL)
		fclose(log_stream);
	log_stream = stream == stderr ? NULL : stream;
}

const char *dg_driver_folder(void)
{
	return RTE_EAL_PMD_PATH;
}

int dg_log_to_fd(int fd)
{
	int copy = dup(fd);
	FILE *stream = copy < 0 ? NULL : fdopen(copy, "a");

	if (stream == NULL) {
		int error = errno;
		if (copy >= 0)
			close(copy);
		return -error;
	}
	log_to(stream);
	return 0;
}

static dg_listener log_listener;

static ssize_t log_write(void *cookie, const char *text, size_t length)
{
	(void)cookie;
	log_listener(text, length);
	return (ssize_t)length;
}

int dg_log_to(dg_listener listener)
{
	cookie_io_functions_t functions = {.write = log_write};
	FILE *stream = fopencookie(NULL, "a", functions);

	if (stream == NULL)
		return -errno;
	log_listener = listener;
	log_to(stream);
	return 0;
}

void dg_log_to_stderr(void)
{
	log_to(stderr);
}

int dg_port_info(uint16_t port, struct dg_port_info *info)
{
	struct rte_eth_dev_info dev = {0};
	struct rte_ether_addr mac = {0};
	const struct rte_devargs *devargs;
	int error = rte_eth_dev_info_get(port, &dev);

	memset(info, 0, sizeof(*info));
	if (error == 0)
		error = rte_eth_dev_get_name_by_port(port, info->name);
	if (error == 0)
		error = rte_eth_dev_get_mtu(port, &info->mtu);
	if (error != 0)
		return error;
	/* A port may have no address; zeros then. */
	if (rte_eth_macaddr_get(port, &mac) == 0)
		memcpy(info->mac, mac.addr_bytes, sizeof(info->mac));
	snprintf(info->driver, sizeof(info->driver), "%s", dev.driver_name);
	devargs = dev.device == NULL ? NULL : rte_dev_devargs(dev.device);
	if (devargs != NULL && devargs->args != NULL)
		snprintf(info->arguments, sizeof(info->arguments), "%s", devargs->args);
	info->numa_node = rte_eth_dev_socket_id(port);
	info->interface = dev.if_index;
	info->min_mtu = dev.min_mtu;
	info->max_mtu = dev.max_mtu;
	info->max_frame = dev.max_rx_pktlen;
	info->max_rx_queues = dev.max_rx_queues;
	info->max_tx_queues = dev.max_tx_queues;
	info->rx_desc_min = dev.rx_desc_lim.nb_min;
	info->rx_desc_max = dev.rx_desc_lim.nb_max;
	info->rx_desc_align = dev.rx_desc_lim.nb_align;
	info->tx_desc_min = dev.tx_desc_lim.nb_min;
	info->tx_desc_max = dev.tx_desc_lim.nb_max;
	info->tx_desc_align = dev.tx_desc_lim.nb_align;
	info->rx_offloads = dev.rx_offload_capa;
	info->tx_offloads = dev.tx_offload_capa;
	info->rss_types = dev.flow_type_rss_offloads;
	info->reta_size = dev.reta_size;
	return 0;
}

static bool insert_tag(struct rte_mbuf *mbuf, uint16_t type, uint16_t tci)
{
	const uint16_t tag[2] = {rte_cpu_to_be_16(type), rte_cpu_to_be_16(tci)};
	char *data;

	if (mbuf->data_len < 2 * RTE_ETHER_ADDR_LEN)
		return false;
	data = rte_pktmbuf_prepend(mbuf, sizeof(tag));
	if (data == NULL)
		return false;
	memmove(data, data + sizeof(tag), 2 * RTE_ETHER_ADDR_LEN);
	memcpy(data + 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag));
	return true;
}

void dg_restore_tags(struct dg_mbuf *packet)
{
	struct rte_mbuf *mbuf = (struct rte_mbuf *)packet;
	uint64_t flags = mbuf->ol_flags;

	if (RTE_MBUF_CLONED(mbuf) || rte_mbuf_refcnt_read(mbuf) > 1)
		return;
	/* The inner one first, since each is put right behind the addresses. */
	if (!insert_tag(mbuf, RTE_ETHER_TYPE_VLAN, mbuf->vlan_tci))
		return;
	mbuf->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED);
	if (flags & RTE_MBUF_F_RX_QINQ_STRIPPED)
		insert_tag(mbuf, RTE_ETHER_TYPE_QINQ, mbuf->vlan_tci_outer);
}

static atomic_bool removed[RTE_MAX_ETHPORTS];

/* Called in the EAL's interrupt thread. */
static int note_removal(uint16_t port, enum rte_eth_event_type event, void *cookie, void *result)
{
	(void)event, (void)cookie, (void)result;
	atomic_store(&removed[port], true);
	return 0;
}

bool dg_port_is_removed(uint16_t port)
{
	return atomic_load(&removed[port]) || rte_eth_dev_is_removed(port) == 1;
}

int dg_port_configure(uint16_t port, const struct dg_port_config *config)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port, &info) == 0 && (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0 &&
	    rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, note_removal, NULL) == 0)
		conf.intr_conf.rmv = 1;
	conf.rxmode.mtu = config->mtu;
	conf.rxmode.offloads = config->rx_offloads;
	conf.txmode.offloads = config->tx_offloads;
	if (config->rss_types != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = config->rss_types;
	}
	return rte_eth_dev_configure(port, config->rx_queues, config->tx_queues, &conf);
}

int dg_rss_update(uint16_t port, uint64_t types)
{
	struct rte_eth_rss_conf conf = {.rss_hf = types};

	return rte_eth_dev_rss_hash_update(port, &conf);
}

const char *dg_rss_type_name(uint64_t type)
{
	switch (type) {
	case RTE_ETH_RSS_IPV4:
		return "ipv4";
	case RTE_ETH_RSS_FRAG_IPV4:
		return "ipv4-frag";
	case RTE_ETH_RSS_NONFRAG_IPV4_UDP:
		return "ipv4-udp";
	case RTE_ETH_RSS_NONFRAG_IPV4_OTHER:
		return "ipv4-other";
	case RTE_ETH_RSS_IPV6:
		return "ipv6";
	case RTE_ETH_RSS_FRAG_IPV6:
		return "ipv6-frag";
	case RTE_ETH_RSS_NONFRAG_IPV6_UDP:
		return "ipv6-udp";
	case RTE_ETH_RSS_NONFRAG_IPV6_OTHER:
		return "ipv6-other";
	case RTE_ETH_RSS_IPV6_EX:
		return "ipv6-ex";
	case RTE_ETH_RSS_IPV6_UDP_EX:
		return "ipv6-udp-ex";
	default:
		return NULL;
	}
}

int dg_port_link(uint16_t port, bool *up, uint32_t *speed_mbps)
{
	struct rte_eth_link link = {0};
	int error = rte_eth_link_get_nowait(port, &link);

	if (error != 0)
		return error;
	*up = link.link_status == RTE_ETH_LINK_UP;
	*speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	return 0;
}

int dg_port_stats(uint16_t port, struct dg_port_stats *stats)
{
	struct rte_eth_stats all = {0};
	int error = rte_eth_stats_get(port, &all);

	stats->imissed = all.imissed;
	stats->ierrors = all.ierrors;
	stats->rx_nombuf = all.rx_nombuf;
	stats->oerrors = all.oerrors;
	return error;
}

int dg_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, int numa_node,
		      struct rte_mempool *pool)
{
	return rte_eth_rx_queue_setup(port, queue, descriptors, (unsigned int)numa_node, NULL,
				      pool);
}

int dg_tx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, int numa_node)
{
	return rte_eth_tx_queue_setup(port, queue, descriptors, (unsigned int)numa_node, NULL);
}

int dg_take_bulk(struct rte_mempool *pool, struct dg_mbuf **mbufs, uint16_t count)
{
	return rte_mempool_get_bulk(pool, (void **)mbufs, count);
}

/* What is read of a packet's reference count and number of segments at once. */
_Static_assert(offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + 2,
	       "the reference count and the number of segments are not side by side");

/* Whether a packet may go back to its pool as it is: one buffer that nobody else holds. All of it
 * shows in the first cache line, since `next` is NULL where there is one segment. */
static inline bool is_plain(const struct rte_mbuf *packet)
{
	uint32_t both;

	memcpy(&both, (const char *)packet + offsetof(struct rte_mbuf, refcnt), sizeof(both));
	return both == (UINT32_C(1) << 16 | 1);
}

void dg_free_bulk(struct dg_mbuf **mbufs, uint16_t count)
{
	struct rte_mbuf **packets = (struct rte_mbuf **)mbufs;
	struct rte_mempool *pool = packets[0]->pool;
	uint64_t flags = 0;
	bool plain = true;

	for (uint16_t i = 0; i < count && plain; i++) {
		plain = packets[i]->pool == pool && is_plain(packets[i]);
		flags |= packets[i]->ol_flags;
	}
	if (likely(plain && (flags & DG_FOREIGN_DATA) == 0))
		rte_mempool_put_bulk(pool, (void **)packets, count);
	else
		rte_pktmbuf_free_bulk(packets, count);
}

uint16_t dg_rx_burst(uint16_t port, uint16_t queue, struct dg_mbuf **mbufs, uint16_t count)
{
	return rte_eth_rx_burst(port, queue, (struct rte_mbuf **)mbufs, count);
}

uint16_t dg_tx_burst(uint16_t port, uint16_t queue, struct dg_mbuf **mbufs, uint16_t count)
{
	return rte_eth_tx_burst(port, queue, (struct rte_mbuf **)mbufs, count);
}

/* What a driver has that does not tell, from DPDK 25.11 on: it says 0. */
extern uint32_t rte_eth_queue_count_dummy(void *queue) __attribute__((weak));

int dg_rx_queue_count(uint16_t port, uint16_t queue)
{
	if (rte_eth_queue_count_dummy != NULL &&
	    (void *)rte_eth_fp_ops[port].rx_queue_count == (void *)rte_eth_queue_count_dummy)
		return -ENOTSUP;
	return rte_eth_rx_queue_count(port, queue);
}

/* net_memif's struct memif_queue (drivers/net/memif/rte_eth_memif.h) from DPDK 21.11 to 26.07. */
struct memif_queue {
	struct rte_mempool *mempool;
	void *pmd;
	uint32_t type;
	uint16_t region;
	uint16_t in_port;
	uint32_t ring_offset;
	uint16_t last_head;
	uint16_t last_tail;
	struct rte_mbuf **buffers;
	uint64_t packets;
	uint64_t bytes;
	/* The interrupt handle, and the ring's size as a power of 2 in a byte. Before them stands a
	 * count of errors since "net/memif: fix multi-segment Rx corruption" (26.03, and stable
	 * releases such as 24.11.8 and 25.11.4), so what is second is a handle or that byte. */
	uintptr_t rest[2];
};

bool dg_memif_has_ring(uint16_t port, uint16_t queue, bool is_rx)
{
	const struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port];
	const struct memif_queue *mq = (is_rx ? &ops->rxq : &ops->txq)->data[queue];
	bool is_as_expected = mq != NULL && mq->in_port == port && mq->type <= 1 &&
			      (mq->mempool != NULL) == is_rx;
	const struct rte_intr_handle *handle;

	if (!is_as_expected)
		return true;
	handle = (const struct rte_intr_handle *)mq->rest[mq->rest[1] <= UINT8_MAX ? 0 : 1];
	/* A ring comes with a descriptor, which the driver closes as the peer leaves. */
	return rte_intr_fd_get(handle) >= 0;
}
