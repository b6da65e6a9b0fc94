//! Introspection XML with its doc comments, as the contract in `bus-schemas/xml` is written.

use quick_xml::events::{BytesStart, Event};
use quick_xml::Reader;

/// A file.
#[derive(Debug, Default)]
pub struct Document {
    /// The object's path.
    pub node: String,
    /// What is said before the node.
    pub text: Vec<String>,
    /// Its interfaces, in order.
    pub interfaces: Vec<Interface>,
}

/// An interface.
#[derive(Debug, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub doc: Doc,
    /// Its members, in order.
    pub members: Vec<Member>,
}

/// A method, signal or property.
#[derive(Debug)]
pub struct Member {
    /// Which of them.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub doc: Doc,
    /// The type of a property.
    pub signature: String,
    /// The arguments of a method or signal, in order.
    pub arguments: Vec<Argument>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Called by somebody.
    Method,
    /// Sent to whoever listens.
    Signal,
    /// Read by somebody.
    Property,
}

/// An argument.
#[derive(Debug)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type.
    pub signature: String,
    /// Whether it is part of the answer.
    pub is_out: bool,
}

/// A doc comment: `NAME:`, then `@argument: text` lines with `@short_description:` among them, then free text.
#[derive(Debug, Default, Clone)]
pub struct Doc {
    /// What it documents.
    pub name: String,
    /// Its first sentence.
    pub short: String,
    /// Arguments and what is said of them.
    pub arguments: Vec<(String, String)>,
    /// The paragraphs after them.
    pub text: Vec<String>,
}

/// Reads a file. The error says where it does not keep to the form.
pub fn parse(xml: &str) -> Result<Document, String> {
    let mut reader = Reader::from_str(xml);
    let mut document = Document::default();
    let mut comment: Option<String> = None;
    loop {
        let event = reader.read_event().map_err(|e| format!("at byte {}: {e}", reader.error_position()))?;
        match &event {
            Event::Comment(text) => comment = Some(text.decode().map_err(|e| e.to_string())?.into_owned()),
            Event::Start(tag) | Event::Empty(tag) => {
                let name = attribute(tag, "name")?;
                match tag.name().as_ref() {
                    b"node" => {
                        document.node = name;
                        document.text = paragraphs(&comment.take().unwrap_or_default());
                    }
                    b"interface" => {
                        let doc = doc(comment.take(), &name)?;
                        document.interfaces.push(Interface { name, doc, members: Vec::new() });
                    }
                    kind @ (b"method" | b"signal" | b"property") => {
                        let interface =
                            document.interfaces.last_mut().ok_or("a member outside of an interface")?;
                        let kind = match kind {
                            b"method" => Kind::Method,
                            b"signal" => Kind::Signal,
                            _ => Kind::Property,
                        };
                        let is_property = kind == Kind::Property;
                        let signature = if is_property { attribute(tag, "type")? } else { String::new() };
                        let doc = doc(comment.take(), &name)?;
                        interface.members.push(Member { kind, name, doc, signature, arguments: Vec::new() });
                    }
                    b"arg" => {
                        let member = document.interfaces.last_mut().and_then(|i| i.members.last_mut());
                        let member = member.ok_or("an argument outside of a member")?;
                        let is_out = member.kind == Kind::Method && attribute(tag, "direction")? == "out";
                        member.arguments.push(Argument { name, signature: attribute(tag, "type")?, is_out });
                    }
                    other => return Err(format!("unknown element {}", String::from_utf8_lossy(other))),
                }
            }
            Event::Eof => return Ok(document),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let element = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    let found = tag.try_get_attribute(name).map_err(|e| e.to_string())?;
    let found = found.ok_or_else(|| format!("<{element}> has no {name}"))?;
    String::from_utf8(found.value.into_owned()).map_err(|e| e.to_string())
}

/// The comment before a member, which must be there and be about it.
fn doc(comment: Option<String>, name: &str) -> Result<Doc, String> {
    let comment = comment.ok_or_else(|| format!("{name} has no doc comment"))?;
    let (about, rest) = comment.trim().split_once(':').unwrap_or_default();
    if about != name {
        return Err(format!("the comment before {name} is about '{about}'"));
    }
    let mut doc = Doc { name: name.to_owned(), ..Doc::default() };
    let (tags, text) = rest.split_once("\n\n").unwrap_or((rest, ""));
    for line in tags.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (tag, said) = line
            .strip_prefix('@')
            .and_then(|l| l.split_once(':'))
            .ok_or_else(|| format!("the comment of {name}: '{line}' is no '@NAME: text'"))?;
        match tag {
            "short_description" => said.trim().clone_into(&mut doc.short),
            _ => doc.arguments.push((tag.to_owned(), said.trim().to_owned())),
        }
    }
    if doc.short.is_empty() {
        return Err(format!("{name} has no @short_description"));
    }
    doc.text = paragraphs(text);
    Ok(doc)
}

/// The paragraphs of a text, each on one line.
fn paragraphs(text: &str) -> Vec<String> {
    let one = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(one).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_their_comments() {
        let xml = "<!-- About.\n\n More. --><node name='/a'><!-- a.B: @short_description: An interface.\n\n Text. -->\
             <interface name='a.B'><!--\n Do:\n @x: what\n @short_description: Does.\n--><method name='Do'>\
             <arg name='x' type='as' direction='in'/><arg name='y' type='u' direction='out'/></method></interface></node>";
        let document = parse(xml).unwrap();
        assert_eq!((document.node.as_str(), document.text.len()), ("/a", 2));
        let interface = &document.interfaces[0];
        assert_eq!(
            (interface.doc.short.as_str(), interface.doc.text[0].as_str()),
            ("An interface.", "Text.")
        );
        let member = &interface.members[0];
        assert_eq!((member.kind, member.doc.short.as_str()), (Kind::Method, "Does."));
        assert_eq!(member.doc.arguments, [("x".to_owned(), "what".to_owned())]);
        assert_eq!(member.arguments.iter().map(|a| a.is_out).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_member_without_its_own_comment_is_refused() {
        let xml = |comment: &str| {
            format!("<node name='/'><!-- a.B: @short_description: B. --><interface name='a.B'>{comment}<method name='Do'/></interface></node>")
        };
        for (comment, why) in [
            ("", "Do has no doc comment"),
            ("<!-- Undo: @short_description: A. -->", "is about 'Undo'"),
            ("<!-- Do: @x: a -->", "no @short_description"),
            ("<!-- Do: what -->", "is no '@NAME: text'"),
        ] {
            let error = parse(&xml(comment)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(parse(&xml("<!-- Do: @short_description: A. -->")).is_ok());
    }
}
