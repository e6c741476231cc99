//! What DPDK logs when something is wrong on Azure, or with hugepages: which words, of what they
//! come, and what mends it.
//!
//! The words were read in the sources of DPDK 22.11 to 26.07, at the functions that log them.

use super::finding::Check;

/// Words of DPDK's log that have one cause.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    /// The words: any of these, of each all parts in this order. None for what leaves no trace in
    /// a log.
    pub words: &'static [&'static [&'static str]],
    /// What shows, where no words do.
    pub symptom: Option<&'static str>,
    /// What is wrong.
    pub cause: &'static str,
    /// What mends it.
    pub remedy: &'static str,
    /// The check of the doctor that looks at the same.
    pub check: Check,
}

/// Makes a signature of words.
const fn logged(
    words: &'static [&'static [&'static str]],
    cause: &'static str,
    remedy: &'static str,
    check: Check,
) -> Signature {
    Signature {
        words,
        symptom: None,
        cause,
        remedy,
        check,
    }
}

/// Makes a signature of what leaves no trace in a log.
const fn silent(
    symptom: &'static str,
    cause: &'static str,
    remedy: &'static str,
    check: Check,
) -> Signature {
    Signature {
        words: &[],
        symptom: Some(symptom),
        cause,
        remedy,
        check,
    }
}

/// All signatures. Of several in one line the first is meant.
pub const SIGNATURES: &[Signature] = &[
    logged(
        &[&["Couldn't find port for VF"]],
        "DPDK has no port of the VF: its driver is missing, or its device is not allowed",
        "install DPDK's driver of it (net_mlx5, net_mana), and allow its PCI address with -a if \
         there is any -a",
        Check::Drivers,
    ),
    logged(
        &[
            &["Failed to create qp queue index"],
            &["failed to start tx queues"],
        ],
        "the kernel's interface of the MANA VF is up",
        "take it down: ip link set enP... down",
        Check::VfDriver,
    ),
    logged(
        &[&["Only support equal number of rx/tx queues"]],
        "MANA has as many transmit as receive queues",
        "ask for as many: -r 8 -t 8",
        Check::Queues,
    ),
    logged(
        &[&["number of TX/RX queues must be power of 2"]],
        "MANA's number of queues is a power of two",
        "ask for 1, 2, 4, 8 or 16: -r 8 -t 8",
        Check::Queues,
    ),
    logged(
        &[&["Invalid value for nb_rx_desc(=", "and a product of"]],
        "the VF takes other numbers of receive descriptors",
        "give a number that the line allows: --rx-desc 256",
        Check::Queues,
    ),
    logged(
        &[&["VF configuration failed: "]],
        "the VF refuses numbers of queues, or the MTU",
        "see the line before it; MANA takes -r 8 -t 8, and each size of VM has its largest MTU",
        Check::Queues,
    ),
    logged(
        &[
            &["No free 2048 kB hugepages reported on node"],
            &["No available 2048 kB hugepages reported"],
            &["Cannot get hugepage information"],
            &["get_seg_fd(): open", "Permission denied"],
            &["hugepage", "Permission denied"],
        ],
        "no hugepages are reserved, or this user may not use them",
        "as root: echo 1024 > /proc/sys/vm/nr_hugepages",
        Check::Hugepages,
    ),
    logged(
        &[&["No probed ethernet devices"]],
        "no NIC is bound, or the kernel's verbs of its VF are missing",
        "bind a NIC to uio_hv_generic or vfio-pci; modprobe ib_uverbs, and mlx5_ib or mana_ib",
        Check::Binding,
    ),
    logged(
        &[&["open subchannel failed: "], &["nvs subch alloc failed"]],
        "the host has opened the NIC's queues for a process that died, or twice",
        "unbind the NIC from uio_hv_generic and bind it again",
        Check::Binding,
    ),
    logged(
        &[&["Failed to start device event monitoring"]],
        "netlink is not allowed, so a VF that comes back goes unseen",
        "give the container the host's network and NET_ADMIN",
        Check::Platform,
    ),
    logged(
        &[&["RNDIS response timed out"]],
        "a former process was killed, and the host still waits for it",
        "unbind the NIC from uio_hv_generic and bind it again; DPDK from 22.11.4 on waits itself",
        Check::Dpdk,
    ),
    logged(
        &[
            &["Failed to set VF MTU"],
            &["mlx5_net: port ", "failed to set MTU to"],
        ],
        "the VF does not take this MTU",
        "send smaller packets: ConnectX takes 3900 bytes at most, MANA 9000, only the newest of both",
        Check::Dpdk,
    ),
    logged(
        &[
            &["can't open directory /sys/bus/pci/devices/", "retrying"],
            &["Failed to parse PCI device retry="],
            &["RNDIS reports VF but device not found, retrying"],
            &["waiting for /sys/bus/pci/devices/", "elapsed"],
            &["no matching MAC found after", "giving up"],
        ],
        "the VF is away, or came back so late that DPDK had given up",
        "start the run again once the kernel has its interface; DPDK 24.11.6 waits for it",
        Check::Vf,
    ),
    logged(
        &[
            &["IB device not ready"],
            &["Verbs device matches PCI device"],
        ],
        "the kernel offers no verbs for the VF",
        "modprobe mlx5_ib or mana_ib; on Ubuntu apt-get install linux-modules-extra-azure",
        Check::Verbs,
    ),
    logged(
        &[
            &["Cannot open /dev/uio"],
            &["Not managed by UIO driver, skipped"],
        ],
        "the NIC is not bound to uio_hv_generic, or this user may not open it",
        "bind it, and run as root",
        Check::Binding,
    ),
    logged(
        &[
            &["net_vdev_netvsc", "probably using routed NetVSC interface"],
            &["Cannot find the specified netvsc device"],
        ],
        "net_vdev_netvsc looks for interfaces of the kernel's to make failsafe ports of",
        "give the EAL --vdev=net_vdev_netvsc0,ignore=1",
        Check::EalOptions,
    ),
    logged(
        &[&["exceeding max subchannels"]],
        "the host granted more or fewer queues than were asked for",
        "ask for fewer with -r and -t",
        Check::Queues,
    ),
    logged(
        &[&["unexpected resource ", "(expected "]],
        "the kernel's uio_hv_generic and this DPDK are too far apart",
        "take kernel and DPDK of one release of the distribution",
        Check::Dpdk,
    ),
    logged(
        &[&["VF already started on hot add"]],
        "two ways that start a VF met, which harms nothing",
        "nothing is to be done",
        Check::Vf,
    ),
    logged(
        &[&["Port ", " already owned by other device"]],
        "a failsafe port has taken the VF",
        "give the EAL --vdev=net_vdev_netvsc0,ignore=1",
        Check::EalOptions,
    ),
    logged(
        &[&["vmbus ring buffer error"]],
        "two processes use one NIC",
        "end the other one",
        Check::Binding,
    ),
    logged(
        &[&["increased number of descriptors in Rx queue"]],
        "the VF was given a number of receive descriptors that is no power of two",
        "give a power of two: --rx-desc 1024",
        Check::Queues,
    ),
    silent(
        "one or two packets come back and the rest vanishes",
        "the source address is not the NIC's, or a network security group refuses",
        "give --src an address of the NIC, and allow UDP within the network",
        Check::SourceAddress,
    ),
    silent(
        "the SSH connection is dead",
        "DPDK took the VF of the NIC that the machine is managed by",
        "az vm restart, or the serial console; then -a with the other VF's address",
        Check::Management,
    ),
    silent(
        "below a million packets a second, all of them on one receive queue",
        "packets take the synthetic path",
        "see whether the NIC has its VF, and DPDK the driver of it",
        Check::Vf,
    ),
    logged(
        &[&["couldn't load driver", "-rdmav"]],
        "the part of libibverbs that knows the VF is missing",
        "apt-get install ibverbs-providers",
        Check::Drivers,
    ),
];

impl Signature {
    /// Says of what it comes, what mends it, and which check looks at it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self {
            cause,
            remedy,
            check,
            ..
        } = self;
        format!("{cause}: {remedy} (`dpdkgen-rt doctor`, {})", check.name())
    }

    fn is_in(&self, line: &str) -> bool {
        self.words.iter().any(|parts| {
            let mut rest = Some(line);
            for part in *parts {
                rest = rest
                    .and_then(|rest| rest.split_once(part))
                    .map(|(_, rest)| rest);
            }
            rest.is_some()
        })
    }
}

/// Recognises a line of DPDK's log; returns the number of its signature in [`SIGNATURES`].
#[must_use]
pub fn recognise(line: &str) -> Option<usize> {
    SIGNATURES
        .iter()
        .position(|signature| signature.is_in(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as DPDK logs them, by the number of their signature, counted from 1.
    const LINES: &[(usize, &str)] = &[
        (1, "hn_vf_attach(): Couldn't find port for VF"),
        (1, "HN_DRIVER: hn_vf_attach(): Couldn't find port for VF"),
        (
            2,
            "mana_start_tx_queues(): Failed to create qp queue index 0",
        ),
        (2, "mana_dev_start(): failed to start tx queues -19"),
        (
            3,
            "mana_dev_configure(): Only support equal number of rx/tx queues",
        ),
        (
            4,
            "mana_dev_configure(): number of TX/RX queues must be power of 2",
        ),
        (
            5,
            "Invalid value for nb_rx_desc(=1023), should be: <= 4096, >= 64, and a product of 64",
        ),
        (6, "hn_vf_configure(): VF configuration failed: -22"),
        (7, "EAL: No free 2048 kB hugepages reported on node 0"),
        (7, "EAL: FATAL: Cannot get hugepage information."),
        (
            7,
            "EAL: get_seg_fd(): open '/dev/hugepages/rtemap_0' failed: Permission denied",
        ),
        (8, "testpmd: No probed ethernet devices"),
        (9, "hn_subchan_configure(): open subchannel failed: -2"),
        (9, "hn_nvs_alloc_subchans(): nvs subch alloc failed: 0x2"),
        (
            10,
            "eth_hn_probe(): Failed to start device event monitoring",
        ),
        (11, "hn_rndis_exec1(): RNDIS response timed out"),
        (12, "hn_vf_mtu_set(): Failed to set VF MTU"),
        (12, "mlx5_net: port 0 failed to set MTU to 9000"),
        (
            13,
            "netvsc_hotplug_retry(): netvsc_hotplug_retry: can't open directory \
             /sys/bus/pci/devices/1a65:00:02.0/net, retrying in 1 second",
        ),
        (
            13,
            "netvsc_hotplug_retry(): Failed to parse PCI device retry=11",
        ),
        (
            14,
            "HN_DRIVER: netvsc_hotplug_retry(): IB device not ready for 7870:00:00.0, restarting",
        ),
        (
            14,
            "mlx5_common: No Verbs device matches PCI device 1a65:00:02.0, are kernel drivers \
             loaded?",
        ),
        (
            14,
            "mlx5_net: PF 0 doesn't have Verbs device matches PCI device 1a65:00:02.0, are kernel \
             drivers loaded?",
        ),
        (
            15,
            "vmbus_uio_alloc_resource(): Cannot open /dev/uio0: Permission denied",
        ),
        (
            15,
            "vmbus_probe_one_driver(): Not managed by UIO driver, skipped",
        ),
        (
            16,
            "net_vdev_netvsc: probably using routed NetVSC interface \"eth0\" (index 2)",
        ),
        (
            16,
            "net_vdev_netvsc: Cannot find the specified netvsc device",
        ),
        (
            17,
            "vmbus_uio_get_subchan(): exceeding max subchannels UIO_MAX_SUBCHANNEL(128)",
        ),
        (
            18,
            "vmbus_scan_one(): unexpected resource recv:5 (expected send:)",
        ),
        (19, "hn_vf_add(): VF already started on hot add"),
        (
            20,
            "hn_vf_attach(): Port 0 already owned by other device net_failsafe_vsc0",
        ),
        (
            21,
            "EAL: Error - exiting with code: 1\n  vmbus ring buffer error: -22",
        ),
        (
            22,
            "mlx5_net: port 0 increased number of descriptors in Rx queue 3 to the next power of \
             two (256)",
        ),
        (
            26,
            "libibverbs: Warning: couldn't load driver 'libmana-rdmav34.so': libmana-rdmav34.so",
        ),
    ];

    #[test]
    fn each_line_is_told_by_its_signature() {
        for (number, line) in LINES {
            assert_eq!(recognise(line), Some(number - 1), "{line}");
        }
    }

    #[test]
    fn each_signature_has_a_line_or_a_symptom() {
        assert_eq!(SIGNATURES.len(), 26);
        for (at, signature) in SIGNATURES.iter().enumerate() {
            let has_line = LINES.iter().any(|(number, _)| number - 1 == at);
            assert_ne!(has_line, signature.symptom.is_some(), "{}", at + 1);
            assert_eq!(signature.words.is_empty(), signature.symptom.is_some());
        }
    }

    #[test]
    fn what_says_that_all_is_well_or_something_else_is_not_taken_for_one() {
        for line in [
            "",
            "hn_vf_attach(): found matching VF port 0",
            "netvsc_hotplug_retry(): Found matching MAC address, adding device 1a65:00:02.0 network \
             name enP6757s2",
            "EAL: No free 1048576 kB hugepages reported on node 0",
            "EAL: Cannot open /dev/vfio/42: Permission denied",
            "Invalid value for nb_rx_desc(=9000), should be: <= 4096",
            "Invalid value for nb_tx_desc(=7), should be: <= 4096, >= 64, and a product of 64",
            "mlx5_net: port 0 increased number of descriptors in Tx queue 0 to the next power of \
             two (512)",
            "a product of chance: Invalid value for nb_rx_desc",
            "Cannot set owner to port 0 already owned by net_failsafe_0000000000000001",
            "EAL: Selected IOVA mode 'PA'",
            "eth_memif: failed to set MTU",
        ] {
            assert_eq!(recognise(line), None, "{line}");
        }
    }

    #[test]
    fn a_sentence_names_cause_remedy_and_check() {
        let sentence = SIGNATURES[1].sentence();
        assert_eq!(
            sentence,
            "the kernel's interface of the MANA VF is up: take it down: ip link set enP... down \
             (`dpdkgen-rt doctor`, vf-driver)"
        );
    }
}
