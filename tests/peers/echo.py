"""Sends every UDP datagram back to where it came from: the kernel writes all the headers."""

import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        socket.sendto(data, self.client_address)


socketserver.UDPServer.max_packet_size = 65535
with socketserver.UDPServer(("0.0.0.0", int(sys.argv[1])), Echo) as server:
    print("ready", flush=True)
    server.serve_forever()
