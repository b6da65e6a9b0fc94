//! Writes `docs/bus-reference.md` from the introspection XML, the policy and the table of faults.

use std::fmt::Write as _;

use cwmp_bus::{names, BusError};
use cwmp_model::FaultCode;

use crate::introspection::{Doc, Document, Interface, Kind, Member};

const HEAD: &str = "\
# Bus reference

Made from `bus-schemas/xml`, the policy and the table of faults by `UPDATE_DOCS=1 cargo test -p cwmp-repository`; a test holds
it to them. Types are written as D-Bus signatures: `s` text, `u` and `t` unsigned numbers of 32 and 64 bits, `y` a byte, `b` a
boolean, `a` an array of what follows, `(...)` a structure, `a{sv}` options by name.

The agent is `org.cwmpd1` on the system bus, and its object is `/org/cwmpd1`. The version is in the name: members are only
ever added, and options that the agent does not know are ignored. A new major version is another name beside this one.
";

/// Commands that a test runs. They speak of the demonstration plugin.
const EXAMPLES: &str = "\
## Examples

What there is:

    $ busctl introspect org.cwmpd1 /org/cwmpd1
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel List sb Device. true
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel Describe 'asa{sv}' 1 Device.X_CWMPD_Demo. 0

Reading, one value and many:

    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel GetValue s Device.DeviceInfo.SerialNumber
    $ busctl --json=short call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel Get 'asa{sv}' 2 Device.DeviceInfo. Device.X_CWMPD_Demo.Label 0

Changing, one value and many in one transaction:

    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel SetValue ss Device.X_CWMPD_Demo.Label kitchen
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel Set 'a(ss)a{sv}' 2 Device.X_CWMPD_Demo.Label hall Device.X_CWMPD_Demo.Level 30 0
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel Add 'sa(ss)' Device.X_CWMPD_Demo.Lamp. 1 Name hall
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel Delete s Device.X_CWMPD_Demo.Lamp.3.

Active notification of a parameter, and a look at it:

    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel SetAttributes 'a(sbubas)' 1 Device.X_CWMPD_Demo.Label true 2 false 0
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.DataModel GetAttributes as 1 Device.X_CWMPD_Demo.Label

The agent:

    $ busctl get-property org.cwmpd1 /org/cwmpd1 org.cwmpd1.Agent State
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.Agent Inform 'a{sv}' 0
    $ busctl call org.cwmpd1 /org/cwmpd1 org.cwmpd1.Agent Reload
";

/// Where the policy is read for who may call what.
pub const POLICY: &str = "bus-schemas/policy/org.cwmpd1.conf";

/// The whole page.
pub fn write(agent: &Document, provider: &Document, policy: &str) -> String {
    let mut page = String::from(HEAD);
    rights(&mut page);
    page.push('\n');
    page.push_str(EXAMPLES);
    errors(&mut page);
    for (document, is_agent) in [(agent, true), (provider, false)] {
        for interface in &document.interfaces {
            // The head of this page introduces the agent.
            let introduction = if is_agent { &[][..] } else { &document.text };
            write_interface(&mut page, interface, introduction, |member| {
                if !is_agent {
                    "the agent"
                } else if interface.name == names::REGISTRY {
                    "plugins"
                } else if readers_may(policy, &interface.name, member) {
                    "`cwmp-read`, `cwmp-admin`"
                } else {
                    "`cwmp-admin`"
                }
            });
        }
    }
    page
}

fn add(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

fn rights(page: &mut String) {
    let text = format!(
        "\n## Rights\n\nMembers of the group `{}` read, members of `{}` read and change, root does both. The bus refuses everybody \
         else\n(`org.freedesktop.DBus.Error.AccessDenied`), and the agent looks at the caller once more. Secrets read as empty for \
         everyone.\nSignals go to everybody on the bus, so they carry names and no values.",
        names::READ_GROUP,
        names::ADMIN_GROUP
    );
    add(page, &text);
}

/// Whether the rules for readers let a member through.
fn readers_may(policy: &str, interface: &str, member: &str) -> bool {
    let start = format!("<policy group=\"{}\">", names::READ_GROUP);
    let rules = policy.split(&start).nth(1).and_then(|p| p.split("</policy>").next()).unwrap_or_default();
    rules.contains(&format!("send_interface=\"{interface}\" send_member=\"{member}\""))
}

fn errors(page: &mut String) {
    add(page, "\n## Errors\n");
    add(page, "A fault of one path stands in the answer, with its code; a call that is refused as a whole gets an error.\n");
    add(page, "| error | CWMP fault | meaning |\n| --- | --- | --- |");
    let busy = BusError::Busy;
    add(page, &format!("| `{}{}` | | {busy} |", names::ERROR_PREFIX, busy.short_name()));
    for code in FaultCode::ALL {
        let row = format!(
            "| `{}{}` | {} | {} |",
            names::ERROR_PREFIX,
            code.bus_name(),
            code.number(),
            code.meaning()
        );
        add(page, &row);
    }
}

fn write_interface<'a>(
    page: &mut String,
    interface: &Interface,
    introduction: &[String],
    who: impl Fn(&str) -> &'a str,
) {
    // Writing to a string does not fail, here and below.
    let _ = write!(page, "\n## {}\n\n{}\n", interface.name, interface.doc.short);
    for paragraph in interface.doc.text.iter().chain(introduction) {
        let _ = write!(page, "\n{paragraph}\n");
    }
    for kind in [Kind::Method, Kind::Signal] {
        for member in interface.members.iter().filter(|m| m.kind == kind) {
            let _ =
                write!(page, "\n### {}\n\n    {}\n\n{}", member.name, signature(member), member.doc.short);
            let _ = match kind {
                Kind::Method => writeln!(page, " For {}.", who(&member.name)),
                _ => writeln!(page, " A signal."),
            };
            member.doc.text.iter().for_each(|p| add(page, &format!("\n{p}")));
            arguments(page, member);
        }
    }
    let properties: Vec<_> = interface.members.iter().filter(|m| m.kind == Kind::Property).collect();
    if !properties.is_empty() {
        add(page, "\n### Properties\n");
        add(
            page,
            &format!("Read with `org.freedesktop.DBus.Properties`, by {}.\n", "`cwmp-read` and `cwmp-admin`"),
        );
        add(page, "| name | type | what |\n| --- | --- | --- |");
        for property in properties {
            let row = format!("| `{}` | `{}` | {} |", property.name, property.signature, property.doc.short);
            add(page, &row);
        }
    }
}

/// A member as one line: `Get(paths: as) -> (values: a(sss))`.
fn signature(member: &Member) -> String {
    let list = |is_out: bool| {
        let chosen = member.arguments.iter().filter(|a| a.is_out == is_out);
        chosen.map(|a| format!("{}: {}", a.name, a.signature)).collect::<Vec<_>>().join(", ")
    };
    let out = list(true);
    let out = if out.is_empty() { out } else { format!(" -> ({out})") };
    format!("{}({}){out}", member.name, list(false))
}

fn arguments(page: &mut String, member: &Member) {
    if member.arguments.is_empty() {
        return;
    }
    add(page, "\n| argument | type | what |\n| --- | --- | --- |");
    for argument in &member.arguments {
        let what = said(&member.doc, &argument.name);
        add(page, &format!("| `{}` | `{}` | {what} |", argument.name, argument.signature));
    }
}

/// What a comment says of an argument.
fn said<'a>(doc: &'a Doc, argument: &str) -> &'a str {
    doc.arguments.iter().find(|(name, _)| name == argument).map_or("", |(_, text)| text)
}
