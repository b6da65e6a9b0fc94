//! What the plugin serves. Types, access and facets are the standard's; a test holds them against its tables.

use cwmp_plugin_sdk::declare;

use crate::plugin::NetworkPlugin;

declare! {
    NetworkPlugin, name: "network", base: "Device.",
    nodes {
        object "Ethernet.";
        table "Ethernet.Interface.{i}." "unique=Name";
        param "Ethernet.Interface.{i}.Enable" boolean [writable pushed];
        param "Ethernet.Interface.{i}.Status" string [pushed]
            "enum=Up|Down|Unknown|Dormant|NotPresent|LowerLayerDown|Error";
        param "Ethernet.Interface.{i}.Name" string [pushed] "size=:64";
        param "Ethernet.Interface.{i}.LastChange" unsigned_int [passive];
        param "Ethernet.Interface.{i}.LowerLayers" string [pushed]
            "list=:;listsize=:1024;ref=Device.;refkind=strong;reftype=row";
        param "Ethernet.Interface.{i}.Upstream" boolean [pushed];
        param "Ethernet.Interface.{i}.MACAddress" string [pushed]
            "size=:17;pattern=|([0-9A-Fa-f][0-9A-Fa-f]:){5}([0-9A-Fa-f][0-9A-Fa-f])";
        param "Ethernet.Interface.{i}.CurrentBitRate" unsigned_int [passive];
        param "Ethernet.Interface.{i}.CurrentDuplexMode" string "enum=Unknown|Half|Full";
        object "Ethernet.Interface.{i}.Stats.";
        param "Ethernet.Interface.{i}.Stats.BytesSent" unsigned_long [passive counter];
        param "Ethernet.Interface.{i}.Stats.BytesReceived" unsigned_long [passive counter];
        param "Ethernet.Interface.{i}.Stats.PacketsSent" unsigned_long [passive counter];
        param "Ethernet.Interface.{i}.Stats.PacketsReceived" unsigned_long [passive counter];
        param "Ethernet.Interface.{i}.Stats.ErrorsSent" unsigned_int [passive counter];
        param "Ethernet.Interface.{i}.Stats.ErrorsReceived" unsigned_int [passive counter];
        param "Ethernet.Interface.{i}.Stats.DiscardPacketsSent" unsigned_int [passive counter];
        param "Ethernet.Interface.{i}.Stats.DiscardPacketsReceived" unsigned_int [passive counter];
        param "Ethernet.Interface.{i}.Stats.MulticastPacketsReceived" unsigned_long [passive counter];
        table "Ethernet.Link.{i}." "unique=MACAddress;key=Name";
        param "Ethernet.Link.{i}.Enable" boolean [pushed] "default=false";
        param "Ethernet.Link.{i}.Status" string [pushed]
            "enum=Up|Down|Unknown|Dormant|NotPresent|LowerLayerDown|Error;default=Down";
        param "Ethernet.Link.{i}.Name" string [pushed] "size=:64";
        param "Ethernet.Link.{i}.LastChange" unsigned_int [passive];
        param "Ethernet.Link.{i}.LowerLayers" string [pushed]
            "list=:;listsize=:1024;default=;ref=Device.;refkind=strong;reftype=row";
        param "Ethernet.Link.{i}.MACAddress" string [pushed]
            "size=:17;pattern=|([0-9A-Fa-f][0-9A-Fa-f]:){5}([0-9A-Fa-f][0-9A-Fa-f])";
        param "Ethernet.Link.{i}.MTU" unsigned_int [pushed];
        param "Ethernet.Link.{i}.NoARP" boolean [pushed] "default=false";
        object "Ethernet.Link.{i}.Stats.";
        param "Ethernet.Link.{i}.Stats.BytesSent" unsigned_long [passive counter];
        param "Ethernet.Link.{i}.Stats.BytesReceived" unsigned_long [passive counter];
        param "Ethernet.Link.{i}.Stats.PacketsSent" unsigned_long [passive counter];
        param "Ethernet.Link.{i}.Stats.PacketsReceived" unsigned_long [passive counter];
        param "Ethernet.Link.{i}.Stats.ErrorsSent" unsigned_int [passive counter];
        param "Ethernet.Link.{i}.Stats.ErrorsReceived" unsigned_int [passive counter];
        param "Ethernet.Link.{i}.Stats.DiscardPacketsSent" unsigned_int [passive counter];
        param "Ethernet.Link.{i}.Stats.DiscardPacketsReceived" unsigned_int [passive counter];
        param "Ethernet.Link.{i}.Stats.MulticastPacketsReceived" unsigned_long [passive counter];
        table "Ethernet.VLANTermination.{i}." "key=Name";
        param "Ethernet.VLANTermination.{i}.Enable" boolean [pushed] "default=false";
        param "Ethernet.VLANTermination.{i}.Status" string [pushed]
            "enum=Up|Down|Unknown|Dormant|NotPresent|LowerLayerDown|Error;default=Down";
        param "Ethernet.VLANTermination.{i}.Name" string [pushed] "size=:64";
        param "Ethernet.VLANTermination.{i}.LastChange" unsigned_int [passive];
        param "Ethernet.VLANTermination.{i}.LowerLayers" string [pushed]
            "list=:;listsize=:1024;default=;ref=Device.;refkind=strong;reftype=row";
        param "Ethernet.VLANTermination.{i}.VLANID" unsigned_int [pushed] "range=1:4094";
        param "Ethernet.VLANTermination.{i}.TPID" unsigned_int [pushed] "default=33024";
        object "Ethernet.VLANTermination.{i}.Stats.";
        param "Ethernet.VLANTermination.{i}.Stats.BytesSent" unsigned_long [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.BytesReceived" unsigned_long [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.PacketsSent" unsigned_long [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.PacketsReceived" unsigned_long [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.ErrorsSent" unsigned_int [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.ErrorsReceived" unsigned_int [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.DiscardPacketsSent" unsigned_int [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.DiscardPacketsReceived" unsigned_int [passive counter];
        param "Ethernet.VLANTermination.{i}.Stats.MulticastPacketsReceived" unsigned_long [passive counter];
        object "IP.";
        param "IP.IPv4Capable" boolean [pushed];
        param "IP.IPv4Enable" boolean [pushed];
        param "IP.IPv4Status" string [pushed] "enum=Disabled|Enabled|Error";
        param "IP.IPv6Capable" boolean [pushed];
        param "IP.IPv6Enable" boolean;
        param "IP.IPv6Status" string "enum=Disabled|Enabled|Error";
        table "IP.Interface.{i}." "key=Name";
        param "IP.Interface.{i}.Enable" boolean [writable pushed] "default=false";
        param "IP.Interface.{i}.Status" string [pushed]
            "enum=Up|Down|Unknown|Dormant|NotPresent|LowerLayerDown|Error;default=Down";
        param "IP.Interface.{i}.Name" string [pushed] "size=:64";
        param "IP.Interface.{i}.LastChange" unsigned_int [passive];
        param "IP.Interface.{i}.LowerLayers" string [pushed]
            "list=:;listsize=:1024;default=;ref=Device.;refkind=strong;reftype=row";
        param "IP.Interface.{i}.IPv4Enable" boolean [pushed];
        param "IP.Interface.{i}.IPv6Enable" boolean [writable];
        param "IP.Interface.{i}.Type" string [pushed] "enum=Normal|Loopback|Tunnel|Tunneled;default=Normal";
        param "IP.Interface.{i}.Loopback" boolean [pushed] "default=false";
        param "IP.Interface.{i}.MaxMTUSize" unsigned_int [writable pushed] "range=64:65535";
        param "IP.Interface.{i}.Router" string [pushed]
            "size=:256;default=;ref=Device.Routing.Router.{i}.;refkind=strong;reftype=row";
        object "IP.Interface.{i}.Stats.";
        param "IP.Interface.{i}.Stats.BytesSent" unsigned_long [passive counter];
        param "IP.Interface.{i}.Stats.BytesReceived" unsigned_long [passive counter];
        param "IP.Interface.{i}.Stats.PacketsSent" unsigned_long [passive counter];
        param "IP.Interface.{i}.Stats.PacketsReceived" unsigned_long [passive counter];
        param "IP.Interface.{i}.Stats.ErrorsSent" unsigned_int [passive counter];
        param "IP.Interface.{i}.Stats.ErrorsReceived" unsigned_int [passive counter];
        param "IP.Interface.{i}.Stats.DiscardPacketsSent" unsigned_int [passive counter];
        param "IP.Interface.{i}.Stats.DiscardPacketsReceived" unsigned_int [passive counter];
        param "IP.Interface.{i}.Stats.MulticastPacketsReceived" unsigned_long [passive counter];
        table "IP.Interface.{i}.IPv4Address.{i}." [writable] "unique=IPAddress,SubnetMask;enable=Enable";
        param "IP.Interface.{i}.IPv4Address.{i}.Enable" boolean [writable pushed] "default=false";
        param "IP.Interface.{i}.IPv4Address.{i}.Status" string [pushed]
            "enum=Disabled|Enabled|Error_Misconfigured|Error;default=Disabled";
        param "IP.Interface.{i}.IPv4Address.{i}.IPAddress" string [writable pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])";
        param "IP.Interface.{i}.IPv4Address.{i}.SubnetMask" string [writable pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "IP.Interface.{i}.IPv4Address.{i}.AddressingType" string [pushed]
            "enum=DHCP|IKEv2|AutoIP|IPCP|Static|3GPP-NAS;default=Static";
        table "IP.Interface.{i}.IPv6Address.{i}." [writable] "unique=IPAddress;enable=Enable";
        param "IP.Interface.{i}.IPv6Address.{i}.Enable" boolean [writable pushed] "default=false";
        param "IP.Interface.{i}.IPv6Address.{i}.Status" string [pushed]
            "enum=Disabled|Enabled|Error_Misconfigured|Error;default=Disabled";
        param "IP.Interface.{i}.IPv6Address.{i}.IPAddressStatus" string [pushed]
            "enum=Preferred|Deprecated|Invalid|Inaccessible|Unknown|Tentative|Duplicate|Optimistic;default=Invalid";
        param "IP.Interface.{i}.IPv6Address.{i}.IPAddress" string [writable pushed] "size=:45;default=";
        param "IP.Interface.{i}.IPv6Address.{i}.Origin" string [pushed]
            "enum=AutoConfigured|DHCPv6|IKEv2|MAP|WellKnown|3GPP-NAS|Static;default=Static";
        param "IP.Interface.{i}.IPv6Address.{i}.Prefix" string [pushed]
            "default=;ref=Device.IP.Interface.{i}.IPv6Prefix.{i}.;refkind=strong;reftype=row";
        param "IP.Interface.{i}.IPv6Address.{i}.PreferredLifetime" date_time [passive] "default=9999-12-31T23:59:59Z";
        param "IP.Interface.{i}.IPv6Address.{i}.ValidLifetime" date_time [passive] "default=9999-12-31T23:59:59Z";
        table "IP.Interface.{i}.IPv6Prefix.{i}." "unique=Prefix";
        param "IP.Interface.{i}.IPv6Prefix.{i}.Enable" boolean [pushed] "default=false";
        param "IP.Interface.{i}.IPv6Prefix.{i}.Status" string [pushed] "enum=Disabled|Enabled|Error;default=Disabled";
        param "IP.Interface.{i}.IPv6Prefix.{i}.PrefixStatus" string [pushed]
            "enum=Preferred|Deprecated|Invalid|Inaccessible|Unknown;default=Invalid";
        param "IP.Interface.{i}.IPv6Prefix.{i}.Prefix" string [pushed] "size=:49;default=";
        param "IP.Interface.{i}.IPv6Prefix.{i}.Origin" string [pushed]
            "enum=AutoConfigured|PrefixDelegation|RouterAdvertisement|WellKnown|Static|Child;default=Static";
        param "IP.Interface.{i}.IPv6Prefix.{i}.OnLink" boolean [pushed] "default=false";
        param "IP.Interface.{i}.IPv6Prefix.{i}.ValidLifetime" date_time [passive] "default=9999-12-31T23:59:59Z";
        table "InterfaceStack.{i}." "unique=HigherLayer,LowerLayer";
        param "InterfaceStack.{i}.HigherLayer" string [pushed] "size=:256;ref=Device.;refkind=strong;reftype=row";
        param "InterfaceStack.{i}.LowerLayer" string [pushed] "size=:256;ref=Device.;refkind=strong;reftype=row";
        object "Routing.";
        table "Routing.Router.{i}.";
        param "Routing.Router.{i}.Enable" boolean [pushed] "default=false";
        param "Routing.Router.{i}.Status" string [pushed] "enum=Disabled|Enabled|Error;default=Disabled";
        table "Routing.Router.{i}.IPv4Forwarding.{i}." [writable]
            "unique=DestIPAddress,DestSubnetMask,GatewayIPAddress,Interface,ForwardingMetric;enable=Enable";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.Enable" boolean [writable pushed] "default=false";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.Status" string [pushed]
            "enum=Disabled|Enabled|Error_Misconfigured|Error;default=Disabled";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.Type" string [writable pushed]
            "enum=Normal|Blackhole|Unreachable|Prohibit;default=Normal";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.StaticRoute" boolean [pushed] "default=true";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.DestIPAddress" string [writable pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.DestSubnetMask" string [writable pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.GatewayIPAddress" string [writable pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.Interface" string [writable pushed]
            "size=:256;default=;ref=Device.IP.Interface.{i}.;refkind=strong;reftype=row";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.Origin" string [pushed]
            "enum=DHCPv4|OSPF|IPCP|RIP|3GPP-NAS|Static;default=Static";
        param "Routing.Router.{i}.IPv4Forwarding.{i}.ForwardingMetric" int [writable pushed] "range=-1:;default=-1";
        table "Routing.Router.{i}.IPv6Forwarding.{i}." [writable]
            "unique=DestIPPrefix,NextHop,Interface,ForwardingMetric;enable=Enable";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.Enable" boolean [writable pushed] "default=false";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.Status" string [pushed]
            "enum=Disabled|Enabled|Error_Misconfigured|Error;default=Disabled";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.Type" string [writable pushed]
            "enum=Normal|Blackhole|Unreachable|Prohibit;default=Normal";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.DestIPPrefix" string [writable pushed] "size=:49;default=";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.NextHop" string [writable pushed] "size=:45;default=";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.Interface" string [writable pushed]
            "size=:256;default=;ref=Device.IP.Interface.{i}.;refkind=strong;reftype=row";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.Origin" string [pushed]
            "enum=DHCPv6|OSPF|RA|RIPng|3GPP-NAS|Static;default=Static";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.ForwardingMetric" int [writable pushed] "range=-1:;default=-1";
        param "Routing.Router.{i}.IPv6Forwarding.{i}.ExpirationTime" date_time [passive] "default=9999-12-31T23:59:59Z";
        object "DNS.";
        param "DNS.SupportedRecordTypes" string [pushed] "enum=A|AAAA|SRV|PTR;list=:";
        object "DNS.Client.";
        param "DNS.Client.Enable" boolean [writable pushed];
        param "DNS.Client.Status" string [pushed] "enum=Disabled|Enabled|Error";
        table "DNS.Client.Server.{i}." [writable] "unique=DNSServer;enable=Enable";
        param "DNS.Client.Server.{i}.Enable" boolean [writable pushed] "default=false";
        param "DNS.Client.Server.{i}.Status" string [pushed] "enum=Disabled|Enabled|Error;default=Disabled";
        param "DNS.Client.Server.{i}.DNSServer" string [writable pushed] "size=:45";
        param "DNS.Client.Server.{i}.Interface" string [writable pushed]
            "size=:256;default=;ref=Device.IP.Interface.{i}.;refkind=strong;reftype=row";
        param "DNS.Client.Server.{i}.Type" string [pushed]
            "enum=DHCPv4|DHCPv6|RouterAdvertisement|IPCP|3GPP-NAS|Static;default=Static";
        table "DHCPv4.Client.{i}." "unique=Interface";
        param "DHCPv4.Client.{i}.Enable" boolean [pushed] "default=false";
        param "DHCPv4.Client.{i}.Interface" string [pushed]
            "size=:256;default=;ref=Device.IP.Interface.{i}.;refkind=strong;reftype=row";
        param "DHCPv4.Client.{i}.Status" string [pushed]
            "enum=Disabled|Enabled|Error_Misconfigured|Error;default=Disabled";
        param "DHCPv4.Client.{i}.DHCPStatus" string "enum=Init|Selecting|Requesting|Rebinding|Bound|Renewing";
        param "DHCPv4.Client.{i}.IPAddress" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "DHCPv4.Client.{i}.SubnetMask" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        param "DHCPv4.Client.{i}.IPRouters" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);list=:;listsize=:256;default=";
        param "DHCPv4.Client.{i}.DNSServers" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);list=:;listsize=:256;default=";
        param "DHCPv4.Client.{i}.LeaseTimeRemaining" int [passive] "range=-1:;default=0";
        param "DHCPv4.Client.{i}.DHCPServer" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9]);default=";
        object "Hosts.";
        table "Hosts.Host.{i}." "unique=PhysAddress";
        param "Hosts.Host.{i}.PhysAddress" string [pushed] "size=:64";
        param "Hosts.Host.{i}.IPAddress" string [pushed] "size=:45";
        param "Hosts.Host.{i}.HostName" string [pushed] "size=:64";
        param "Hosts.Host.{i}.Active" boolean [pushed];
        param "Hosts.Host.{i}.ActiveLastChange" date_time [pushed];
        param "Hosts.Host.{i}.AssociatedDevice" string [pushed] "size=:256;ref=Device.;refkind=strong;reftype=row";
        param "Hosts.Host.{i}.DHCPClient" string [pushed]
            "list=:2;ref=Device.DHCPv4.Server.Pool.{i}.Client.{i}.|Device.DHCPv6.Server.Pool.{i}.Client.{i}.;refkind=strong;reftype=row";
        param "Hosts.Host.{i}.InterfaceType" string [pushed] "enum=Ethernet|G.hn|HPNA|HomePlug|MoCA|UPA|Wi-Fi|Other";
        param "Hosts.Host.{i}.Layer1Interface" string [pushed] "size=:256;ref=Device.;refkind=strong;reftype=row";
        param "Hosts.Host.{i}.Layer3Interface" string [pushed]
            "size=:256;ref=Device.IP.Interface.{i}.;refkind=strong;reftype=row";
        table "Hosts.Host.{i}.IPv4Address.{i}." "unique=IPAddress";
        param "Hosts.Host.{i}.IPv4Address.{i}.IPAddress" string [pushed]
            r"size=:15;pattern=|((25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])\\.){3}(25[0-5]\|2[0-4][0-9]\|[01]?[0-9]?[0-9])";
        table "Hosts.Host.{i}.IPv6Address.{i}." "unique=IPAddress";
        param "Hosts.Host.{i}.IPv6Address.{i}.IPAddress" string [pushed] "size=:45";
    }
}
