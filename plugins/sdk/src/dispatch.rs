//! Which object answers for which name: each is read once for all that is asked of it in a call.

use std::collections::{HashMap, HashSet};

use crate::answer::Answer;
use crate::name::pattern;
use crate::resolver::{Resolver, ROW};
use crate::rows::AnyRows;
use crate::serve::Kept;
use crate::settings::KeptRow;
use crate::wanted::leaf;
use crate::{Declared, Error, Host, Name, Node, Plugin, Request, Row, Settings, Wanted};

/// The typed objects of a plugin, by their schema paths.
pub(crate) struct Directory {
    /// The nodes of each object: itself, then its fields.
    nodes: Vec<&'static [Node]>,
}

/// What is asked of one object.
pub(crate) struct Question<'a> {
    pub(crate) object: usize,
    pub(crate) kept: Kept,
    pub(crate) wanted: Wanted<'a>,
    asked: Vec<Asked<'a>>,
}

struct Asked<'a> {
    /// The position in the answer.
    position: usize,
    field: usize,
    /// The object's path.
    instance: &'a str,
}

/// For whom and with what something is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) host: &'a Host,
    pub(crate) settings: Option<&'a Settings>,
    pub(crate) request: Request<'a>,
}

impl Directory {
    /// Of a declaration that begins with the nodes of typed objects: so many for each.
    pub(crate) fn new(declared: &'static [Node], counts: impl Iterator<Item = usize>) -> Self {
        let (mut nodes, mut rest) = (Vec::new(), declared);
        for count in counts {
            let (own, others) = rest.split_at(count);
            nodes.push(own);
            rest = others;
        }
        Self { nodes }
    }

    /// The typed objects of a plugin.
    pub(crate) fn of<P: Declared>() -> Self {
        Self::new(P::ABOUT.nodes, P::OBJECTS.iter().map(|served| served.nodes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes of an object: itself, then its fields.
    pub(crate) fn nodes(&self, object: usize) -> &'static [Node] {
        self.nodes[object]
    }

    /// The object with this path.
    pub(crate) fn object(&self, instance: &str) -> Option<usize> {
        self.at(&pattern(instance))
    }

    /// The object with this schema path. There are so few that they are looked through.
    fn at(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|nodes| nodes[0].path() == path)
    }

    /// The object and the field that a parameter is.
    pub(crate) fn owner(&self, full: &str) -> Option<(usize, usize)> {
        let object = self.object(&full[..full.len() - leaf(full).len()])?;
        Some((object, self.field(object, leaf(full), 0)?))
    }

    /// The objects at a schema path and below it.
    pub(crate) fn below(&self, path: &str) -> Vec<usize> {
        (0..self.nodes.len()).filter(|object| self.nodes[*object][0].path().starts_with(path)).collect()
    }

    /// Answers what belongs to typed objects, and gives back the positions of the other names.
    pub(crate) fn get<P: Plugin>(
        &self,
        plugin: &mut P,
        host: &Host,
        names: &[Name<'_>],
        answer: &mut Answer<'_>,
    ) -> Vec<usize> {
        let settings = plugin.settings().cloned();
        let asker = Asker { host, settings: settings.as_ref(), request: answer.request() };
        let (questions, others) = self.values(names, asker);
        for question in questions {
            let rows = (P::OBJECTS[question.object].read)(plugin, &question.kept, &question.wanted);
            question.answer(rows, answer);
        }
        others
    }

    /// The rows of tables, by the position of the table in `tables`; `None` where the table is not that of a typed object.
    pub(crate) fn rows<P: Plugin>(
        &self,
        plugin: &mut P,
        host: &Host,
        tables: &[Name<'_>],
        request: Request<'_>,
    ) -> Vec<Option<Result<Vec<Row>, Error>>> {
        let settings = plugin.settings().cloned();
        let asker = Asker { host, settings: settings.as_ref(), request };
        let mut answers: Vec<_> = tables.iter().map(|_| None).collect();
        for (object, positions) in self.tables(tables) {
            let question = self.rows_of(object, asker);
            let rows = (P::OBJECTS[object].read)(plugin, &question.kept, &question.wanted);
            for position in positions {
                answers[position] = Some(question.rows_in(&rows, tables[position].full()));
            }
        }
        answers
    }

    /// All there is of an object, with everything that can be set.
    pub(crate) fn all<P: Plugin>(
        &self,
        object: usize,
        plugin: &mut P,
        host: &Host,
        request: Request<'_>,
    ) -> Result<Box<dyn AnyRows>, Error> {
        let settings = plugin.settings().cloned();
        let question = self.writable(object, Asker { host, settings: settings.as_ref(), request });
        (P::OBJECTS[object].read)(plugin, &question.kept, &question.wanted)
    }

    /// The tables of typed objects among these, with their positions.
    pub(crate) fn tables(&self, tables: &[Name<'_>]) -> Vec<(usize, Vec<usize>)> {
        let mut asked: Vec<(usize, Vec<usize>)> = Vec::new();
        for (position, table) in tables.iter().enumerate() {
            let Some(object) = self.at(&format!("{}{ROW}", pattern(table.full()))) else { continue };
            match asked.iter_mut().find(|(other, _)| *other == object) {
                Some((_, positions)) => positions.push(position),
                None => asked.push((object, vec![position])),
            }
        }
        asked
    }

    /// Asks for the rows of an object alone.
    pub(crate) fn rows_of<'a>(&self, object: usize, asker: Asker<'a>) -> Question<'a> {
        let mut question = self.question(object, asker, |_| false);
        // Rows of the device are not there because of what is kept for them.
        question.kept.instances.retain(|row| !row.found);
        question
    }

    /// Asks for everything of an object that can be set.
    pub(crate) fn writable<'a>(&self, object: usize, asker: Asker<'a>) -> Question<'a> {
        self.question(object, asker, Node::is_writable)
    }

    fn question<'a>(&self, object: usize, asker: Asker<'a>, wanted: impl Fn(&Node) -> bool) -> Question<'a> {
        let nodes = self.nodes[object];
        let path = nodes[0].path();
        let instances = if path.contains(ROW) {
            asker.settings.map(|settings| settings.instances(path)).unwrap_or_default()
        } else {
            vec![KeptRow::once(path)]
        };
        let wanted = Wanted {
            nodes,
            fields: nodes.iter().skip(1).map(wanted).collect(),
            instances: None,
            resolver: Resolver::new(asker.host, path),
            request: asker.request,
        };
        let kept = Kept { settings: asker.settings.cloned(), host: asker.host.clone(), nodes, instances };
        Question { object, kept, wanted, asked: Vec::new() }
    }

    /// Asks each object once for all that is wanted of it. The positions of names that belong to none come back, too.
    pub(crate) fn values<'a>(&self, names: &[Name<'a>], asker: Asker<'a>) -> (Vec<Question<'a>>, Vec<usize>) {
        let mut others = Vec::new();
        let groups = self.groups(names, &mut others);
        let ask = |(object, asked): (usize, Vec<Asked<'a>>)| {
            let nodes = self.nodes[object];
            let mut fields = vec![false; nodes.len() - 1];
            for asked in &asked {
                fields[asked.field] = true;
            }
            let instances: HashSet<&str> = asked.iter().map(|a| a.instance).collect();
            let kept: Vec<KeptRow> = if nodes[0].path().contains(ROW) {
                // In the order of the names, each once.
                let mut seen = HashSet::new();
                let first = asked.iter().map(|a| a.instance).filter(|instance| seen.insert(*instance));
                first.filter_map(|instance| asker.settings?.kept_row(instance)).collect()
            } else {
                vec![KeptRow::once(nodes[0].path())]
            };
            let wanted = Wanted {
                nodes,
                fields,
                instances: Some(instances),
                resolver: Resolver::new(asker.host, nodes[0].path()),
                request: asker.request,
            };
            let (settings, host) = (asker.settings.cloned(), asker.host.clone());
            Question { object, kept: Kept { settings, host, nodes, instances: kept }, wanted, asked }
        };
        (groups.into_iter().map(ask).collect(), others)
    }

    fn groups<'a>(&self, names: &[Name<'a>], others: &mut Vec<usize>) -> Vec<(usize, Vec<Asked<'a>>)> {
        let mut groups: Vec<(usize, Vec<Asked<'a>>)> = Vec::new();
        let mut of_object: Vec<Option<usize>> = vec![None; self.nodes.len()];
        // Names of one object come together, in the order of its fields.
        let (mut last, mut found, mut next_field) = ("", None, 0);
        for (position, name) in names.iter().enumerate() {
            let full = name.full();
            let instance = &full[..full.len() - leaf(full).len()];
            if instance != last {
                found = self.object(instance);
                (last, next_field) = (instance, 0);
            }
            let Some((object, field)) = found.and_then(|o| Some((o, self.field(o, leaf(full), next_field)?)))
            else {
                others.push(position);
                continue;
            };
            next_field = field + 1;
            let group = *of_object[object].get_or_insert_with(|| {
                groups.push((object, Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push(Asked { position, field, instance });
        }
        groups
    }

    fn field(&self, object: usize, name: &str, first: usize) -> Option<usize> {
        let fields = &self.nodes[object][1..];
        let position = |fields: &[Node]| fields.iter().position(|n| leaf(n.path()) == name);
        position(&fields[first..]).map(|i| first + i).or_else(|| position(&fields[..first]))
    }
}

impl Question<'_> {
    /// Answers with what was read.
    pub(crate) fn answer(&self, rows: Result<Box<dyn AnyRows>, Error>, answer: &mut Answer<'_>) {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => return self.asked.iter().for_each(|a| answer.fault(a.position, &error)),
        };
        let (mut positions, mut unknown) = (HashMap::with_capacity(rows.len()), None);
        for i in 0..rows.len() {
            match self.wanted.resolver.instance(rows.at(i)) {
                Ok(instance) => {
                    positions.insert(instance, i);
                }
                Err(error) => unknown = Some(error),
            }
        }
        let mut text = String::new();
        for asked in &self.asked {
            let node = &self.wanted.nodes[asked.field + 1];
            let Some(kind) = node.kind() else { continue };
            let field = positions.get(asked.instance).and_then(|row| rows.fields(*row).field(asked.field));
            text.clear();
            let written = match field {
                Some(_) if node.is_secret() => {
                    text.push_str(kind.zero());
                    Ok(())
                }
                Some(field) => field.write(&mut text),
                // A row whose number is not known may be this one.
                None => Err(unknown
                    .clone()
                    .unwrap_or_else(|| Error::name(format!("there is no {}", asked.instance)))),
            };
            match written {
                Ok(()) => answer.text(asked.position, kind, &text),
                Err(error) => answer.fault(asked.position, &error),
            }
        }
    }

    /// The rows that lie in a table.
    pub(crate) fn rows_in(
        &self,
        rows: &Result<Box<dyn AnyRows>, Error>,
        table: &str,
    ) -> Result<Vec<Row>, Error> {
        let rows = rows.as_ref().map_err(Clone::clone)?;
        let mut found = Vec::new();
        for i in 0..rows.len() {
            let at = rows.at(i);
            if self.wanted.resolver.table(at)? == table {
                found.push(at.row.clone());
            }
        }
        Ok(found)
    }
}
