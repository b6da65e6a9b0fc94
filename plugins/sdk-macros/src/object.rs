//! `#[derive(Object)]`.

use cwmp_model::schema::NodeFlags;
use cwmp_model::standard::Object as Standard;
use cwmp_model::standard::Parameter;
use cwmp_model::ValueType;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Fields, Result, Type};

use crate::attribute::{ObjectAttribute, ParamAttribute};
use crate::narrow::{alternatives, sound, widened, Pairs};
use crate::rust_type::{function, rust_name, Item, RustType};
use crate::standard;

/// The flags that the standard decides.
const STANDARD_FLAGS: [(NodeFlags, &str); 5] = [
    (NodeFlags::SECRET, "secret"),
    (NodeFlags::FORCED, "forced"),
    (NodeFlags::FORCED_DEFAULT, "forced_default"),
    (NodeFlags::PASSIVE, "passive"),
    (NodeFlags::INFORM, "inform"),
];

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "only a struct can be an object"));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(Error::new_spanned(&data.fields, "the fields of an object have names"));
        }
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "an object has no parameters but its fields"));
    }
    let object = ObjectAttribute::of(&input.attrs, input.ident.span())?;
    let place = Place::of(&object)?;

    let mut errors: Option<Error> = None;
    let mut lines: Vec<Line> = Vec::new();
    for field in &fields {
        // A field of `Fields::Named` has a name.
        let Some(name) = &field.ident else { continue };
        let line = ParamAttribute::of(&field.attrs).and_then(|a| Line::of(name, &field.ty, &a, &place));
        match line {
            Ok(line) => {
                if let Some(other) = lines.iter().find(|other| other.name == line.name) {
                    let text = format!("{} is the parameter of the field '{}', too", line.name, other.field);
                    keep(&mut errors, Error::new(name.span(), text));
                }
                lines.push(line);
            }
            Err(error) => keep(&mut errors, error),
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }

    let name = &input.ident;
    let object_node = place.node(&object, &lines)?;
    let nodes = lines.iter().map(|line| &line.node);
    let checks = lines.iter().map(|line| &line.check);
    let shape = if place.path.contains("{i}.") { quote!(Many) } else { quote!(Single) };
    let members: Vec<&Ident> = lines.iter().map(|line| &line.field).collect();
    let types: Vec<&Type> = fields.iter().map(|field| &field.ty).collect();
    // A type that is none is the fault of its field, not of the derive.
    let at = |field: &&syn::Field| field.ty.span().resolved_at(Span::call_site());
    let spans: Vec<Span> = fields.iter().map(at).collect();
    let lent = members.iter().zip(&spans).map(|(member, span)| quote_spanned!(*span=> &self.#member));
    let lent_mut = members.iter().zip(&spans).map(|(member, span)| quote_spanned!(*span=> &mut self.#member));
    let blank = types
        .iter()
        .zip(&spans)
        .map(|(kind, span)| quote_spanned!(*span=> <#kind as ::cwmp_plugin_sdk::Typed>::blank()));
    let indices: Vec<usize> = (0..members.len()).collect();
    // Without fields nothing follows the one arm of the match.
    let unreachable = members.is_empty().then(|| quote!(#[allow(unreachable_code)]));
    Ok(quote! {
        #(#checks)*

        #[automatically_derived]
        #unreachable
        impl ::cwmp_plugin_sdk::Fields for #name {
            fn field(&self, index: usize) -> ::core::option::Option<&dyn ::cwmp_plugin_sdk::Field> {
                ::core::option::Option::Some(match index {
                    #(#indices => #lent,)*
                    _ => return ::core::option::Option::None,
                })
            }

            fn field_mut(&mut self, index: usize) -> ::core::option::Option<&mut dyn ::cwmp_plugin_sdk::Field> {
                ::core::option::Option::Some(match index {
                    #(#indices => #lent_mut,)*
                    _ => return ::core::option::Option::None,
                })
            }
        }

        #[automatically_derived]
        impl ::cwmp_plugin_sdk::Object for #name {
            const NODES: &'static [::cwmp_plugin_sdk::Node] = &[#object_node #(, #nodes)*];
            type Shape = ::cwmp_plugin_sdk::#shape;

            fn blank() -> Self {
                Self { #(#members: #blank,)* }
            }
        }
    })
}

fn keep(errors: &mut Option<Error>, error: Error) {
    match errors {
        Some(errors) => errors.combine(error),
        None => *errors = Some(error),
    }
}

/// Where the object stands.
struct Place {
    path: String,
    /// `None`: it is a vendor's own.
    standard: Option<Standard>,
}

impl Place {
    fn of(object: &ObjectAttribute) -> Result<Self> {
        let path = object.path.value();
        let refuse = |text: String| Err(Error::new(object.path.span(), text));
        if let Some(mistake) = mistake_of(&path) {
            return refuse(format!("'{path}' is no path of an object: {mistake}"));
        }
        let model = object.model.as_ref().map(syn::LitStr::value);
        let found = standard::object(&path, model.as_deref())
            .map_err(|text| Error::new(object.model.as_ref().unwrap_or(&object.path).span(), text))?;
        if found.is_none() && !cwmp_model::path::is_vendor(&path) {
            return refuse(match standard::like_path(&path) {
                Some(like) => format!("the standard has no {path}; did you mean {like}?"),
                None => format!("the standard has no {path}; a vendor's own has a part that begins with X_"),
            });
        }
        Ok(Self { path, standard: found })
    }

    fn is_table(&self) -> bool {
        self.path.ends_with("{i}.")
    }

    fn node(&self, object: &ObjectAttribute, lines: &[Line]) -> Result<TokenStream> {
        let path = &self.path;
        let mut node = if self.is_table() {
            quote!(::cwmp_plugin_sdk::Node::table(#path))
        } else {
            quote!(::cwmp_plugin_sdk::Node::object(#path))
        };
        if let Some(span) = object.writable {
            if !self.is_table() {
                return Err(Error::new(span, format!("{path} is no table, so it takes no rows")));
            }
            if self.standard.as_ref().is_some_and(|standard| !standard.writable) {
                return Err(Error::new(span, format!("nobody can add rows to {path}, says the standard")));
            }
            node = quote!(#node.writable());
        }
        let mut facets = Pairs::read(self.standard.as_ref().map_or("", |standard| standard.facets.as_str()));
        if let Some(own) = &object.facets {
            sound(&own.value(), ValueType::String).map_err(|text| Error::new(own.span(), text))?;
            facets = facets.overlaid(&Pairs::read(&own.value()));
        }
        facets.keep_keys(|name| lines.iter().any(|line| line.name == name));
        let facets = facets.text();
        Ok(if facets.is_empty() { node } else { quote!(#node.facets(#facets)) })
    }
}

/// What is wrong with a schema path of an object.
fn mistake_of(path: &str) -> Option<&'static str> {
    let Some(parts) = path.strip_suffix('.').map(|p| p.split('.').collect::<Vec<_>>()) else {
        return Some("it does not end in a dot");
    };
    if parts[0] != "Device" {
        return Some("it does not begin with Device.");
    }
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    if parts.windows(2).any(|pair| pair == ["{i}", "{i}"]) {
        return Some("a row has no number of its own below it");
    }
    if !parts.iter().all(|part| *part == "{i}" || name(part)) {
        return Some("a part of it is neither a name nor {i}");
    }
    None
}

/// A field with its parameter.
struct Line {
    field: Ident,
    name: String,
    node: TokenStream,
    /// What only the compiler can check.
    check: TokenStream,
}

impl Line {
    fn of(field: &Ident, kind: &Type, attribute: &ParamAttribute, place: &Place) -> Result<Self> {
        let wanted = field.to_string().trim_start_matches("r#").to_owned();
        let span = attribute.name.as_ref().map_or(field.span(), syn::LitStr::span);
        let given = attribute.name.as_ref().map(syn::LitStr::value);
        if let Some(name) = &given {
            if mistake_of(&format!("Device.{name}.")).is_some() {
                return Err(Error::new(span, format!("'{name}' is no name of a parameter")));
            }
        }
        let rust = RustType::of(kind);
        if rust.item == Item::Never {
            let text = "no parameter has this type; there are bool, i32, u32, i64, u64, f64, String, DateTime, Base64, \
                        HexBinary, IpAddr and enumerations, and Option, Result and Vec of them";
            return Err(Error::new(kind.span(), text));
        }
        let vendor = |name: &String| place.standard.is_none() || name.starts_with("X_");
        match given.as_ref().filter(|name| vendor(name)) {
            Some(name) => Self::own(field, name.clone(), kind, rust, attribute, place),
            None if place.standard.is_none() => {
                Self::own(field, camel(&wanted), kind, rust, attribute, place)
            }
            None => {
                let wanted = given.clone().unwrap_or(wanted);
                let parameter = parameter_of(place, &wanted, given.is_some(), span)?;
                Self::standard(field, parameter, kind, rust, attribute, place)
            }
        }
    }

    /// A parameter of the standard.
    fn standard(
        field: &Ident,
        parameter: &Parameter,
        rust_type: &Type,
        rust: RustType,
        attribute: &ParamAttribute,
        place: &Place,
    ) -> Result<Self> {
        let path = format!("{}{}", place.path, parameter.name);
        let mut facets = Pairs::read(&parameter.facets);
        check_type(&path, parameter.kind, &facets, rust, rust_type)?;
        if let Some(word) = attribute.flag("writable") {
            if !parameter.is_writable() {
                return Err(Error::new(word.span(), format!("{path} is read-only, says the standard")));
            }
        }
        let mut flags: Vec<Ident> = attribute.flags.clone();
        for (flag, word) in STANDARD_FLAGS {
            let said = flags.iter().any(|f| f == word);
            if parameter.flags.has(flag) && !said {
                flags.push(format_ident!("{word}"));
            }
            if !parameter.flags.has(flag) && said && word != "passive" {
                let span = attribute.flag(word).map_or(field.span(), Ident::span);
                return Err(Error::new(span, format!("{path} is not {word}, says the standard")));
            }
        }
        // What only sets something going reads as if nothing had been said.
        if parameter.flags.has(NodeFlags::COMMAND) && !flags.iter().any(|f| f == "secret") {
            flags.push(format_ident!("secret"));
        }
        let counts = parameter.data_type.as_deref().is_some_and(|name| name.starts_with("StatsCounter"));
        if counts && !flags.iter().any(|f| f == "counter") {
            flags.push(format_ident!("counter"));
        }
        if let Some(own) = &attribute.facets {
            let wrong = |text| Error::new(own.span(), format!("{path}: {text}"));
            widened(&parameter.facets, &own.value()).map_err(wrong)?;
            facets = facets.overlaid(&Pairs::read(&own.value()));
            sound(&facets.text(), parameter.kind).map_err(wrong)?;
        }
        let name = parameter.name.clone();
        Ok(Self::new(field, name, &path, Some(parameter.kind), rust_type, rust, &flags, facets))
    }

    /// A parameter of a vendor.
    fn own(
        field: &Ident,
        name: String,
        rust_type: &Type,
        rust: RustType,
        attribute: &ParamAttribute,
        place: &Place,
    ) -> Result<Self> {
        let path = format!("{}{name}", place.path);
        let mut facets = Pairs::default();
        if rust.list {
            facets.put("list", "0:");
            if let Item::Known(item) = rust.item {
                if item != ValueType::String {
                    facets.put("item", item.name());
                }
            }
        }
        let kind = match rust.item {
            Item::Known(_) if rust.list => Some(ValueType::String),
            Item::Known(kind) => Some(kind),
            _ => None,
        };
        if let Some(own) = &attribute.facets {
            facets = facets.overlaid(&Pairs::read(&own.value()));
            let checked = sound(&facets.text(), kind.unwrap_or(ValueType::String));
            checked.map_err(|text| Error::new(own.span(), format!("{path}: {text}")))?;
        }
        Ok(Self::new(field, name, &path, kind, rust_type, rust, &attribute.flags, facets))
    }

    #[allow(clippy::too_many_arguments)] // what a line has, each once
    fn new(
        field: &Ident,
        name: String,
        path: &str,
        kind: Option<ValueType>,
        rust_type: &Type,
        rust: RustType,
        flags: &[Ident],
        mut facets: Pairs,
    ) -> Self {
        let mut node = quote!(::cwmp_plugin_sdk::Node::param(#path));
        node = match kind {
            Some(kind) => {
                let function = Ident::new(function(kind), Span::call_site());
                quote!(#node.#function())
            }
            None => quote!(#node.kind_of::<#rust_type>()),
        };
        node = quote!(#node #(.#flags())*);
        let mut check = TokenStream::new();
        if rust.item == Item::Other {
            // What the type is the compiler knows: it narrows an enumeration to the type's values.
            let list = facets.has("list");
            let allowed = facets.take("enum").map_or_else(Vec::new, |value| alternatives(&value));
            let device_only = facets.take("enumro").map_or_else(Vec::new, |value| alternatives(&value));
            let rest = facets.text();
            let narrowed = quote!(&::cwmp_plugin_sdk::narrow::Facets {
                rest: #rest,
                allowed: &[#(#allowed),*],
                device_only: &[#(#device_only),*],
                values: <#rust_type as ::cwmp_plugin_sdk::Typed>::VALUES,
            });
            let kind = kind.map_or_else(
                || quote!(<#rust_type as ::cwmp_plugin_sdk::Typed>::KIND.number()),
                |kind| {
                    let number = u32::from(kind.number());
                    quote!(#number)
                },
            );
            check = quote_spanned! { rust_type.span() =>
                const _: () = ::cwmp_plugin_sdk::narrow::check::<#rust_type>(#path, #kind, #list, #narrowed);
            };
            node = quote!(#node.facets({
                const FACETS: &::cwmp_plugin_sdk::narrow::Facets = #narrowed;
                const TEXT: [u8; FACETS.len()] = FACETS.text();
                ::cwmp_plugin_sdk::narrow::text_of(&TEXT)
            }));
        } else if !facets.text().is_empty() {
            let facets = facets.text();
            node = quote!(#node.facets(#facets));
        }
        Self { field: field.clone(), name, node, check }
    }
}

/// The parameter that a field stands for.
fn parameter_of<'a>(place: &'a Place, wanted: &str, exact: bool, span: Span) -> Result<&'a Parameter> {
    let object = &place.path;
    let all = place.standard.as_ref().map_or(&[][..], |standard| &standard.parameters);
    let folded = standard::fold(wanted);
    let fits = |p: &&Parameter| if exact { p.name == wanted } else { standard::fold(&p.name) == folded };
    let found: Vec<&Parameter> = all.iter().filter(fits).collect();
    match found[..] {
        [parameter] if parameter.name == "Alias" => {
            Err(Error::new(span, "the agent keeps aliases; a name that the device gives a row is Row::alias"))
        }
        [parameter] if parameter.name.ends_with("NumberOfEntries") => Err(Error::new(
            span,
            format!("the agent counts rows, so that {} is always right", parameter.name),
        )),
        [parameter] => Ok(parameter),
        [] => {
            let names = all.iter().map(|p| p.name.as_str());
            let like = standard::nearest(wanted, names);
            let hint = match like {
                Some(like) => format!("did you mean {like}?"),
                None => "a vendor's own has a name that begins with X_, #[param(\"X_...\")]".to_owned(),
            };
            Err(Error::new(span, format!("{object} has no parameter '{wanted}'; {hint}")))
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|p| p.name.as_str()).collect();
            let text = format!("{} fit; say which with #[param(\"{}\")]", names.join(" and "), names[0]);
            Err(Error::new(span, text))
        }
    }
}

fn check_type(path: &str, kind: ValueType, facets: &Pairs, rust: RustType, at: &Type) -> Result<()> {
    let list = facets.has("list");
    let item = facets.clone().take("item").and_then(|name| ValueType::from_name(&name)).unwrap_or(kind);
    let right = match (list, rust.list, rust.item) {
        (_, _, Item::Other) => return Ok(()),
        (true, true, Item::Known(known)) => known == item,
        // A list may also stand as the text that it is.
        (_, false, Item::Known(known)) => known == kind,
        _ => false,
    };
    if right {
        return Ok(());
    }
    let text = if list {
        format!("{path} is a list of {}: the type must be Vec<{}>", item.name(), rust_name(item))
    } else {
        format!("{path} is of type {}: the type must be {}", kind.name(), rust_name(kind))
    };
    Err(Error::new(at.span(), text))
}

/// `max_bit_rate` as the data model spells names.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect()
}
