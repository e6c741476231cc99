"""Sends frames that scapy builds, and compares what comes back byte by byte.

usage: reflected.py INTERFACE OWN_MAC PEER_MAC PORT_MAC [fragments] [promiscuous]
PEER_MAC is where frames are sent, PORT_MAC what the peer's port takes for its own address.
Prints one JSON object: how many frames of each kind were sent, how many came back, and every
difference.
"""

import json
import select
import socket
import struct
import sys
import time

from scapy.all import (ARP, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6EchoRequest, IPOption_NOP, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, Padding, Raw, fragment, raw)

INTERFACE, OWN, PEER, PORT = sys.argv[1:5]
FRAGMENTS = "fragments" in sys.argv[5:]
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
PROMISCUOUS = "promiscuous" in sys.argv[5:]
OTHER = "02:00:00:00:0a:09"
HERE, THERE = "10.66.0.1", "10.66.0.2"
HERE6, THERE6 = "fd66::1", "fd66::2"
# DPDK's af_packet puts the outer tag back as 802.1Q, whatever it was.
OUTER = Dot1AD(vlan=7) if FRAGMENTS else Dot1Q(vlan=7)
TAGS = [[], [Dot1Q(vlan=100, prio=3)], [Dot1Q(prio=5)], [OUTER, Dot1Q(vlan=4094, prio=7)]]


def frame(payload, ip={}, udp={}):
    ip = {"src": HERE, "dst": THERE, **ip}
    udp = {"sport": 4000, "dport": 5000, **udp}
    return raw(Ether(src=OWN, dst=PEER) / IP(**ip) / UDP(**udp) / Raw(payload))


def behind(tags, packet, src=OWN, dst=PEER):
    """A frame with VLAN tags, the outer one first."""
    link = Ether(src=src, dst=dst)
    for tag in tags:
        link = link / tag
    return raw(link / packet)


def datagram6(payload, ip={}, udp={}):
    ip = {"src": HERE6, "dst": THERE6, **ip}
    return IPv6(**ip) / UDP(**{"sport": 4000, "dport": 5000, **udp}) / Raw(payload)


def changed(data, at, new):
    return data[:at] + bytes(new) + data[at + len(new):]


def word(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def turned(data):
    """The frame as it is to come back, whatever its tags."""
    at = 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    untagged = data[:12] + data[at:]
    swap = turned6 if untagged[12:14] == b"\x86\xdd" else turned4
    back = swap(untagged)
    return back[:12] + data[12:at] + back[12:]


def turned6(data):
    """The same over IPv6, whose header has no checksum."""
    swapped = (data[6:12] + data[:6] + data[12:22] + data[38:54] + data[22:38] + data[56:58] + data[54:56]
               + data[58:])
    return changed(swapped, 21, [data[21] - 1])


def turned4(data):
    """The frame with the addresses and ports of both sides exchanged and the TTL one less, its
    checksum updated (RFC 1624, equation 3), and nothing else."""
    udp = 14 + 4 * (data[14] & 15)
    swapped = (data[6:12] + data[:6] + data[12:26] + data[30:34] + data[26:30] + data[34:udp]
               + data[udp + 2:udp + 4] + data[udp:udp + 2] + data[udp + 4:])
    lower = changed(swapped, 22, [data[22] - 1])
    total = (0xFFFF - word(data, 24)) + (0xFFFF - word(data, 22)) + word(lower, 22)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return changed(lower, 24, (0xFFFF - total).to_bytes(2, "big"))


def pseudo_sum(data):
    """What a sender leaves in the checksum whose network card is to write it."""
    words = data[26:34] + bytes([0, 17]) + data[38:40]
    total = sum(int.from_bytes(words[i:i + 2], "big") for i in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total.to_bytes(2, "big")


def pattern(length):
    return bytes((7 * i + length) & 0xFF for i in range(length))


def answered():
    """Names, frames and what is to come back."""
    for length in (0, 1, 2, 15, 16, 17, 18, 19, 100, 101, 999, 1000, 1471, 1472):
        yield f"payload of {length}", frame(pattern(length))
    for length in (3, 10):
        options = [IPOption_NOP()] * 4 * length
        yield f"{4 * length} bytes of IP options", frame(pattern(33), ip={"options": options})
    yield "no checksum", frame(pattern(64), udp={"chksum": 0})
    whole = frame(pattern(64))
    for wrong in (0x1234, 0xFFFF, 1):
        yield f"wrong checksum {wrong:x}", changed(whole, 40, wrong.to_bytes(2, "big"))
    yield "wrong IP checksum", changed(whole, 24, [0xBA, 0xD0])
    for ttl in (2, 3, 255):
        yield f"TTL {ttl}", frame(pattern(20), ip={"ttl": ttl})
    yield "DSCP and ECN", frame(pattern(20), ip={"tos": 0xBB})
    yield "ID", frame(pattern(20), ip={"id": 0xBEEF})
    yield "don't fragment", frame(pattern(20), ip={"flags": "DF"})
    yield "reserved flag", frame(pattern(20), ip={"flags": "evil"})
    for length in (0, 5, 17):
        padded = Ether(frame(pattern(length))) / Padding(b"\xa5" * (18 - length))
        yield f"payload of {length}, padded", raw(padded)
    yield "much padding", raw(Ether(frame(pattern(9))) / Padding(bytes(range(200))))
    yield "equal ports", frame(pattern(30), udp={"sport": 77, "dport": 77})
    yield "equal addresses", frame(pattern(30), ip={"dst": HERE})
    yield "ports 0 and 65535", frame(pattern(30), udp={"sport": 0, "dport": 65535})
    for number, tags in enumerate(TAGS):
        for length in (0, 16, 1000, 1440):
            packet = IP(src=HERE, dst=THERE) / UDP(sport=4000, dport=5000) / Raw(pattern(length))
            yield f"IPv4 behind tags {number}", behind(tags, packet)
            yield f"IPv6 behind tags {number}", behind(tags, datagram6(pattern(length)))
    yield "hop limit 2", behind([], datagram6(pattern(20), ip={"hlim": 2}))
    yield "flow label", behind([], datagram6(pattern(20), ip={"fl": 0xBEEF5, "tc": 0xBB}))
    yield "wrong checksum over IPv6", behind([], datagram6(pattern(20), udp={"chksum": 0x1234}))
    yield "no checksum over IPv6", behind([], datagram6(pattern(20), udp={"chksum": 0}))
    if PROMISCUOUS:
        yield "another MAC", behind([], datagram6(pattern(20)), dst=OTHER)


def partial():
    """The same with a checksum left to a network card, which has to be completed."""
    for length in (1, 16, 101, 1000, 1472):
        whole = frame(pattern(length))
        yield f"partial checksum of {length}", changed(whole, 40, pseudo_sum(whole)), whole
    # A payload for which the complete checksum comes out as 0, which is written as all ones.
    whole = frame(bytes(2))
    whole = frame(whole[40:42])
    assert whole[40:42] == b"\xff\xff"
    yield "partial checksum that becomes 0", changed(whole, 40, pseudo_sum(whole)), whole


def ignored():
    """Frames by the reason for which they are not sent back."""
    ether = Ether(src=OWN, dst=PEER)
    inner = IP(src=HERE, dst=THERE)
    yield "not_ip", raw(ether / ARP(pdst=THERE))
    yield "not_ip", changed(frame(pattern(20)), 12, [0x88, 0xCC])
    yield "not_ip", changed(frame(pattern(20)), 14, [0x65])
    yield "not_ip", behind(TAGS[1], ARP(pdst=THERE))
    yield "tags", behind(TAGS[3] + TAGS[1], datagram6(pattern(20)))
    six = {"src": HERE6, "dst": THERE6}
    yield "not_udp", behind([], IPv6(**six) / ICMPv6EchoRequest())
    yield "extension_header", behind(TAGS[1], IPv6(**six) / IPv6ExtHdrDestOpt() / UDP() / Raw(pattern(9)))
    yield "group_address", behind([], datagram6(pattern(20), ip={"dst": "ff02::1"}))
    yield "group_address", behind([], datagram6(pattern(20)), dst="33:33:00:00:00:01")
    for hops in (0, 1):
        yield "ttl", behind(TAGS[1], datagram6(pattern(20), ip={"hlim": hops}))
    yield "malformed", behind([], datagram6(pattern(64)))[:14 + 40 + 8 + 63]
    if not PROMISCUOUS:
        yield "other_mac", behind([], datagram6(pattern(20)), dst=OTHER)
        yield "other_mac", behind(TAGS[3], IP(src=HERE, dst=THERE) / UDP(), dst=OTHER)
    yield "not_udp", raw(ether / inner / TCP(sport=4000, dport=5000))
    yield "not_udp", raw(ether / inner / ICMP())
    pieces = fragment(inner / UDP(sport=4000, dport=5000) / Raw(pattern(200)), fragsize=96)
    assert len(pieces) == 3
    for piece in pieces if FRAGMENTS else []:
        yield "fragment", raw(ether / piece)
    if FRAGMENTS:
        yield "fragment", behind([], IPv6(**six) / IPv6ExtHdrFragment(m=1) / UDP() / Raw(pattern(15)))
    for group in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb"):
        yield "group_address", raw(Ether(src=OWN, dst=group) / inner / UDP())
    for group in ("224.0.0.251", "255.255.255.255"):
        yield "group_address", frame(pattern(20), ip={"dst": group})
        yield "group_address", frame(pattern(20), ip={"src": group})
    yield "own_mac", raw(Ether(src=PORT, dst=OWN) / inner / UDP())
    yield "own_mac", raw(Ether(src=PORT, dst=PEER) / inner / UDP())
    for ttl in (0, 1):
        yield "ttl", frame(pattern(20), ip={"ttl": ttl})
    whole = frame(pattern(64))
    for length in (14 + 20 + 8 + 63, 14 + 20 + 7, 14 + 20, 14 + 19, 14 + 1):
        yield "malformed", whole[:length]
    yield "malformed", changed(whole, 14, [0x44])  # a header of 16 bytes
    yield "malformed", changed(whole, 16, [0, 27])  # no room for a UDP header
    yield "malformed", changed(whole, 16, [0xFF, 0xFF])


def with_tag(data, beside):
    """The frame with the tag that the kernel took off."""
    for level, kind, words in beside:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", words)
            if status & TP_STATUS_VLAN_VALID:
                return data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data


class Wire:
    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((INTERFACE, 0))
        # The kernel takes the outer tag off, and tells it beside the packet.
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def next(self, seconds):
        """The next frame that the peer sent, if there is one in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                data, beside, _, (_, _, kind, _, _) = self.socket.recvmsg(65535, 128)
                if kind != socket.PACKET_OUTGOING:
                    return with_tag(data, beside)
        return None


def main():
    wire = Wire()
    differences, back, sent = [], 0, {}

    def exchange(name, data, expected, seconds=5):
        nonlocal back
        wire.socket.send(data)
        got = wire.next(seconds)
        back += got is not None
        if got != expected:
            differences.append({"name": name, "sent": data.hex(), "due": expected and expected.hex(),
                                "got": got and got.hex()})

    # The peer may still be starting: what it then does not see is sent again.
    hello = frame(b"are you there")
    hellos = 1
    wire.socket.send(hello)
    while wire.next(0.2) != turned(hello):
        if hellos == 100:
            sys.exit("the reflector answers nothing")
        hellos += 1
        wire.socket.send(hello)
    while wire.next(0.5):
        pass

    for name, data in answered():
        sent["answered"] = sent.get("answered", 0) + 1
        exchange(name, data, turned(data))
    for name, data, complete in partial():
        sent["partial"] = sent.get("partial", 0) + 1
        exchange(name, data, turned(complete))
    for reason, data in ignored():
        sent[reason] = sent.get(reason, 0) + 1
        exchange(reason, data, None, seconds=0.05)
    # Whatever came too late for its turn comes now.
    late = wire.next(0.5)
    if late:
        differences.append({"name": "late", "got": late.hex()})
    print(json.dumps({"hellos": hellos, "sent": sent, "back": back, "differences": differences}))


main()
