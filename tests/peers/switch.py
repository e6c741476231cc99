"""Joins a trunk and an access port of a VLAN, or several such pairs, as a switch does that knows VLANs:
what comes to the trunk behind the VLAN's tag goes on without it, what comes to the access port without
a tag goes on behind it, and nothing else goes on.

usage: switch.py VLAN TRUNK ACCESS [TRUNK ACCESS]...
"""

import select
import socket
import struct
import sys

ETH_P_ALL, ETH_P_8021Q = 3, 0x8100
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 1 << 4
VLAN = int(sys.argv[1])


def port(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    # The kernel takes the outer tag off, and tells it beside the frame.
    end.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    # For as long as others have the CPU.
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    end.bind((interface, ETH_P_ALL))
    return end


def vlan_of(beside):
    """The VLAN of the tag that the kernel took off, if there was one."""
    for level, kind, words in beside:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", words)
            return tci & 0xFFF if status & TP_STATUS_VLAN_VALID else None
    raise RuntimeError("the kernel tells no tags")


def main():
    # The port on the other side, what a frame's VLAN has to be, and what is put before its type.
    ways = {}
    tag = struct.pack("!HH", ETH_P_8021Q, VLAN)
    for trunk, access in zip(sys.argv[2::2], sys.argv[3::2]):
        trunk, access = port(trunk), port(access)
        ways[trunk] = access, VLAN, b""
        ways[access] = trunk, None, tag
    print("ready", flush=True)
    while True:
        for came in select.select(list(ways), [], [])[0]:
            other, vlan, put = ways[came]
            frame, beside, _, _ = came.recvmsg(65535, 128)
            if vlan_of(beside) == vlan:
                other.send(frame[:12] + put + frame[12:])


main()
