/*
 * What dpdkgen uses of DPDK: the functions and types that build.rs lists by name.
 *
 * DPDK's large configuration structs change from version to version and its burst functions are
 * static inline, so both are reached through functions of our own (`dg_`) over flat structs.
 */
#ifndef DPDKGEN_SHIM_H
#define DPDKGEN_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_version.h>

/**
 * The leading fields of struct rte_mbuf, which itself cannot be bound: the anonymous unions in it
 * are arranged anew in later versions. shim.c asserts every offset.
 */
struct dg_mbuf {
	void *buf_addr;
	/** The I/O address, or `next` in a DPDK that was built without I/O addresses in mbufs. */
	uint64_t iova_or_next;
	uint16_t data_off;
	uint16_t refcnt;
	uint16_t nb_segs;
	uint16_t port;
	uint64_t ol_flags;
	uint32_t packet_type;
	uint32_t pkt_len;
	uint16_t data_len;
	uint16_t vlan_tci;
	/** hash.rss */
	uint32_t rss;
};

/** Offsets in struct rte_mbuf, asserted against the view on the Rust side too. */
enum {
	DG_OFFSET_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr),
	DG_OFFSET_DATA_OFF = offsetof(struct rte_mbuf, data_off),
	DG_OFFSET_NB_SEGS = offsetof(struct rte_mbuf, nb_segs),
	DG_OFFSET_OL_FLAGS = offsetof(struct rte_mbuf, ol_flags),
	DG_OFFSET_PKT_LEN = offsetof(struct rte_mbuf, pkt_len),
	DG_OFFSET_DATA_LEN = offsetof(struct rte_mbuf, data_len),
	DG_OFFSET_NEXT = offsetof(struct rte_mbuf, next),
};

/**
 * Macros and constants as constants of a known type. 64-bit ones are variables of their own, since
 * an enum takes the type of its largest.
 */
enum {
	DG_MAX_LCORES = RTE_MAX_LCORE,
	DG_MAX_PORTS = RTE_MAX_ETHPORTS,
	DG_NO_OWNER = RTE_ETH_DEV_NO_OWNER,
	DG_NO_PORT = RTE_MBUF_PORT_INVALID,
	DG_HEADROOM = RTE_PKTMBUF_HEADROOM,
	DG_MBUF_BYTES = sizeof(struct rte_mbuf),
	DG_LOG_INFO = RTE_LOG_INFO,
};

/** The data belongs to another mbuf or to an external buffer: flags that must stay as they are. */
static const uint64_t DG_FOREIGN_DATA = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
/** A tag, or both, stand beside the packet and no longer in it. */
static const uint64_t DG_TAGS_BESIDE =
	RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED;
static const uint64_t DG_RX_SCATTER = RTE_ETH_RX_OFFLOAD_SCATTER;
static const uint64_t DG_TX_MULTI_SEGS = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
static const uint64_t DG_TX_MBUF_FAST_FREE = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
/** Flow types that spread IP and UDP over the receive queues. */
static const uint64_t DG_RSS_IP_UDP = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP;

/** What DPDK says of a port. */
struct dg_port_info {
	char name[RTE_ETH_NAME_MAX_LEN];
	char driver[RTE_ETH_NAME_MAX_LEN];
	/** What was given to the driver, as behind the name in --vdev. */
	char arguments[256];
	uint8_t mac[6];
	/** Negative when unknown. */
	int32_t numa_node;
	/** The kernel's interface that the port is, or receives from; 0 if it is none. */
	uint32_t interface;
	uint16_t mtu;
	uint16_t min_mtu;
	/** As the driver says it, often 65535 for "not told". */
	uint16_t max_mtu;
	/** The largest frame, FCS included. */
	uint32_t max_frame;
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t rx_desc_min, rx_desc_max, rx_desc_align;
	uint16_t tx_desc_min, tx_desc_max, tx_desc_align;
	uint64_t rx_offloads;
	uint64_t tx_offloads;
	uint64_t rss_types;
	uint16_t reta_size;
};

/** What a port is configured with. */
struct dg_port_config {
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t mtu;
	uint64_t rx_offloads;
	uint64_t tx_offloads;
	/** 0 for no RSS. */
	uint64_t rss_types;
};

/**
 * Puts the VLAN tags that a driver took off a received packet back into it, as far as there is room
 * in front of it and nobody else has its data.
 */
void dg_restore_tags(struct dg_mbuf *packet);

/** Counters of a port since it was made, of what did not come through it. */
struct dg_port_stats {
	uint64_t imissed;
	uint64_t ierrors;
	uint64_t rx_nombuf;
	uint64_t oerrors;
};

/** Where this thread's last DPDK call left its error number. */
int dg_errno(void);

/** DPDK's log goes to (a duplicate of) this file descriptor; not 0 on failure. */
int dg_log_to_fd(int fd);
/** Is given what DPDK logs, whole lines, by the thread that logs. */
typedef void (*dg_listener)(const char *text, size_t length);
/** DPDK's log goes to a function from now on; not 0 on failure. */
int dg_log_to(dg_listener listener);
/** DPDK's log goes to standard error, never to standard output. */
void dg_log_to_stderr(void);
/** The folder from which the EAL loads drivers, as DPDK was built. */
const char *dg_driver_folder(void);

/** Everything that DPDK says of a port before it is configured; 0 or a negative errno. */
int dg_port_info(uint16_t port, struct dg_port_info *info);
/** 0 or a negative errno, as in all that follow. */
int dg_port_configure(uint16_t port, const struct dg_port_config *config);
/** Has a configured port spread packets by these types; 0 or a negative errno. */
int dg_rss_update(uint16_t port, uint64_t types);
/** A short name of the one flow type that is set in `type`, NULL if it is none of IP or UDP. */
const char *dg_rss_type_name(uint64_t type);
/** The link as it is now, without waiting; speed 0 when unknown. */
int dg_port_link(uint16_t port, bool *up, uint32_t *speed_mbps);
/** Whether the device of a port that was configured was taken away. */
bool dg_port_is_removed(uint16_t port);
/** The counters as they are now. */
int dg_port_stats(uint16_t port, struct dg_port_stats *stats);

/** With the driver's default thresholds and the port's offloads; numa_node may be negative. */
int dg_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, int numa_node,
		      struct rte_mempool *pool);
/** As dg_rx_queue_setup. */
int dg_tx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, int numa_node);

/** Gives all or none (not 0) of so many buffers as they lie in their pool: to be made packets of. */
int dg_take_bulk(struct rte_mempool *pool, struct dg_mbuf **mbufs, uint16_t count);
/** Frees whole packets, every segment of each. */
void dg_free_bulk(struct dg_mbuf **mbufs, uint16_t count);
/** Takes up to `count` received packets from the queue. */
uint16_t dg_rx_burst(uint16_t port, uint16_t queue, struct dg_mbuf **mbufs, uint16_t count);
/** Hands over packets, at least one (net_memif reads the first before it looks how many they are);
 *  the first so many as it returns are the device's from then on. */
uint16_t dg_tx_burst(uint16_t port, uint16_t queue, struct dg_mbuf **mbufs, uint16_t count);
/** Received packets that wait in the queue, or a negative errno where the driver does not tell. */
int dg_rx_queue_count(uint16_t port, uint16_t queue);

/**
 * Whether a peer has given a queue of a started net_memif port a ring. The driver keeps the place of
 * an earlier peer's, and reads there, if the next peer has fewer. While no burst is under way on it.
 */
bool dg_memif_has_ring(uint16_t port, uint16_t queue, bool is_rx);

#endif
