/*
 * A stand-in for Hyper-V's network adapter: ports that behave to an application as those of net_netvsc and of the VF
 * behind it (mlx5_pci or net_mana) do. Both sit on a third port, the wire, which carries their packets:
 *
 *   -d FOLDER/librte_net_stand_in.so --vdev net_memif0,... --vdev mlx5_pci0,mac=MAC,wire=net_memif0 \
 *   --vdev net_netvsc0,mac=MAC,wire=net_memif0
 *
 * What is imitated is named by the function of DPDK's drivers/net in which it stands.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_kvargs.h>
#include <rte_version.h>

#define MAX_QUEUES 16
#define DEFAULT_MTU 1500

/* What each queue counts by itself. */
struct counts {
	uint64_t packets, bytes, errors;
};

#define TEXT 256

/* A VF, the private data of its port. */
struct vf {
	uint16_t wire;
	bool is_mana;
	/* The MTU that the kernel's interface of the VF has, and the most that the host lets it have. */
	uint16_t mtu, max_mtu;
	/* The device is gone: it accepts packets, and nobody ever gets or counts them. */
	bool is_gone;
	/* A file in which the host says that a VF without a netvsc port is `away`. */
	char host[TEXT];
	/* One packet in so many finds no descriptor; 0: none. */
	unsigned int miss_one_in;
	struct rte_ether_addr mac;
	struct vf_queue {
		struct vf *vf;
		uint16_t port, id;
		struct counts counts;
		uint64_t seen, missed;
	} rx[MAX_QUEUES], tx[MAX_QUEUES];
};

/* Appends a line to the file that `log=` names: what the drivers were asked for, for a test to read. */
__rte_format_printf(2, 3) void tell(const char *log, const char *format, ...);

/* Reads `arguments`: each value of a key goes to the text in the same place, of TEXT bytes. */
int read_arguments(const char *arguments, const char *const keys[], char *const values[]);

/* Parses the MAC in `text`, or takes that of the port `wire`. */
int mac_of(const char *text, uint16_t wire, struct rte_ether_addr *mac);

/* Returns whether the host says in `file` that a VF is away. */
bool is_away(const char *file);

/* From one look at what the host wants to the next. */
#define LOOK_US 10000

int link_of_wire(struct rte_eth_dev *dev, uint16_t wire);

#endif
