#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that owns Device.X_CWMPD_Climate. by serving org.cwmpd1.Provider itself: no plugin, no host, no library.

Copy it: `nodes` is what you serve, `Settings` is what survives, `Provider` is the interface, `main` is how to be there
when the agent comes. README.md beside it says why each step is as it is.
"""
import argparse, asyncio, json, os, re, sys
from dbus_next import BusType, DBusError, Message, MessageType
from dbus_next.aio import MessageBus
from dbus_next.service import ServiceInterface, method, signal

NAME, BASE = "climate", "Device.X_CWMPD_Climate."
SERVICE, PATH, INTERFACE = "org.cwmpd1.Provider." + NAME, "/org/cwmpd1/Provider", "org.cwmpd1.Provider"
STRING, INT, UNSIGNED = 1, 2, 3                      # types and flags are those of cwmp_plugin.h
OBJECT, TABLE, WRITABLE, PUSHED = 1, 2, 4, 64
SET, ADD, DELETE = 1, 2, 3                           # operations of Prepare
nodes = [                                            # path below BASE, type, flags, facets
    ("", 0, OBJECT, ""),
    ("Target", INT, WRITABLE, "range=5:30;default=20"),
    ("Mode", STRING, WRITABLE, "enum=Off|Heat|Cool;default=Off"),
    ("Temperature", INT, PUSHED, ""),
    ("Schedule.{i}.", 0, OBJECT | TABLE | WRITABLE, ""),
    ("Schedule.{i}.Hour", UNSIGNED, WRITABLE, "range=0:23;default=0"),
    ("Schedule.{i}.Target", INT, WRITABLE, "range=5:30;default=20"),
]
types = {path: kind for path, kind, _, _ in nodes}
FACTORY = {"Target": "20", "Mode": "Off"}


def fault(name, text):
    return DBusError("org.cwmpd1.Error." + name, text)


class Settings:
    """What is configured, by name below BASE; a row is a name that ends in a dot. `undo` is what a rollback restores:
    it is in the file too, because the agent may roll back after a power cut."""

    def __init__(self, file):
        self.file, self.now, self.undo = file, dict(FACTORY), {}
        if os.path.exists(file):
            with open(file) as stored:
                self.now, self.undo = json.load(stored)

    def keep(self, now, undo):
        """Replaces both, durably: when this returns, a power cut loses nothing; when it raises, nothing has changed."""
        with open(self.file + ".new", "w") as new:
            json.dump([now, undo], new)
            new.flush()
            os.fsync(new.fileno())
        os.replace(self.file + ".new", self.file)
        folder = os.open(os.path.dirname(self.file) or ".", os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.now, self.undo = now, undo


class Provider(ServiceInterface):
    def __init__(self, settings):
        super().__init__(INTERFACE)
        self.settings, self.staged, self.watched, self.temperature = settings, {}, set(), 19
        self.tell = lambda member, paths: None

    def values(self):
        return {**self.settings.now, "Temperature": str(self.temperature)}

    @method()
    def Describe(self) -> "ssa(syus)":
        return ["1.0", "1", [[BASE + path, *rest] for path, *rest in nodes]]

    @method()
    def Get(self, paths: "as", options: "a{sv}") -> "a(sys)a(sus)":
        found, faults, values = [], [], self.values()
        for path in paths:
            name = path[len(BASE):]
            if path.endswith("."):                   # all parameters below
                names = [n for n in values if n.startswith(name) and not n.endswith(".")]
            else:
                names = [name] if name in values else []
            if not names and name not in values:
                faults.append([path, 9005, "there is no such parameter or row"])
            found += [[BASE + n, types[re.sub(r"\.\d+\.", ".{i}.", n)], values[n]] for n in names]
        return [found, faults]

    @method()
    def Instances(self, paths: "as") -> "a(sa(usu))a(sus)":
        rows = [[int(n.split(".")[1]), "", 1] for n in self.settings.now if n.endswith(".")]
        table = BASE + "Schedule."
        asked = any(table.startswith(p) for p in paths if p.endswith("."))
        return [[[table, rows]] if asked else [], []]

    @method()
    def Prepare(self, txn: "t", changes: "a(uyss)", lease_ms: "u", options: "a{sv}") -> "a(uus)":
        if str(txn) in self.settings.undo:           # committed already: the agent asks again after a crash
            return []
        new, faults = dict(self.settings.now), []
        for index, (op, _, path, value) in enumerate(changes):
            name = path[len(BASE):]
            row = re.match(r"\w+\.\d+\.", name)
            if op == ADD:
                new[name] = ""
            elif row and row[0] not in new:          # of a value, or to be deleted
                faults.append([index, 9005, "there is no such row"])
            elif op == DELETE:
                new = {n: v for n, v in new.items() if not n.startswith(name)}
            else:
                new[name] = value
        # Type, access and facets were checked by the agent; what only the device knows is checked here.
        if new["Mode"] == "Cool" and int(new["Target"]) < 16:
            faults += [[i, 9007, "cooling below 16 would freeze the pipes"] for i, c in enumerate(changes)
                       if c[2] in (BASE + "Mode", BASE + "Target")]
        if not faults:
            self.rollback_staged(txn)                # asked again: the lease begins anew
            timer = asyncio.get_running_loop().call_later(lease_ms / 1000, self.staged.pop, txn, None)
            self.staged[txn] = (new, timer)
        return faults

    @method()
    def Commit(self, txn: "t") -> "u":
        if str(txn) not in self.settings.undo:
            if txn not in self.staged:
                raise fault("InternalError", "this transaction is not prepared")
            new, _ = self.staged[txn]
            self.settings.keep(new, {**self.settings.undo, str(txn): self.settings.now})
            self.rollback_staged(txn)
        return 0                                     # in force

    @method()
    def Rollback(self, txn: "t"):
        self.rollback_staged(txn)
        if str(txn) in self.settings.undo:
            undo = dict(self.settings.undo)
            self.settings.keep(undo.pop(str(txn)), undo)

    @method()
    def Finish(self, txn: "t"):
        if str(txn) in self.settings.undo:
            self.settings.keep(self.settings.now, {t: u for t, u in self.settings.undo.items() if t != str(txn)})

    @method()
    def Apply(self, txn: "t"):
        pass                                         # Commit never answers 1: there is nothing left to do

    @method()
    def Watch(self, paths: "as", on: "b"):
        self.watched = self.watched | set(paths) if on else self.watched - set(paths)

    @method()
    def Notice(self, what: "s", options: "a{sv}"):
        if what == "factory-reset":                  # an error here makes the agent repeat it
            self.staged.clear()
            self.settings.keep(dict(FACTORY), {})

    @signal()
    def Changed(self, paths) -> "as":                # declared for introspection; `tell` sends it to the agent alone
        return paths

    @signal()
    def InstancesChanged(self, tables) -> "as":
        return tables

    def rollback_staged(self, txn):
        if txn in self.staged:
            self.staged.pop(txn)[1].cancel()

    def measured(self, celsius):
        if celsius != self.temperature:
            self.temperature = celsius
            path = BASE + "Temperature"
            if any(path == w or w.endswith(".") and path.startswith(w) for w in self.watched):
                self.tell("Changed", [path])


class Device(ServiceInterface):
    """The daemon's own interface, for those on the box who have nothing to do with cwmpd."""

    def __init__(self, provider):
        super().__init__("org.example.Climate1")
        self.provider = provider

    @method()
    def Measured(self, celsius: "i"):
        self.provider.measured(celsius)

    @method()
    def ClearSchedule(self):
        settings = self.provider.settings
        settings.keep({n: v for n, v in settings.now.items() if not n.startswith("Schedule.")}, settings.undo)
        self.provider.tell("InstancesChanged", [BASE + "Schedule."])


async def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bus", help="the address of the bus [the system bus]")
    options.add_argument("--state", default="/var/lib/cwmp-climate/settings.json", help="the file that survives")
    options = options.parse_args()
    bus = await MessageBus(bus_address=options.bus, bus_type=BusType.SYSTEM).connect()
    provider, agent, is_named = Provider(Settings(options.state)), None, False

    async def call(destination, path, interface, member, signature, *body):
        return await bus.call(Message(destination=destination, path=path, interface=interface, member=member,
                                      signature=signature, body=list(body)))

    def dbus(member, signature, *body):
        return call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature, *body)

    async def announce(to):                          # until it is taken, or another agent has come
        while agent == to:
            reply = await call("org.cwmpd1", "/org/cwmpd1", "org.cwmpd1.Registry", "Announce", "sa{sv}", NAME, {})
            if reply.message_type != MessageType.ERROR:
                return
            print(f"the agent did not take the announcement: {reply.body}", file=sys.stderr)
            await asyncio.sleep(5)

    def agent_is(owner):
        nonlocal agent
        agent = owner or None
        if agent and is_named:
            asyncio.ensure_future(announce(agent))

    def first(message):                              # sees every message before the interfaces do
        if message.sender == "org.freedesktop.DBus" and message.member == "NameOwnerChanged":
            if message.body[0] == "org.cwmpd1":
                agent_is(message.body[2])
        elif message.message_type == MessageType.METHOD_CALL and message.interface in (INTERFACE, None) \
                and message.sender != agent:
            return Message.new_error(message, "org.cwmpd1.Error.RequestDenied", "only the agent may call a provider")

    def tell(member, paths):                         # to the agent alone: names tell something too
        if agent:
            bus.send(Message(destination=agent, message_type=MessageType.SIGNAL, path=PATH, interface=INTERFACE,
                             member=member, signature="as", body=[paths]))

    provider.tell = tell
    bus.add_message_handler(first)
    bus.export(PATH, provider)
    bus.export("/org/example/Climate1", Device(provider))
    await dbus("AddMatch", "s", "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                "arg0='org.cwmpd1'")
    # Who the agent is must be known before it can call, and it calls once the name is there and announced.
    owner = await dbus("GetNameOwner", "s", "org.cwmpd1")
    if owner.message_type != MessageType.ERROR and agent is None:
        agent_is(owner.body[0])
    if (await dbus("RequestName", "su", SERVICE, 4)).body != [1]:
        sys.exit(f"{SERVICE} has an owner already, or the bus policy does not let us have it")
    is_named = True
    agent_is(agent)
    await bus.wait_for_disconnect()
    sys.exit("the bus is gone")                      # whoever supervises us starts us again


if __name__ == "__main__":
    asyncio.run(main())
