"""When a process began a program, by the kernel's own clock.

The process events connector (linux/cn_proc.h) tells root of each fork and exec with the monotonic
time at which it happened: nothing is attached to the processes, and they run as fast as ever.
"""
import os
import select
import socket
import struct
import time

NETLINK_CONNECTOR = 11
NLMSG_DONE = 3
CN_IDX_PROC = CN_VAL_PROC = 1
LISTEN = 1
FORK, EXEC = 1, 2
HEADERS = 16 + 20  # struct nlmsghdr, struct cn_msg


class ProcessEvents:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((0, CN_IDX_PROC))
        message = struct.pack("=IIIIHHI", CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0, LISTEN)
        self.socket.send(struct.pack("=IHHII", 16 + len(message), NLMSG_DONE, 0, 0, os.getpid())
                         + message)

    def execs_below(self, first, parent, depth, timeout=10):
        """Seconds from when `first` began its program until a child of `parent` began one, a child of
        that child, and so on: `depth` figures."""
        until = time.monotonic() + timeout
        children, started, figures = set(), None, []
        while select.select([self.socket], [], [], max(0, until - time.monotonic()))[0]:
            data = self.socket.recv(4096)
            what, _, when = struct.unpack_from("=IIQ", data, HEADERS)
            pids = struct.unpack_from("=IIII", data + bytes(16), HEADERS + 16)
            if what == FORK and pids[1] == parent != pids[3]:  # not a thread
                children.add(pids[3])
            elif what == EXEC and pids[1] == first and started is None:
                started = when
            elif what == EXEC and pids[1] in children and started is not None:
                figures.append((when - started) / 1e9)
                if len(figures) == depth:
                    return figures
                children, parent = set(), pids[1]
        raise TimeoutError("the process that was to be started did not come")
