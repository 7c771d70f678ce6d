//! Which fields and parameters have the same type, so that swapping them still compiles.

use quote::ToTokens;
use std::collections::BTreeMap;
use syn::{FnArg, Item};

/// The types of fields by struct, and of parameters by function.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    fields: BTreeMap<String, BTreeMap<String, String>>,
    parameters: BTreeMap<String, Vec<String>>,
}

impl Signatures {
    /// Reads a file's declarations.
    pub(crate) fn add(&mut self, file: &syn::File) {
        for item in &file.items {
            match item {
                Item::Struct(declared) => {
                    let fields = declared.fields.iter().filter_map(|field| {
                        Some((field.ident.as_ref()?.to_string(), text(&field.ty)))
                    });
                    self.fields.insert(declared.ident.to_string(), fields.collect());
                }
                Item::Fn(function) => self.add_function(&function.sig),
                Item::Impl(block) => {
                    for item in &block.items {
                        if let syn::ImplItem::Fn(function) = item {
                            self.add_function(&function.sig);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn add_function(&mut self, signature: &syn::Signature) {
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(text(&typed.ty)),
            FnArg::Receiver(_) => None,
        });
        // Two functions of one name: neither is known.
        let types: Vec<String> = typed.collect();
        let known = self.parameters.entry(signature.ident.to_string());
        let known = known.or_insert_with(|| types.clone());
        if *known != types {
            known.clear();
        }
    }

    /// Returns whether two fields of a struct have the same type.
    pub(crate) fn same_fields(&self, name: &str, one: &str, other: &str) -> bool {
        self.fields
            .get(name)
            .is_some_and(|fields| fields.get(one).is_some() && fields.get(one) == fields.get(other))
    }

    /// Returns whether two neighbouring parameters of a function have the same type.
    pub(crate) fn same_parameters(&self, function: &str, first: usize) -> bool {
        self.parameters.get(function).is_some_and(|types| {
            types.get(first).is_some() && types.get(first) == types.get(first + 1)
        })
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}
