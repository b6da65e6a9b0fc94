//! Which object answers for which name: each is read once for all that is asked of it in a call.

use std::collections::{HashMap, HashSet};

use crate::answer::Answer;
use crate::name::pattern;
use crate::resolver::{Resolver, ROW};
use crate::rows::AnyRows;
use crate::serve::Kept;
use crate::wanted::leaf;
use crate::{Declared, Error, Host, Name, Node, Plugin, Request, Row, Wanted};

/// The typed objects of a plugin, by their schema paths.
pub(crate) struct Directory {
    objects: HashMap<&'static str, usize>,
    /// The nodes of each object: itself, then its fields.
    nodes: Vec<&'static [Node]>,
}

/// What is asked of one object.
struct Group<'a> {
    object: usize,
    asked: Vec<Asked<'a>>,
}

struct Asked<'a> {
    /// The position in the answer.
    position: usize,
    field: usize,
    /// The object's path.
    instance: &'a str,
}

impl Directory {
    pub(crate) fn new<P: Declared>() -> Self {
        let (mut objects, mut nodes, mut rest) = (HashMap::new(), Vec::new(), P::ABOUT.nodes);
        for served in P::OBJECTS {
            let (own, others) = rest.split_at(served.nodes);
            objects.insert(own[0].path(), nodes.len());
            nodes.push(own);
            rest = others;
        }
        Self { objects, nodes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes of an object: itself, then its fields.
    pub(crate) fn nodes(&self, object: usize) -> &'static [Node] {
        self.nodes[object]
    }

    /// The object with this path.
    pub(crate) fn object(&self, instance: &str) -> Option<usize> {
        self.objects.get(pattern(instance).as_str()).copied()
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

    /// All there is of an object, with everything that can be set.
    pub(crate) fn all<P: Plugin>(
        &self,
        object: usize,
        plugin: &mut P,
        host: &Host,
        request: Request<'_>,
    ) -> Result<(Box<dyn AnyRows>, Resolver), Error> {
        let nodes = self.nodes[object];
        let resolver = Resolver::new(host, nodes[0].path());
        let wanted = Wanted {
            nodes,
            fields: nodes.iter().skip(1).map(Node::is_writable).collect(),
            instances: None,
            resolver: resolver.clone(),
            request,
        };
        let kept = plugin.settings().map(|settings| settings.instances(nodes[0].path()));
        let rows = self.read(object, plugin, host, kept.unwrap_or_default(), &wanted)?;
        Ok((rows, resolver))
    }

    /// Answers what belongs to typed objects, and gives back the positions of the other names.
    pub(crate) fn get<P: Plugin>(
        &self,
        plugin: &mut P,
        host: &Host,
        names: &[Name<'_>],
        answer: &mut Answer<'_>,
    ) -> Vec<usize> {
        let mut others = Vec::new();
        for group in self.groups(names, &mut others) {
            let nodes = self.nodes[group.object];
            let mut fields = vec![false; nodes.len() - 1];
            for asked in &group.asked {
                fields[asked.field] = true;
            }
            let instances: HashSet<&str> = group.asked.iter().map(|a| a.instance).collect();
            let settings = plugin.settings();
            let state = |i: &&str| Some(((*i).to_owned(), settings?.row_state(i)?));
            let mut kept: Vec<(String, bool)> = instances.iter().filter_map(state).collect();
            kept.sort_unstable();
            let request = answer.request();
            let wanted = Wanted {
                nodes,
                fields,
                instances: Some(instances),
                resolver: Resolver::new(host, nodes[0].path()),
                request,
            };
            match self.read(group.object, plugin, host, kept, &wanted) {
                Ok(rows) => answer_group(&group, nodes, &*rows, &wanted.resolver, answer),
                Err(error) => group.asked.iter().for_each(|a| answer.fault(a.position, &error)),
            }
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
        let mut answers: Vec<_> = tables.iter().map(|_| None).collect();
        let mut asked: HashMap<usize, Vec<usize>> = HashMap::new();
        for (position, table) in tables.iter().enumerate() {
            if let Some(object) = self.objects.get(format!("{}{ROW}", pattern(table.full())).as_str()) {
                asked.entry(*object).or_default().push(position);
            }
        }
        for (object, positions) in asked {
            let nodes = self.nodes[object];
            let resolver = Resolver::new(host, nodes[0].path());
            let wanted = Wanted {
                nodes,
                fields: vec![false; nodes.len() - 1],
                instances: None,
                resolver: resolver.clone(),
                request,
            };
            let kept = plugin.settings().map_or_else(Vec::new, |settings| {
                let all = settings.instances(nodes[0].path());
                // Rows of the device are not there because of what is kept for them.
                all.into_iter().filter(|(_, found)| !found).collect()
            });
            let rows = self.read(object, plugin, host, kept, &wanted);
            for position in positions {
                let table = tables[position].full();
                answers[position] = Some(match &rows {
                    Ok(rows) => rows_of(&**rows, table, &resolver),
                    Err(error) => Err(error.clone()),
                });
            }
        }
        answers
    }

    fn read<P: Plugin>(
        &self,
        object: usize,
        plugin: &mut P,
        host: &Host,
        mut kept: Vec<(String, bool)>,
        wanted: &Wanted<'_>,
    ) -> Result<Box<dyn AnyRows>, Error> {
        let nodes = self.nodes[object];
        let settings = plugin.settings().cloned();
        if !nodes[0].path().contains(ROW) {
            kept = vec![(nodes[0].path().to_owned(), false)];
        }
        let kept = Kept { settings, host, nodes, instances: kept };
        (P::OBJECTS[object].read)(plugin, &kept, wanted)
    }

    fn groups<'a>(&self, names: &[Name<'a>], others: &mut Vec<usize>) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut of_object: HashMap<usize, usize> = HashMap::new();
        // Names of one object come together, in the order of its fields.
        let (mut last, mut found, mut next_field) = ("", None, 0);
        for (position, name) in names.iter().enumerate() {
            let full = name.full();
            let instance = &full[..full.len() - leaf(full).len()];
            if instance != last {
                found = self.objects.get(pattern(instance).as_str()).copied();
                (last, next_field) = (instance, 0);
            }
            let Some((object, field)) = found.and_then(|o| Some((o, self.field(o, leaf(full), next_field)?)))
            else {
                others.push(position);
                continue;
            };
            next_field = field + 1;
            let group = *of_object.entry(object).or_insert_with(|| {
                groups.push(Group { object, asked: Vec::new() });
                groups.len() - 1
            });
            groups[group].asked.push(Asked { position, field, instance });
        }
        groups
    }

    fn field(&self, object: usize, name: &str, first: usize) -> Option<usize> {
        let fields = &self.nodes[object][1..];
        let position = |fields: &[Node]| fields.iter().position(|n| leaf(n.path()) == name);
        position(&fields[first..]).map(|i| first + i).or_else(|| position(&fields[..first]))
    }
}

fn answer_group(
    group: &Group<'_>,
    nodes: &[Node],
    rows: &dyn AnyRows,
    resolver: &Resolver,
    answer: &mut Answer<'_>,
) {
    let (mut positions, mut unknown) = (HashMap::with_capacity(rows.len()), None);
    for i in 0..rows.len() {
        match resolver.instance(rows.at(i)) {
            Ok(instance) => {
                positions.insert(instance, i);
            }
            Err(error) => unknown = Some(error),
        }
    }
    let mut text = String::new();
    for asked in &group.asked {
        let node = &nodes[asked.field + 1];
        let Some(kind) = node.kind() else { continue };
        let field = positions.get(asked.instance).and_then(|row| rows.fields(*row).field(asked.field));
        let Some(field) = field else {
            // A row whose number is not known may be this one.
            let error = unknown.clone();
            answer.fault(
                asked.position,
                &error.unwrap_or_else(|| Error::name(format!("there is no {}", asked.instance))),
            );
            continue;
        };
        text.clear();
        let written = if node.is_secret() { Ok(()) } else { field.write(&mut text) };
        match written {
            Ok(()) => answer.text(asked.position, kind, &text),
            Err(error) => answer.fault(asked.position, &error),
        }
    }
}

fn rows_of(rows: &dyn AnyRows, table: &str, resolver: &Resolver) -> Result<Vec<Row>, Error> {
    let mut found = Vec::new();
    for i in 0..rows.len() {
        let at = rows.at(i);
        if resolver.table(at)? == table {
            found.push(at.row.clone());
        }
    }
    Ok(found)
}
