//! What authors write into `#[object(...)]` and `#[param(...)]`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, LitStr, Result, Token};

/// What a parameter may be called beside its type, as the functions of `Node`.
const FLAGS: [&str; 8] =
    ["writable", "secret", "forced", "passive", "pushed", "counter", "forced_default", "inform"];

/// `#[object("PATH", writable, model = "NAME:VERSION", "facets")]`.
pub(crate) struct ObjectAttribute {
    pub(crate) path: LitStr,
    pub(crate) writable: Option<Span>,
    pub(crate) model: Option<LitStr>,
    pub(crate) facets: Option<LitStr>,
}

/// `#[param("Name", writable, ..., "facets")]`.
#[derive(Default)]
pub(crate) struct ParamAttribute {
    pub(crate) name: Option<LitStr>,
    pub(crate) flags: Vec<Ident>,
    pub(crate) facets: Option<LitStr>,
}

impl ParamAttribute {
    pub(crate) fn flag(&self, name: &str) -> Option<&Ident> {
        self.flags.iter().find(|flag| *flag == name)
    }
}

/// One thing between the commas.
enum Item {
    Text(LitStr),
    Word(Ident),
    Pair(Ident, LitStr),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Ok(Self::Text(input.parse()?));
        }
        let word: Ident = input.parse()?;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            return Ok(Self::Pair(word, input.parse()?));
        }
        Ok(Self::Word(word))
    }
}

fn items(attribute: &Attribute) -> Result<Punctuated<Item, Token![,]>> {
    attribute.parse_args_with(Punctuated::parse_terminated)
}

/// Whether a text is facets, and not a name or a path.
fn is_facets(text: &LitStr) -> bool {
    text.value().contains('=')
}

impl ObjectAttribute {
    pub(crate) fn of(attributes: &[Attribute], whole: Span) -> Result<Self> {
        let mut own = attributes.iter().filter(|a| a.path().is_ident("object"));
        let attribute = own.next().ok_or_else(|| {
            Error::new(whole, "which object is it? Say #[object(\"Device.Path.\")] above the struct")
        })?;
        if let Some(second) = own.next() {
            return Err(Error::new_spanned(second, "a struct stands for one object"));
        }
        let (mut path, mut writable, mut model, mut facets) = (None, None, None, None);
        for item in items(attribute)? {
            match item {
                Item::Text(text) if is_facets(&text) => facets = Some(text),
                Item::Text(text) if path.is_none() => path = Some(text),
                Item::Text(text) => return Err(Error::new(text.span(), "a struct stands for one object")),
                Item::Word(word) if word == "writable" => writable = Some(word.span()),
                Item::Pair(word, text) if word == "model" => model = Some(text),
                Item::Word(word) | Item::Pair(word, _) => {
                    let text = format!("'{word}' is none of: \"Device.Path.\", writable, model = \"NAME:VERSION\", \"facets\"");
                    return Err(Error::new(word.span(), text));
                }
            }
        }
        let path = path.ok_or_else(|| Error::new_spanned(attribute, "the path of the object is missing"))?;
        Ok(Self { path, writable, model, facets })
    }
}

impl ParamAttribute {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut new = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("param")) {
            for item in items(attribute)? {
                match item {
                    Item::Text(text) if is_facets(&text) && new.facets.is_none() => new.facets = Some(text),
                    Item::Text(text) if !is_facets(&text) && new.name.is_none() => new.name = Some(text),
                    Item::Text(text) => return Err(Error::new(text.span(), "this was said already")),
                    Item::Word(word) if FLAGS.iter().any(|flag| word == flag) => new.flags.push(word),
                    Item::Word(word) | Item::Pair(word, _) => {
                        let text = format!("'{word}' is none of: \"Name\", \"facets\", {}", FLAGS.join(", "));
                        return Err(Error::new(word.span(), text));
                    }
                }
            }
        }
        Ok(new)
    }
}
