//! What a plugin serves, checked line by line.

use cwmp_model::schema::{Declaration, NodeFlags, Schema};
use cwmp_model::{command, path, ValueType};

/// The flags that a plugin may give to a node.
const KNOWN_FLAGS: u32 = (1 << 11) - 1;

/// The most commands of one plugin.
pub(crate) const MAX_COMMAND_NODES: usize = 1024;

/// One line as the plugin wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// The schema path.
    pub(crate) path: String,
    /// The type number.
    pub(crate) kind: u32,
    /// The flags.
    pub(crate) flags: u32,
    /// The facets.
    pub(crate) facets: String,
}

/// A line that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Its path.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// What a plugin serves.
#[derive(Debug, Default)]
pub(crate) struct Description {
    /// The lines that are right, in the order of the plugin.
    pub(crate) nodes: Vec<Described>,
    /// The same as a tree.
    pub(crate) schema: Schema,
    /// The lines that are wrong.
    pub(crate) refused: Vec<Refusal>,
    /// The commands.
    pub(crate) commands: Vec<Described>,
    /// Lines that are right but not served: objects above the roots.
    pub(crate) skipped: Vec<String>,
}

impl Description {
    /// Checks the lines; `roots` are what the manifest allows, `None` allows everything below `Device.`.
    pub(crate) fn new(lines: Vec<Described>, roots: Option<&[String]>) -> Self {
        let mut all = Self::default();
        for mut line in lines {
            line.flags &= KNOWN_FLAGS;
            match all.judge(&line, roots) {
                Ok(true) if command::is_schema_path(&line.path) => all.commands.push(line),
                Ok(true) => all.nodes.push(line),
                Ok(false) => all.skipped.push(line.path),
                Err(why) => all.refused.push(Refusal { path: line.path, why }),
            }
        }
        all
    }

    fn judge(&mut self, line: &Described, roots: Option<&[String]>) -> Result<bool, String> {
        if !line.path.starts_with("Device.") {
            return Err("is not below Device.".to_owned());
        }
        let flags = NodeFlags(line.flags);
        if let Some(roots) = roots {
            let inside = |root: &String| {
                if root.ends_with('.') {
                    path::is_under(&line.path, root)
                } else {
                    line.path == *root
                }
            };
            if !roots.iter().any(inside) {
                let above =
                    path::is_partial(&line.path) && roots.iter().any(|r| path::is_under(r, &line.path));
                return if above {
                    Ok(false)
                } else {
                    Err("is outside the roots of the manifest".to_owned())
                };
            }
        }
        if flags.has(NodeFlags::COMMAND) || line.path.ends_with(command::SUFFIX) {
            return self.judge_command(line).map(|()| true);
        }
        let is_object = path::is_partial(&line.path);
        let kind = if is_object {
            if line.kind != 0 {
                return Err(format!("is an object, but has type {}", line.kind));
            }
            None
        } else {
            let known = u8::try_from(line.kind).ok().and_then(ValueType::from_number);
            Some(known.ok_or_else(|| format!("has the unknown type {}", line.kind))?)
        };
        let declaration = Declaration { path: &line.path, kind, flags, facets: &line.facets };
        self.schema.declare(0, &declaration).map_err(|error| error.to_string())?;
        Ok(true)
    }
}

impl Description {
    fn judge_command(&self, line: &Described) -> Result<(), String> {
        if !command::is_schema_path(&line.path) {
            return Err(format!("is a command, whose name ends in {}", command::SUFFIX));
        }
        if line.flags != NodeFlags::COMMAND.0 {
            return Err("is a command, which has the flag for that and no other".to_owned());
        }
        if line.kind != 0 || !line.facets.is_empty() {
            return Err("is a command, which has no type and no facets".to_owned());
        }
        if self.commands.iter().any(|known| known.path == line.path) {
            return Err("is declared twice".to_owned());
        }
        if self.commands.len() >= MAX_COMMAND_NODES {
            return Err(format!("is one of more than {MAX_COMMAND_NODES} commands"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, kind: u32, flags: u32, facets: &str) -> Described {
        Described { path: path.into(), kind, flags, facets: facets.into() }
    }

    #[test]
    fn a_wrong_line_is_refused_and_the_others_are_served() {
        let roots = ["Device.X_A.".to_owned(), "Device.Info.Version".to_owned()];
        let lines = vec![
            line("Device.X_A.", 0, 1, ""),
            line("Device.X_A.Good", 1, 0, "size=:8"),
            line("Device.X_A.Good", 1, 0, ""),
            line("Device.X_A.Type", 77, 0, ""),
            line("Device.X_A.Facet", 1, 0, "nosuch=1"),
            line("Device.X_A.Object.", 1, 1, ""),
            line("Device.X_B.Other", 1, 0, ""),
            line("Device.Info.Version", 1, 0, ""),
            line("Device.Info.", 0, 1, ""),
            line("Device.X_A.Reset()", 0, 1 << 8, ""),
            line("Device.X_A.Reset()", 0, 1 << 8, ""),
            line("Device.X_A.Blink()", 0, 0, ""),
            line("Device.X_A.Blink", 0, 1 << 8, ""),
            line("Device.X_A.Stop()", 1, 1 << 8, ""),
            line("Device.X_B.Reset()", 0, 1 << 8, ""),
            line("Gerät.X", 1, 0, ""),
        ];
        let all = Description::new(lines, Some(&roots));
        let served: Vec<_> = all.nodes.iter().map(|n| n.path.as_str()).collect();
        assert_eq!(served, ["Device.X_A.", "Device.X_A.Good", "Device.Info.Version"]);
        let refused: Vec<_> = all.refused.iter().map(|r| r.path.as_str()).collect();
        let wrong = [
            "Device.X_A.Good",
            "Device.X_A.Type",
            "Device.X_A.Facet",
            "Device.X_A.Object.",
            "Device.X_B.Other",
            "Device.X_A.Reset()",
            "Device.X_A.Blink()",
            "Device.X_A.Blink",
            "Device.X_A.Stop()",
            "Device.X_B.Reset()",
            "Gerät.X",
        ];
        assert_eq!(refused, wrong);
        assert_eq!(all.skipped, ["Device.Info."]);
        assert_eq!(all.commands.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["Device.X_A.Reset()"]);
    }

    #[test]
    fn a_plugin_has_so_many_commands_and_no_more() {
        let lines = (0..=MAX_COMMAND_NODES).map(|n| line(&format!("Device.X_A.C{n}()"), 0, 1 << 8, ""));
        let all = Description::new(lines.collect(), None);
        assert_eq!((all.commands.len(), all.refused.len()), (MAX_COMMAND_NODES, 1));
    }

    #[test]
    fn a_plugin_cannot_claim_that_the_agent_computes_a_parameter() {
        let all = Description::new(vec![line("Device.X_A.N", 3, 1 << 31, "")], None);
        let id = all.schema.find("Device.X_A.N").unwrap();
        assert!(!all.schema.node(id).flags.has(NodeFlags::COMPUTED));
    }
}
