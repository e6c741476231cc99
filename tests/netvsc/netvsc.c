/* The netvsc port: the synthetic path over the wire, and the VF that it drives. See stand_in.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_malloc.h>
#include <rte_rwlock.h>

#include "stand_in.h"

/* A device that is gone takes packets for so long before the driver hears of it. */
#define UNHEARD_MS 100

RTE_LOG_REGISTER_DEFAULT(stand_in_log, NOTICE);

struct netvsc;

struct queue {
	struct netvsc *netvsc;
	struct rte_mempool *pool;
	uint16_t id, descriptors;
	struct counts counts;
	uint64_t ring_full;
};

struct netvsc {
	struct rte_eth_dev *dev;
	struct rte_eth_dev_owner owner;
	/* The release of DPDK whose behaviour is imitated, such as 2211. */
	int release;
	bool is_configured, takes_external;
	uint16_t wire;
	/* hv->vf_lock: around all that the VF is asked for. */
	rte_rwlock_t vf_lock;
	bool vf_attached, vf_switched;
	uint16_t vf_port;
	/* What the VF is probed with when it comes back. */
	char vf_name[RTE_ETH_NAME_MAX_LEN], vf_arguments[TEXT];
	/* A file in which the host says that the VF is `away`; without it, or with any other text, it is there. */
	char host[TEXT];
	char log[TEXT];
};

/* hn_stat_strings, as far as anybody asks for them; they count the synthetic path alone. */
static const struct {
	const char *name;
	size_t at;
} stat_strings[] = {
	{"good_packets", offsetof(struct queue, counts.packets)},
	{"good_bytes", offsetof(struct queue, counts.bytes)},
	{"errors", offsetof(struct queue, counts.errors)},
	{"ring full", offsetof(struct queue, ring_full)},
};

static struct rte_eth_dev *vf_of(const struct netvsc *netvsc)
{
	return netvsc->vf_attached ? &rte_eth_devices[netvsc->vf_port] : NULL;
}

/* ---- packets */

static void give_back(void *address __rte_unused, void *original)
{
	rte_pktmbuf_free(original);
}

/* hn_rxpkt: a copy in a buffer of the application's, or with rx_extmbuf_enable a buffer around the receive area. */
static struct rte_mbuf *delivered(struct queue *rx, struct rte_mbuf *original)
{
	const uint32_t length = original->pkt_len, copybreak = 256;
	struct rte_mbuf *packet = rte_pktmbuf_alloc(rx->pool);
	const char *data;

	if (packet == NULL) {
		rx->netvsc->dev->data->rx_mbuf_alloc_failed++;
		rte_pktmbuf_free(original);
		return NULL;
	}
	if (rx->netvsc->takes_external && length > copybreak && original->nb_segs == 1 &&
	    original->data_off >= sizeof(struct rte_mbuf_ext_shared_info)) {
		struct rte_mbuf_ext_shared_info *shared = original->buf_addr;

		shared->free_cb = give_back;
		shared->fcb_opaque = original;
		rte_mbuf_ext_refcnt_set(shared, 1);
		rte_pktmbuf_attach_extbuf(packet, rte_pktmbuf_mtod(original, void *), rte_pktmbuf_iova(original),
					  length, shared);
		packet->data_off = 0;
	} else if (rte_pktmbuf_tailroom(packet) < length) {
		rx->counts.errors++;
		rte_pktmbuf_free(packet);
		rte_pktmbuf_free(original);
		return NULL;
	} else {
		data = rte_pktmbuf_read(original, 0, length, rte_pktmbuf_mtod(packet, void *));
		if (data != rte_pktmbuf_mtod(packet, char *))
			memcpy(rte_pktmbuf_mtod(packet, void *), data, length);
		rte_pktmbuf_free(original);
	}
	packet->pkt_len = packet->data_len = length;
	packet->port = rx->netvsc->dev->data->port_id;
	rx->counts.packets++;
	rx->counts.bytes += length;
	return packet;
}

/* NDIS has no hash of UDP ports (hn_rss_hash_init), so what comes from one host is all on queue 0. */
static uint16_t receive_synthetic(struct queue *rx, struct rte_mbuf **packets, uint16_t limit)
{
	const uint16_t queues = rx->netvsc->dev->data->nb_rx_queues;
	uint16_t kept = 0;

	for (uint16_t id = 0; rx->id == 0 && id < queues && kept < limit; id++) {
		uint16_t first = kept, count = rte_eth_rx_burst(rx->netvsc->wire, id, packets + kept, limit - kept);

		for (uint16_t i = first; i < first + count; i++) {
			packets[kept] = delivered(rx, packets[i]);
			kept += packets[kept] != NULL;
		}
	}
	return kept;
}

/* hn_recv_pkts: of the synthetic path first, and of the VF if the data path is switched to it. */
static uint16_t receive(void *queue, struct rte_mbuf **packets, uint16_t limit)
{
	struct queue *rx = queue;
	struct netvsc *netvsc = rx->netvsc;
	const uint16_t port = netvsc->dev->data->port_id;
	uint16_t count;

	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_switched) {
		count = rte_eth_rx_burst(netvsc->vf_port, rx->id, packets, limit);
		/* hn_recv_vf */
		for (uint16_t i = 0; i < count; i++)
			packets[i]->port = port;
	} else {
		count = receive_synthetic(rx, packets, limit);
	}
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	return count;
}

/* hn_xmit_pkts: all to the VF if the data path is switched to it. */
static uint16_t transmit(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	struct queue *tx = queue;
	struct netvsc *netvsc = tx->netvsc;
	uint64_t bytes = 0;
	uint16_t taken;

	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_switched) {
		taken = rte_eth_tx_burst(netvsc->vf_port, tx->id, packets, count);
	} else {
		for (uint16_t i = 0; i < count; i++)
			bytes += packets[i]->pkt_len;
		taken = rte_eth_tx_burst(netvsc->wire, tx->id, packets, count);
		for (uint16_t i = taken; i < count; i++)
			bytes -= packets[i]->pkt_len;
		tx->counts.packets += taken;
		tx->counts.bytes += bytes;
	}
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	return taken;
}

/* ---- the VF comes and goes: hn_vf.c, with the lock held where it is held there */

static int configure_vf(struct netvsc *netvsc)
{
	const struct rte_eth_dev_data *data = netvsc->dev->data;
	struct rte_eth_conf conf = data->dev_conf;
	int error;

	conf.intr_conf.lsc = 0;
	conf.intr_conf.rmv = 1;
	if (!netvsc->vf_attached)
		return 0;
	tell(netvsc->log, "vf configure rx %u tx %u mtu %u\n", data->nb_rx_queues, data->nb_tx_queues, data->mtu);
	error = rte_eth_dev_configure(netvsc->vf_port, data->nb_rx_queues, data->nb_tx_queues, &conf);
	if (error != 0)
		rte_log(RTE_LOG_ERR, stand_in_log, "STAND_IN: VF configuration failed: %d\n", error);
	return error;
}

static int set_up_vf_rx(struct netvsc *netvsc, const struct queue *rx)
{
	int error;

	if (!netvsc->vf_attached)
		return 0;
	/* mlx5_rx_queue_pre_setup rounds up to a power of two; ethdev holds it against MANA's limits. */
	error = rte_eth_rx_queue_setup(netvsc->vf_port, rx->id, rx->descriptors, SOCKET_ID_ANY, NULL, rx->pool);
	tell(netvsc->log, "vf rx_queue %u descriptors %u: %d\n", rx->id, rx->descriptors, error);
	return error;
}

static int set_up_vf_tx(struct netvsc *netvsc, const struct queue *tx)
{
	return !netvsc->vf_attached ? 0 :
		rte_eth_tx_queue_setup(netvsc->vf_port, tx->id, tx->descriptors, SOCKET_ID_ANY, NULL);
}

static void remove_delayed(void *argument);

/* hn_eth_rmv_event_callback: the work is done in an alarm. */
static int removed(uint16_t port __rte_unused, enum rte_eth_event_type event __rte_unused, void *argument,
		   void *result __rte_unused)
{
	tell(((struct netvsc *)argument)->log, "vf event INTR_RMV\n");
	return rte_eal_alarm_set(1, remove_delayed, argument);
}

/* hn_vf_match, hn_vf_attach */
static int attach(struct netvsc *netvsc)
{
	const struct rte_ether_addr *mac = netvsc->dev->data->mac_addrs;
	const struct rte_devargs *devargs;
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port)
		if (port != netvsc->wire && port != netvsc->dev->data->port_id &&
		    rte_is_same_ether_addr(mac, rte_eth_devices[port].data->mac_addrs))
			break;
	if (port >= RTE_MAX_ETHPORTS || rte_eth_dev_owner_set(port, &netvsc->owner) != 0)
		return -ENOENT;
	netvsc->vf_port = port;
	netvsc->vf_attached = true;
	snprintf(netvsc->vf_name, sizeof(netvsc->vf_name), "%s", rte_eth_devices[port].data->name);
	devargs = rte_eth_devices[port].device->devargs;
	snprintf(netvsc->vf_arguments, sizeof(netvsc->vf_arguments), "%s", devargs ? devargs->args : "");
	return rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, removed, netvsc);
}

/* hn_vf_add: found, and if the port is started configured, started and switched to. */
static int add_vf(struct netvsc *netvsc)
{
	const struct rte_eth_dev_data *data = netvsc->dev->data;
	int error = attach(netvsc);

	if (error != 0 || !data->dev_started)
		return error;
	error = configure_vf(netvsc);
	for (uint16_t id = 0; error == 0 && id < data->nb_tx_queues; id++)
		error = set_up_vf_tx(netvsc, data->tx_queues[id]);
	for (uint16_t id = 0; error == 0 && id < data->nb_rx_queues; id++)
		error = set_up_vf_rx(netvsc, data->rx_queues[id]);
	if (error == 0)
		error = rte_eth_dev_start(netvsc->vf_port);
	netvsc->vf_switched = error == 0;
	return error;
}

/* hn_remove_delayed */
static void remove_delayed(void *argument)
{
	struct netvsc *netvsc = argument;
	struct rte_device *device;

	rte_rwlock_write_lock(&netvsc->vf_lock);
	device = rte_eth_devices[netvsc->vf_port].device;
	netvsc->vf_switched = false;
	rte_eth_dev_owner_unset(netvsc->vf_port, netvsc->owner.id);
	netvsc->vf_attached = false;
	rte_eth_dev_callback_unregister(netvsc->vf_port, RTE_ETH_EVENT_INTR_RMV, removed, netvsc);
	rte_eth_dev_stop(netvsc->vf_port);
	rte_eth_dev_close(netvsc->vf_port);
	/* From 22.11.8. */
	rte_dev_remove(device);
	rte_rwlock_write_unlock(&netvsc->vf_lock);
	tell(netvsc->log, "vf removed\n");
}

/* What an application may hear of any port: DESTROY as the VF is closed, NEW as it is probed again. */
static int heard(uint16_t port __rte_unused, enum rte_eth_event_type event, void *argument, void *result __rte_unused)
{
	tell(((struct netvsc *)argument)->log, "vf event %s\n", event == RTE_ETH_EVENT_NEW ? "NEW" : "DESTROY");
	return 0;
}

/* The work of the host, and of netvsc_hotadd_callback. */
static void look(void *argument)
{
	struct netvsc *netvsc = argument;
	const bool away = is_away(netvsc->host);

	if (away && netvsc->vf_attached) {
		struct rte_eth_dev *dev = vf_of(netvsc);

		/* IBV_EVENT_DEVICE_FATAL: what the device holds, or is given until the driver hears of it, is lost. */
		((struct vf *)dev->data->dev_private)->is_gone = true;
		rte_delay_us_sleep(UNHEARD_MS * 1000);
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
	} else if (!away && !netvsc->vf_attached) {
		/* netvsc_hotplug_retry: the device is probed, unless it was there all the time. */
		if (rte_eth_dev_allocated(netvsc->vf_name) == NULL && *netvsc->vf_name)
			rte_eal_hotplug_add("vdev", netvsc->vf_name, netvsc->vf_arguments);
		rte_rwlock_write_lock(&netvsc->vf_lock);
		if (add_vf(netvsc) == 0)
			tell(netvsc->log, "vf added\n");
		rte_rwlock_write_unlock(&netvsc->vf_lock);
	}
	rte_eal_alarm_set(LOOK_US, look, netvsc);
}

/* ---- the port */

static int configure(struct rte_eth_dev *dev)
{
	struct netvsc *netvsc = dev->data->dev_private;
	const uint16_t rx = dev->data->nb_rx_queues, tx = dev->data->nb_tx_queues;
	const struct rte_eth_conf plain = {0};
	int error;

	tell(netvsc->log, "configure rx %u tx %u mtu %u\n", rx, tx, dev->data->mtu);
	/* hn_subchan_configure: the host gives no second set of channels ("open subchannel failed"), before 26.03. */
	if (netvsc->is_configured && RTE_MAX(rx, tx) > 1 && netvsc->release < 2603)
		return -ENOENT;
	netvsc->is_configured = true;
	error = rte_eth_dev_configure(netvsc->wire, RTE_MAX(rx, tx), RTE_MAX(rx, tx), &plain);
	if (error != 0)
		return error;
	rte_rwlock_write_lock(&netvsc->vf_lock);
	error = configure_vf(netvsc);
	rte_rwlock_write_unlock(&netvsc->vf_lock);
	return error;
}

/* hn_dev_mtu_set; 22.11 has no such function. */
static int set_mtu(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct netvsc *netvsc = dev->data->dev_private;
	int error = 0;

	if (dev->data->dev_started)
		return -EBUSY;
	/* hn_vf_mtu_set */
	if (netvsc->vf_attached)
		error = rte_eth_dev_set_mtu(netvsc->vf_port, mtu);
	tell(netvsc->log, "mtu %u: %d\n", mtu, error);
	return error;
}

static int rx_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors, unsigned int node,
		    const struct rte_eth_rxconf *conf __rte_unused, struct rte_mempool *pool)
{
	struct netvsc *netvsc = dev->data->dev_private;
	const unsigned int share = rte_mempool_avail_count(pool) / dev->data->nb_rx_queues;
	struct queue *rx = rte_zmalloc_socket("stand_in", sizeof(*rx), RTE_CACHE_LINE_SIZE, node);
	int error;

	if (rx == NULL)
		return -ENOMEM;
	/* hn_dev_rx_queue_setup: as if all receive queues had this pool. */
	if (descriptors == 0 || descriptors > share)
		descriptors = share;
	*rx = (struct queue){.netvsc = netvsc, .pool = pool, .id = id, .descriptors = descriptors};
	error = rte_eth_rx_queue_setup(netvsc->wire, id, 0, SOCKET_ID_ANY, NULL, pool);
	if (error == 0)
		error = set_up_vf_rx(netvsc, rx);
	if (error != 0) {
		rte_free(rx);
		return error;
	}
	dev->data->rx_queues[id] = rx;
	return 0;
}

static int tx_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors, unsigned int node,
		    const struct rte_eth_txconf *conf __rte_unused)
{
	struct netvsc *netvsc = dev->data->dev_private;
	struct queue *tx = rte_zmalloc_socket("stand_in", sizeof(*tx), RTE_CACHE_LINE_SIZE, node);
	int error;

	if (tx == NULL)
		return -ENOMEM;
	*tx = (struct queue){.netvsc = netvsc, .id = id, .descriptors = descriptors};
	dev->data->tx_queues[id] = tx;
	error = rte_eth_tx_queue_setup(netvsc->wire, id, 0, SOCKET_ID_ANY, NULL);
	return error ? error : set_up_vf_tx(netvsc, tx);
}

static void rx_release(struct rte_eth_dev *dev, uint16_t id)
{
	rte_free(dev->data->rx_queues[id]);
	dev->data->rx_queues[id] = NULL;
}

static void tx_release(struct rte_eth_dev *dev, uint16_t id)
{
	rte_free(dev->data->tx_queues[id]);
	dev->data->tx_queues[id] = NULL;
}

static bool has_link(uint16_t port)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* The wire's other end may still be on its way, or not be ready and turn us away: a memif client does not try again by
 * itself. */
static int start_wire(const struct netvsc *netvsc)
{
	int error = -EAGAIN;

	for (int tries = 0; tries < 25; tries++) {
		error = rte_eth_dev_start(netvsc->wire);
		for (int looks = 0; error == 0 && looks < 20; looks++) {
			if (has_link(netvsc->wire))
				return 0;
			rte_delay_us_sleep(10000);
		}
		if (error == 0)
			rte_eth_dev_stop(netvsc->wire);
		else
			rte_delay_us_sleep(200000);
	}
	return error == 0 ? rte_eth_dev_start(netvsc->wire) : error;
}

static int start(struct rte_eth_dev *dev)
{
	struct netvsc *netvsc = dev->data->dev_private;
	const struct rte_eth_dev_data *data = dev->data;
	const uint16_t queues = RTE_MAX(data->nb_rx_queues, data->nb_tx_queues);
	int error = 0;

	/* The wire has as many queues each way; buffers are those of the first. */
	for (uint16_t id = data->nb_rx_queues; error == 0 && id < queues && data->nb_rx_queues > 0; id++)
		error = rte_eth_rx_queue_setup(netvsc->wire, id, 0, SOCKET_ID_ANY, NULL,
					       ((struct queue *)data->rx_queues[0])->pool);
	for (uint16_t id = data->nb_tx_queues; error == 0 && id < queues; id++)
		error = rte_eth_tx_queue_setup(netvsc->wire, id, 0, SOCKET_ID_ANY, NULL);
	if (error == 0)
		error = start_wire(netvsc);
	rte_rwlock_write_lock(&netvsc->vf_lock);
	/* hn_vf_start */
	if (error == 0 && netvsc->vf_attached)
		error = rte_eth_dev_start(netvsc->vf_port);
	netvsc->vf_switched = error == 0 && netvsc->vf_attached;
	rte_rwlock_write_unlock(&netvsc->vf_lock);
	rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, heard, netvsc);
	rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, heard, netvsc);
	return error;
}

static int stop(struct rte_eth_dev *dev)
{
	struct netvsc *netvsc = dev->data->dev_private;

	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, heard, netvsc);
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, heard, netvsc);
	rte_rwlock_write_lock(&netvsc->vf_lock);
	dev->data->dev_started = 0;
	netvsc->vf_switched = false;
	if (netvsc->vf_attached)
		rte_eth_dev_stop(netvsc->vf_port);
	rte_rwlock_write_unlock(&netvsc->vf_lock);
	return rte_eth_dev_stop(netvsc->wire);
}

static int close_port(struct rte_eth_dev *dev)
{
	struct netvsc *netvsc = dev->data->dev_private;

	rte_eal_alarm_cancel(look, netvsc);
	rte_eal_alarm_cancel(remove_delayed, netvsc);
	/* hn_vf_close */
	if (netvsc->vf_attached) {
		rte_eth_dev_callback_unregister(netvsc->vf_port, RTE_ETH_EVENT_INTR_RMV, removed, netvsc);
		rte_eth_dev_close(netvsc->vf_port);
	}
	netvsc->vf_attached = false;
	return rte_eth_dev_close(netvsc->wire);
}

/* hn_vf_merge_desc_lim */
static void merge_limits(struct rte_eth_desc_lim *limits, const struct rte_eth_desc_lim *of_vf)
{
	limits->nb_max = RTE_MIN(limits->nb_max, of_vf->nb_max);
	limits->nb_min = RTE_MAX(limits->nb_min, of_vf->nb_min);
	limits->nb_align = RTE_MAX(limits->nb_align, of_vf->nb_align);
}

/* hn_dev_info_get, hn_rndis_get_offload, and hn_vf_info_merge, which merges the largest frame and not the largest MTU. */
static int info_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	struct netvsc *netvsc = dev->data->dev_private;
	struct rte_eth_dev_info vf;

	info->speed_capa = RTE_ETH_LINK_SPEED_10G;
	info->min_rx_bufsize = 1024;
	info->max_rx_pktlen = netvsc->release < 2311 ? 2048 : RTE_ETHER_MAX_JUMBO_FRAME_LEN;
	info->max_mac_addrs = 1;
	info->hash_key_size = 40;
	info->reta_size = RTE_ETH_RSS_RETA_SIZE_128;
	info->flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
				       RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_EX;
	info->max_rx_queues = info->max_tx_queues = MAX_QUEUES;
	info->tx_desc_lim.nb_min = 1;
	info->tx_desc_lim.nb_max = 4096;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT |
				RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_RSS_HASH |
				RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_attached && rte_eth_dev_info_get(netvsc->vf_port, &vf) == 0) {
		info->max_rx_queues = RTE_MIN(vf.max_rx_queues, info->max_rx_queues);
		info->max_tx_queues = RTE_MIN(vf.max_tx_queues, info->max_tx_queues);
		info->rx_offload_capa &= vf.rx_offload_capa;
		info->tx_offload_capa &= vf.tx_offload_capa;
		info->flow_type_rss_offloads &= vf.flow_type_rss_offloads;
		info->min_rx_bufsize = RTE_MAX(vf.min_rx_bufsize, info->min_rx_bufsize);
		info->max_rx_pktlen = RTE_MAX(vf.max_rx_pktlen, info->max_rx_pktlen);
		merge_limits(&info->rx_desc_lim, &vf.rx_desc_lim);
		merge_limits(&info->tx_desc_lim, &vf.tx_desc_lim);
	}
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	return 0;
}

/* hn_rss_hash_update: the synthetic path's own first, then hn_vf_rss_hash_update. */
static int rss_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct netvsc *netvsc = dev->data->dev_private;

	if (!netvsc->vf_attached)
		return 0;
	tell(netvsc->log, "vf spreads by%s%s%s%s\n", conf->rss_hf & RTE_ETH_RSS_IPV4 ? " ipv4" : "",
	     conf->rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP ? " ipv4-udp" : "",
	     conf->rss_hf & RTE_ETH_RSS_IPV6 ? " ipv6" : "",
	     conf->rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_UDP ? " ipv6-udp" : "");
	return rte_eth_dev_rss_hash_update(netvsc->vf_port, conf);
}

static int link_update(struct rte_eth_dev *dev, int wait __rte_unused)
{
	return link_of_wire(dev, ((struct netvsc *)dev->data->dev_private)->wire);
}

/* hn_dev_stats_get: what the VF tells, and the synthetic queues' own on top. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *queues __rte_unused)
#else
static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
#endif
{
	struct netvsc *netvsc = dev->data->dev_private;

	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_attached)
		rte_eth_stats_get(netvsc->vf_port, stats);
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	for (uint16_t id = 0; id < dev->data->nb_rx_queues; id++) {
		const struct queue *rx = dev->data->rx_queues[id];

		stats->ipackets += rx ? rx->counts.packets : 0;
		stats->ibytes += rx ? rx->counts.bytes : 0;
		stats->ierrors += rx ? rx->counts.errors : 0;
		stats->imissed += rx ? rx->ring_full : 0;
	}
	for (uint16_t id = 0; id < dev->data->nb_tx_queues; id++) {
		const struct queue *tx = dev->data->tx_queues[id];

		stats->opackets += tx ? tx->counts.packets : 0;
		stats->obytes += tx ? tx->counts.bytes : 0;
	}
	stats->rx_nombuf += dev->data->rx_mbuf_alloc_failed;
	return 0;
}

/* The names or values of the synthetic path's queues; returns how many there are. */
static unsigned int own_xstats(const struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
			       struct rte_eth_xstat *values)
{
	unsigned int n = 0;

	for (int is_rx = 0; is_rx < 2; is_rx++)
		for (uint16_t id = 0; id < (is_rx ? dev->data->nb_rx_queues : dev->data->nb_tx_queues); id++)
			for (size_t i = 0; i < RTE_DIM(stat_strings); i++, n++) {
				const char *queue = is_rx ? dev->data->rx_queues[id] : dev->data->tx_queues[id];

				if (names != NULL)
					snprintf(names[n].name, sizeof(names[n].name), "%s_q%u_%s",
						 is_rx ? "rx" : "tx", id, stat_strings[i].name);
				if (values != NULL) {
					values[n].id = n;
					values[n].value = queue ? *(const uint64_t *)(queue + stat_strings[i].at) : 0;
				}
			}
	return n;
}

/* hn_dev_xstats_get_names, hn_vf_xstats_get_names: the VF's exist exactly while it is attached. */
static int xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int limit)
{
	struct netvsc *netvsc = dev->data->dev_private;
	unsigned int own = own_xstats(dev, NULL, NULL);
	int of_vf = 0;

	if (names != NULL && limit < own)
		return own;
	own_xstats(dev, names, NULL);
	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_attached)
		of_vf = rte_eth_xstats_get_names(netvsc->vf_port, names ? names + own : NULL, names ? limit - own : 0);
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	for (unsigned int i = own; names != NULL && i < RTE_MIN(own + of_vf, limit); i++) {
		char name[RTE_ETH_XSTATS_NAME_SIZE];

		snprintf(name, sizeof(name), "vf_%.*s", (int)sizeof(name) - 4, names[i].name);
		memcpy(names[i].name, name, sizeof(name));
	}
	return own + of_vf;
}

static int xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *values, unsigned int limit)
{
	struct netvsc *netvsc = dev->data->dev_private;
	unsigned int own = own_xstats(dev, NULL, NULL), all = xstats_names(dev, NULL, 0);
	int of_vf = 0;

	if (limit < all)
		return all;
	own_xstats(dev, NULL, values);
	rte_rwlock_read_lock(&netvsc->vf_lock);
	if (netvsc->vf_attached)
		of_vf = rte_eth_xstats_get(netvsc->vf_port, values + own, limit - own);
	rte_rwlock_read_unlock(&netvsc->vf_lock);
	for (int i = 0; i < of_vf; i++)
		values[own + i].id += own;
	return own + of_vf;
}

static int nothing(struct rte_eth_dev *dev __rte_unused) { return 0; }

#define OPS                                                                                                            \
	.dev_configure = configure, .dev_start = start, .dev_stop = stop, .dev_close = close_port,                     \
	.dev_infos_get = info_get, .rx_queue_setup = rx_setup, .tx_queue_setup = tx_setup,                             \
	.rx_queue_release = rx_release, .tx_queue_release = tx_release, .link_update = link_update,                    \
	.rss_hash_update = rss_update, .stats_get = stats_get, .xstats_get = xstats_get, .xstats_get_names = xstats_names,                            \
	.promiscuous_enable = nothing, .promiscuous_disable = nothing, .allmulticast_enable = nothing,                 \
	.allmulticast_disable = nothing
static const struct eth_dev_ops ops_2211 = {OPS};
static const struct eth_dev_ops ops = {OPS, .mtu_set = set_mtu};

static int probe(struct rte_vdev_device *device)
{
	static const char *const keys[] = {"wire", "mac", "release", "external", "host", "log", NULL};
	char wire[TEXT] = "", mac[TEXT] = "", release[TEXT] = "2211", external[TEXT] = "0", host[TEXT] = "",
	     log[TEXT] = "";
	char *const values[] = {wire, mac, release, external, host, log};
	int error = read_arguments(rte_vdev_device_args(device), keys, values);
	struct rte_eth_dev *dev = error == 0 ? rte_eth_vdev_allocate(device, sizeof(struct netvsc)) : NULL;
	struct netvsc *netvsc;

	if (dev == NULL)
		return error ? error : -ENOMEM;
	netvsc = dev->data->dev_private;
	netvsc->dev = dev;
	netvsc->release = atoi(release);
	netvsc->takes_external = atoi(external);
	memcpy(netvsc->host, host, TEXT);
	memcpy(netvsc->log, log, TEXT);
	rte_rwlock_init(&netvsc->vf_lock);
	snprintf(netvsc->owner.name, sizeof(netvsc->owner.name), "%s", rte_vdev_device_name(device));
	dev->data->mac_addrs = rte_zmalloc("stand_in", sizeof(struct rte_ether_addr), 0);
	if (rte_eth_dev_owner_new(&netvsc->owner.id) != 0 || rte_eth_dev_get_port_by_name(wire, &netvsc->wire) != 0 ||
	    rte_eth_dev_owner_set(netvsc->wire, &netvsc->owner) != 0 ||
	    mac_of(mac, netvsc->wire, dev->data->mac_addrs) != 0) {
		rte_eth_dev_release_port(dev);
		return -EINVAL;
	}
	dev->data->dev_flags |= RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	dev->data->mtu = DEFAULT_MTU;
	dev->dev_ops = netvsc->release < 2311 ? &ops_2211 : &ops;
	dev->rx_pkt_burst = receive;
	dev->tx_pkt_burst = transmit;
	rte_eth_dev_probing_finish(dev);
	look(netvsc);
	return 0;
}

static int remove_device(struct rte_vdev_device *device)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(device));

	return dev == NULL ? 0 : rte_eth_dev_close(dev->data->port_id);
}

static struct rte_vdev_driver driver = {.probe = probe, .remove = remove_device};
RTE_PMD_REGISTER_VDEV(net_netvsc, driver);
