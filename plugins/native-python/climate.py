#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that owns Device.X_CWMPD_Climate. by serving org.cwmpd1.Provider itself: no plugin, no host, no library.

Copy it: `nodes` is what you serve, `Settings` is what survives, `Provider` is the interface. cwmpd_provider.py is how to be
there when the agent comes. README.md beside it says why each step is as it is.
"""
import argparse, asyncio, json, os, re, sys
from dbus_next import BusType
from dbus_next.aio import MessageBus
from dbus_next.service import ServiceInterface, method, signal
from cwmpd_provider import (ADD, COMMAND, DELETE, INT, INTERFACE, OBJECT, PUSHED, STRING, TABLE, UNSIGNED_INT, WRITABLE,
                            Agent, fault)

NAME, BASE = "climate", "Device.X_CWMPD_Climate."
nodes = [                                            # path below BASE, type, flags, facets
    ("", 0, OBJECT, ""),
    ("Target", INT, WRITABLE, "range=5:30;default=20"),
    ("Mode", STRING, WRITABLE, "enum=Off|Heat|Cool;default=Off"),
    ("Temperature", INT, PUSHED, ""),
    ("Schedule.{i}.", 0, OBJECT | TABLE | WRITABLE, ""),
    ("Schedule.{i}.Hour", UNSIGNED_INT, WRITABLE, "range=0:23;default=0"),
    ("Schedule.{i}.Target", INT, WRITABLE, "range=5:30;default=20"),
    ("Calibrate()", 0, COMMAND, ""),
]
types = {path: kind for path, kind, _, _ in nodes}
FACTORY = {"Target": "20", "Mode": "Off"}


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
        self.agent = None

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

    @method()
    def Invoke(self, command: "s", arguments: "a{sv}", options: "a{sv}") -> "ba{ss}":
        raise fault("InternalError", "declared for introspection; Agent runs `invoke`")

    @method()
    def Cancel(self, job: "t"):
        self.agent.cancel(job)

    async def invoke(self, command, arguments, progress):
        """A command takes as long as it takes; other calls are served meanwhile. It may be cancelled at every await."""
        if command != BASE + "Calibrate()":
            raise fault("InvalidParameterName", "there is no such command")
        if not re.fullmatch(r"\d{1,3}", arguments.get("Seconds", "10")):
            raise fault("InvalidArguments", "Seconds is a number up to 999")
        for step in range(1, 11):
            await asyncio.sleep(int(arguments.get("Seconds", "10")) / 10)
            await progress(step * 100, f"step {step} of 10")
        return {"Offset": "0"}

    @signal()
    def Changed(self, paths) -> "as":                # declared for introspection; Agent.tell sends it
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
                self.agent.tell("Changed", [path])


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
        self.provider.agent.tell("InstancesChanged", [BASE + "Schedule."])


async def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bus", help="the address of the bus [the system bus]")
    options.add_argument("--state", default="/var/lib/cwmp-climate/settings.json", help="the file that survives")
    options = options.parse_args()
    bus = await MessageBus(bus_address=options.bus, bus_type=BusType.SYSTEM).connect()
    provider = Provider(Settings(options.state))
    provider.agent = Agent(bus, NAME, provider)
    bus.export("/org/example/Climate1", Device(provider))
    await provider.agent.serve()
    sys.exit("the bus is gone")


if __name__ == "__main__":
    asyncio.run(main())
