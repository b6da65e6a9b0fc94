//! `#[derive(Enumeration)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "only an enum can be an enumeration"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "an enumeration has no parameters"));
    }
    let (mut values, mut variants): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a value of an enumeration has no fields"));
        }
        let mut value = variant.ident.to_string();
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("value")) {
            value = attribute.parse_args::<LitStr>()?.value();
        }
        if values.contains(&value) {
            return Err(Error::new_spanned(variant, format!("'{value}' is the value of another variant")));
        }
        values.push(value);
        variants.push(&variant.ident);
    }
    let Some(first) = variants.first() else {
        return Err(Error::new_spanned(&input.ident, "an enumeration has at least one value"));
    };
    let name = &input.ident;
    let indices = 0..variants.len();
    Ok(quote! {
        #[automatically_derived]
        impl ::cwmp_plugin_sdk::Value for #name {
            const KIND: ::cwmp_plugin_sdk::Kind = ::cwmp_plugin_sdk::Kind::String;
            const VALUES: &'static [&'static str] = &[#(#values),*];

            fn write(&self, out: &mut ::std::string::String) {
                out.push_str(match self { #(Self::#variants => #values,)* });
            }
        }

        #[automatically_derived]
        impl ::cwmp_plugin_sdk::Parse for #name {
            fn parse(text: &str) -> ::core::option::Option<Self> {
                match <Self as ::cwmp_plugin_sdk::Value>::VALUES.iter().position(|value| *value == text)? {
                    #(#indices => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }

        #[automatically_derived]
        impl ::core::default::Default for #name {
            fn default() -> Self {
                Self::#first
            }
        }
    })
}
