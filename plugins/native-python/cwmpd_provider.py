# SPDX-License-Identifier: Apache-2.0
"""What every daemon does that serves org.cwmpd1.Provider itself: be there when the agent comes, answer nobody else, tell it
of changes, run commands. Copy it as it is; README.md says why each step is as it is."""
import asyncio, sys
from dbus_next import DBusError, Message, MessageType

STRING, INT, UNSIGNED_INT, LONG, UNSIGNED_LONG, BOOLEAN, DATE_TIME, BASE64, HEX_BINARY, DECIMAL = range(1, 11)
OBJECT, TABLE, WRITABLE, SECRET, PUSHED, COMMAND = 1, 2, 4, 8, 64, 256      # flags of nodes
SET, ADD, DELETE = 1, 2, 3                                                # operations of Prepare
PATH, INTERFACE = "/org/cwmpd1/Provider", "org.cwmpd1.Provider"


def fault(name, text):
    """An error that the agent understands: InvalidParameterName, ResourcesExceeded, InternalError, ..."""
    return DBusError("org.cwmpd1.Error." + name, text)


class Agent:
    """The other side. `invoke(command, arguments, progress)` of the provider runs a command to its end, in a task."""

    def __init__(self, bus, name, provider):
        self.bus, self.name, self.provider, self.owner, self.is_named, self.jobs = bus, name, provider, None, False, {}

    async def serve(self):
        """Serves until the bus is gone; then the process is to end, and whoever supervises it starts it again."""
        self.bus.add_message_handler(self.first)
        self.bus.export(PATH, self.provider)
        await self.dbus("AddMatch", "s", "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                         "arg0='org.cwmpd1'")
        # Who the agent is must be known before it can call, and it calls once the name is there and announced.
        owner = await self.dbus("GetNameOwner", "s", "org.cwmpd1")
        if owner.message_type != MessageType.ERROR and self.owner is None:
            self.agent_is(owner.body[0])
        service = "org.cwmpd1.Provider." + self.name
        if (await self.dbus("RequestName", "su", service, 4)).body != [1]:
            sys.exit(f"{service} has an owner already, or the bus policy does not let us have it")
        self.is_named = True
        self.agent_is(self.owner)
        await self.bus.wait_for_disconnect()

    def tell(self, member, paths):
        """Sends Changed or InstancesChanged, to the agent alone: names tell something too."""
        if self.owner:
            self.bus.send(Message(destination=self.owner, message_type=MessageType.SIGNAL, path=PATH,
                                  interface=INTERFACE, member=member, signature="as", body=[paths]))

    def first(self, message):
        """Sees every message before the interfaces do."""
        if message.sender == "org.freedesktop.DBus" and message.member == "NameOwnerChanged":
            if message.body[0] == "org.cwmpd1":
                self.agent_is(message.body[2])
        elif message.message_type == MessageType.METHOD_CALL and message.interface in (INTERFACE, None):
            if message.sender != self.owner:
                text = "only the agent may call a provider"
                return Message.new_error(message, "org.cwmpd1.Error.RequestDenied", text)
            if message.member == "Invoke" and message.signature == "sa{sv}a{sv}":
                asyncio.ensure_future(self.run(message))
                return True                          # it is answered when the command has ended

    def cancel(self, job):
        if job in self.jobs:
            self.jobs[job].cancel()

    async def run(self, message):
        command, arguments, options = message.body
        job = options["job"].value

        async def progress(permille, text):
            await self.call("org.cwmpd1", "/org/cwmpd1", "org.cwmpd1.Registry", "Progress", "tis", job, permille, text)

        # A task of its own: it may be cancelled, and this one still answers.
        arguments = {key: value.value for key, value in arguments.items()}
        self.jobs[job] = asyncio.ensure_future(self.provider.invoke(command, arguments, progress))
        try:
            reply = Message.new_method_return(message, "ba{ss}", [False, await self.jobs[job]])
        except asyncio.CancelledError:
            reply = Message.new_method_return(message, "ba{ss}", [True, {}])
        except DBusError as error:
            reply = Message.new_error(message, error.type, error.text)
        except Exception as error:                   # a defect of the command is no reason to leave the agent waiting
            reply = Message.new_error(message, "org.cwmpd1.Error.InternalError", repr(error))
        del self.jobs[job]
        self.bus.send(reply)

    async def announce(self, to):                    # until it is taken, or another agent has come
        while self.owner == to:
            reply = await self.call("org.cwmpd1", "/org/cwmpd1", "org.cwmpd1.Registry", "Announce", "sa{sv}", self.name, {})
            if reply.message_type != MessageType.ERROR:
                return
            print(f"the agent did not take the announcement: {reply.body}", file=sys.stderr)
            await asyncio.sleep(5)

    def agent_is(self, owner):
        self.owner = owner or None
        if self.owner and self.is_named:
            asyncio.ensure_future(self.announce(self.owner))

    async def call(self, destination, path, interface, member, signature, *body):
        return await self.bus.call(Message(destination=destination, path=path, interface=interface, member=member,
                                           signature=signature, body=list(body)))

    def dbus(self, member, signature, *body):
        return self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature, *body)
