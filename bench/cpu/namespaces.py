"""Machines of one machine: network namespaces that a switch connects, each of which sends at a rate that is shaped.

Needs root, `ip` and `tc` (iproute2), and Open MPI's mpirun.
"""
import os
import subprocess

from machine import MPIRUN

PREFIX = "kinema-rank"
SWITCH = "kinema-switch"
SUBNET = "10.77.0."
# What Open MPI would send through shared memory, since all of it is one machine, goes through the network.
PLAIN = [*MPIRUN, "--mca", "btl", "tcp,self", "--mca", "pml", "ob1",
         "--mca", "btl_tcp_if_include", f"{SUBNET}0/24", "--mca", "oob_tcp_if_include", f"{SUBNET}0/24"]
AGENT = f"""#!/bin/sh
number=$((${{1##*.}} - 1))
shift
exec ip netns exec {PREFIX}$number unshare --uts sh -c "hostname {PREFIX}$number; $*"
"""


def call(text):
    subprocess.run(text.split(), check=True)


class Namespaces:
    """So many namespaces, each of which sends `gigabytes` a second at most."""

    def __init__(self, count, gigabytes, folder):
        self.count, self.gigabytes = count, gigabytes
        self.agent = os.path.join(folder, "agent.sh")

    def __enter__(self):
        self.remove()
        try:
            self.make()
        except BaseException:
            self.remove()
            raise
        return self

    def make(self):
        with open(self.agent, "w", encoding="utf-8") as file:
            file.write(AGENT)
        os.chmod(self.agent, 0o755)
        call(f"ip netns add {SWITCH}")
        call(f"ip -n {SWITCH} link add bridge type bridge")
        call(f"ip -n {SWITCH} link set bridge up")
        for i in range(self.count):
            self.add(f"{PREFIX}{i}", i)

    def add(self, name, i):
        call(f"ip netns add {name}")
        call(f"ip link add eth0 netns {name} type veth peer name port{i} netns {SWITCH}")
        call(f"ip -n {SWITCH} link set port{i} master bridge up")
        call(f"ip -n {name} addr add {SUBNET}{i + 1}/24 dev eth0")
        call(f"ip -n {name} link set eth0 up")
        call(f"ip -n {name} link set lo up")
        bits = round(8e9 * self.gigabytes)
        call(f"tc -n {name} qdisc add dev eth0 root tbf rate {bits}bit burst {max(bits // 8000, 65536)} latency 100ms")

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        for name in (line.split()[0] for line in listed.splitlines()):
            if name == SWITCH or name.startswith(PREFIX):
                call(f"ip netns del {name}")

    def mpirun(self, words):
        """Returns the command that runs these words, one rank in each namespace."""
        hosts = ",".join(f"{SUBNET}{i + 1}:1" for i in range(self.count))
        start = [*PLAIN, "--mca", "plm_rsh_agent", self.agent, "--host", hosts, "-n", str(self.count), *words]
        return ["ip", "netns", "exec", f"{PREFIX}0", "unshare", "--uts", "sh", "-c", f'hostname {PREFIX}0; exec "$@"', "sh", *start]
