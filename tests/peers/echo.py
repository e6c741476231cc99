"""Sends every UDP datagram back to where it came from: the kernel writes all the headers."""

import socket
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, answering = self.request
        answering.sendto(data, self.client_address)


class Server(socketserver.UDPServer):
    max_packet_size = 65535
    address_family = socket.AF_INET6  # and IPv4, as addresses of IPv6


with Server(("::", int(sys.argv[1])), Echo) as server:
    print("ready", flush=True)
    server.serve_forever()
