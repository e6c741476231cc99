/* The VF: a port by itself, until a netvsc port with the same address takes it. See stand_in.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_malloc.h>

#include "stand_in.h"

void tell(const char *log, const char *format, ...)
{
	FILE *file = *log ? fopen(log, "a") : NULL;
	va_list arguments;

	if (file == NULL)
		return;
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

static int copy_text(const char *key __rte_unused, const char *value, void *to)
{
	return (unsigned int)snprintf(to, TEXT, "%s", value) < TEXT ? 0 : -1;
}

int read_arguments(const char *arguments, const char *const keys[], char *const values[])
{
	struct rte_kvargs *parsed = rte_kvargs_parse(arguments, keys);
	int error = parsed == NULL ? -EINVAL : 0;

	for (int i = 0; error == 0 && keys[i] != NULL; i++)
		error = rte_kvargs_process(parsed, keys[i], copy_text, values[i]);
	rte_kvargs_free(parsed);
	return error;
}

bool is_away(const char *name)
{
	char wanted[8] = "";
	FILE *file = *name ? fopen(name, "r") : NULL;

	if (file != NULL && fgets(wanted, sizeof(wanted), file) == NULL)
		wanted[0] = 0;
	if (file != NULL)
		fclose(file);
	return strncmp(wanted, "away", 4) == 0;
}

int mac_of(const char *text, uint16_t wire, struct rte_ether_addr *mac)
{
	return *text ? rte_ether_unformat_addr(text, mac) : rte_eth_macaddr_get(wire, mac);
}

int link_of_wire(struct rte_eth_dev *dev, uint16_t wire)
{
	struct rte_eth_link link = {0};

	/* The netvsc port closes it. */
	if (!rte_eth_dev_is_valid_port(wire) || rte_eth_link_get_nowait(wire, &link) != 0)
		link.link_status = RTE_ETH_LINK_DOWN;
	link.link_speed = RTE_ETH_SPEED_NUM_50G;
	return rte_eth_linkstatus_set(dev, &link);
}

static uint16_t receive(void *queue, struct rte_mbuf **packets, uint16_t limit)
{
	struct vf_queue *rx = queue;
	uint16_t kept = 0, count = rx->vf->is_gone ? 0 : rte_eth_rx_burst(rx->vf->wire, rx->id, packets, limit);

	for (uint16_t i = 0; i < count; i++) {
		if (rx->vf->miss_one_in != 0 && ++rx->seen % rx->vf->miss_one_in == 0) {
			rx->missed++;
			rte_pktmbuf_free(packets[i]);
			continue;
		}
		packets[i]->port = rx->port;
		rx->counts.packets++;
		rx->counts.bytes += packets[i]->pkt_len;
		packets[kept++] = packets[i];
	}
	return kept;
}

static uint16_t transmit(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	struct vf_queue *tx = queue;
	uint64_t bytes = 0;
	uint16_t taken;

	if (tx->vf->is_gone) {
		rte_pktmbuf_free_bulk(packets, count);
		return count;
	}
	/* The wire may free what it takes. */
	for (uint16_t i = 0; i < count; i++)
		bytes += packets[i]->pkt_len;
	taken = rte_eth_tx_burst(tx->vf->wire, tx->id, packets, count);
	for (uint16_t i = taken; i < count; i++)
		bytes -= packets[i]->pkt_len;
	tx->counts.packets += taken;
	tx->counts.bytes += bytes;
	return taken;
}

static int set_mtu(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct vf *vf = dev->data->dev_private;

	/* mlx5_dev_set_mtu, mana_mtu_set: the kernel's interface is set, and refuses what the host does not let it have. */
	if (mtu > vf->max_mtu)
		return -EINVAL;
	vf->mtu = mtu;
	return 0;
}

/* A VF without a netvsc port has the wire to itself. */
static bool is_alone(const struct vf *vf) { return *vf->host; }

static int configure(struct rte_eth_dev *dev)
{
	struct vf *vf = dev->data->dev_private;
	const uint16_t rx = dev->data->nb_rx_queues, tx = dev->data->nb_tx_queues;

	if (is_alone(vf)) {
		const struct rte_eth_conf plain = {0};
		int error = rte_eth_dev_configure(vf->wire, rx, tx, &plain);

		if (error != 0)
			return error;
	}
	/* mana_dev_configure: "Only support equal number of rx/tx queues", "number of TX/RX queues must be power of 2". */
	if (vf->is_mana)
		return rx == tx && rte_is_power_of_2(rx) ? 0 : -EINVAL;
	/* mlx5_dev_configure, from 22.11.6: "port %u failed to set MTU to %u". */
	return set_mtu(dev, dev->data->mtu);
}

static int info_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct vf *vf = dev->data->dev_private;

	info->max_rx_queues = info->max_tx_queues = MAX_QUEUES;
	info->max_mac_addrs = 1;
	info->min_rx_bufsize = 32;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
				RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	if (vf->is_mana) {
		/* mana_dev_info_get; MIN_BUFFERS_PER_QUEUE is 64. */
		info->min_mtu = RTE_ETHER_MIN_MTU;
		info->max_mtu = 9000;
		info->max_rx_pktlen = 9000 + RTE_ETHER_HDR_LEN;
		info->flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
					       RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV6 |
					       RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
		info->rx_desc_lim.nb_min = info->tx_desc_lim.nb_min = 64;
		info->rx_desc_lim.nb_align = info->tx_desc_lim.nb_align = 64;
	} else {
		/* mlx5_dev_infos_get, which has these values by itself and asks no device for them. */
		info->max_rx_pktlen = 65536;
		info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_SCATTER;
		info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
		info->flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
	}
	return 0;
}

static int rx_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors __rte_unused,
		    unsigned int node __rte_unused, const struct rte_eth_rxconf *conf __rte_unused,
		    struct rte_mempool *pool)
{
	struct vf *vf = dev->data->dev_private;

	vf->rx[id] = (struct vf_queue){.vf = vf, .port = dev->data->port_id, .id = id};
	dev->data->rx_queues[id] = &vf->rx[id];
	return is_alone(vf) ? rte_eth_rx_queue_setup(vf->wire, id, 0, SOCKET_ID_ANY, NULL, pool) : 0;
}

static int tx_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors __rte_unused,
		    unsigned int node __rte_unused, const struct rte_eth_txconf *conf __rte_unused)
{
	struct vf *vf = dev->data->dev_private;

	vf->tx[id] = (struct vf_queue){.vf = vf, .port = dev->data->port_id, .id = id};
	dev->data->tx_queues[id] = &vf->tx[id];
	return is_alone(vf) ? rte_eth_tx_queue_setup(vf->wire, id, 0, SOCKET_ID_ANY, NULL) : 0;
}

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *queues __rte_unused)
#else
static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
#endif
{
	const struct vf *vf = dev->data->dev_private;

	for (int i = 0; i < MAX_QUEUES; i++) {
		stats->ipackets += vf->rx[i].counts.packets;
		stats->ibytes += vf->rx[i].counts.bytes;
		stats->opackets += vf->tx[i].counts.packets;
		stats->obytes += vf->tx[i].counts.bytes;
		/* mana_dev_stats_get: "There is no good way to get stats->imissed". */
		if (!vf->is_mana)
			stats->imissed += vf->rx[i].missed;
	}
	return 0;
}

/* mana_rss_hash_update; mlx5_rss_hash_update. */
static int rss_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf __rte_unused)
{
	return dev->data->dev_started ? -ENODEV : 0;
}

static int link_update(struct rte_eth_dev *dev, int wait __rte_unused)
{
	return link_of_wire(dev, ((struct vf *)dev->data->dev_private)->wire);
}

/* mlx5_is_removed; MANA tells by the event alone. */
static int is_removed(struct rte_eth_dev *dev)
{
	const struct vf *vf = dev->data->dev_private;

	return vf->is_gone && !vf->is_mana;
}

/* IBV_EVENT_DEVICE_FATAL, if somebody wants to hear of it (mlx5_dev_interrupt_handler, mana_intr_handler). */
static void look(void *argument)
{
	struct rte_eth_dev *dev = argument;
	struct vf *vf = dev->data->dev_private;

	if (!is_away(vf->host)) {
		rte_eal_alarm_set(LOOK_US, look, dev);
		return;
	}
	vf->is_gone = true;
	if (dev->data->dev_conf.intr_conf.rmv != 0)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
}

static int close_port(struct rte_eth_dev *dev)
{
	rte_eal_alarm_cancel(look, dev);
	return 0;
}

static int start(struct rte_eth_dev *dev)
{
	const struct vf *vf = dev->data->dev_private;

	return is_alone(vf) ? rte_eth_dev_start(vf->wire) : 0;
}

static int nothing(struct rte_eth_dev *dev __rte_unused) { return 0; }

static const struct eth_dev_ops ops = {
	.dev_configure = configure, .dev_start = start, .dev_stop = nothing, .dev_close = close_port,
	.is_removed = is_removed, .dev_infos_get = info_get, .mtu_set = set_mtu, .rx_queue_setup = rx_setup, .tx_queue_setup = tx_setup,
	.stats_get = stats_get, .link_update = link_update, .rss_hash_update = rss_update,
	.promiscuous_enable = nothing, .promiscuous_disable = nothing,
	.allmulticast_enable = nothing, .allmulticast_disable = nothing,
};

static int probe(struct rte_vdev_device *device)
{
	static const char *const keys[] = {"wire", "mac", "max_mtu", "miss_one_in", "host", NULL};
	char wire[TEXT] = "", mac[TEXT] = "", max_mtu[TEXT] = "3900", miss_one_in[TEXT] = "0", host[TEXT] = "";
	char *const values[] = {wire, mac, max_mtu, miss_one_in, host};
	int error = read_arguments(rte_vdev_device_args(device), keys, values);
	struct rte_eth_dev *dev = error == 0 ? rte_eth_vdev_allocate(device, sizeof(struct vf)) : NULL;
	struct vf *vf;

	if (dev == NULL)
		return error ? error : -ENOMEM;
	vf = dev->data->dev_private;
	vf->is_mana = strncmp(rte_vdev_device_name(device), "net_mana", 8) == 0;
	vf->mtu = DEFAULT_MTU;
	vf->max_mtu = atoi(max_mtu);
	vf->miss_one_in = atoi(miss_one_in);
	memcpy(vf->host, host, TEXT);
	if (rte_eth_dev_get_port_by_name(wire, &vf->wire) != 0 || mac_of(mac, vf->wire, &vf->mac) != 0) {
		rte_eth_dev_release_port(dev);
		return -EINVAL;
	}
	dev->data->mac_addrs = rte_zmalloc("stand_in", sizeof(vf->mac), 0);
	*dev->data->mac_addrs = vf->mac;
	dev->data->dev_flags |= RTE_ETH_DEV_INTR_RMV;
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = receive;
	dev->tx_pkt_burst = transmit;
	rte_eth_dev_probing_finish(dev);
	if (is_alone(vf))
		look(dev);
	return 0;
}

static int remove_device(struct rte_vdev_device *device)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(device));

	return dev == NULL ? 0 : rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver mlx5 = {.probe = probe, .remove = remove_device};
static struct rte_vdev_driver mana = {.probe = probe, .remove = remove_device};
RTE_PMD_REGISTER_VDEV(mlx5_pci, mlx5);
RTE_PMD_REGISTER_VDEV(net_mana, mana);
