//! The mistakes: each is written beside the original, behind a switch.

use crate::signatures::Signatures;
use anyhow::Result;
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Block, Expr, ExprCall, Ident, LitInt, Pat, Stmt, parse_quote};

/// One mistake.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    /// The number that switches it on.
    pub(crate) number: u32,
    /// File, function and mistake; repeated ones are counted.
    pub(crate) name: String,
    /// Words of the proofs that must notice.
    pub(crate) words: &'static [&'static str],
}

/// Methods and what they are mistaken for.
const METHODS: &[(&str, &str)] = &[
    ("plus", "minus"),
    ("minus", "plus"),
    ("lesser", "greater"),
    ("greater", "lesser"),
    ("negated", "magnitude"),
    ("magnitude", "negated"),
    ("checked_div_euclid", "checked_rem_euclid"),
    ("checked_rem_euclid", "checked_div_euclid"),
    ("min", "max"),
    ("max", "min"),
];

/// Types whose functions may return their default instead; the others have none.
const DEFAULTS: &[&str] =
    &["Self", "Notional", "Amount", "Price", "Lots", "Ppb", "Ppm", "Quantity", "BlockSpan", "()"];

/// Writes mutants into one file.
pub(crate) struct Mutator<'a> {
    file: &'a str,
    switch: syn::Path,
    words: &'static [&'static str],
    signatures: &'a Signatures,
    mutants: &'a mut Vec<Mutant>,
    function: String,
    /// The type whose functions are visited.
    owner: String,
    /// How often each mistake was made in this function.
    made: BTreeMap<String, u32>,
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(
        file: &'a str,
        switch: &str,
        words: &'static [&'static str],
        signatures: &'a Signatures,
        mutants: &'a mut Vec<Mutant>,
    ) -> Result<Self> {
        let switch = syn::parse_str(switch)?;
        let (function, owner, made) = (String::new(), String::new(), BTreeMap::new());
        Ok(Self { file, switch, words, signatures, mutants, function, owner, made })
    }

    pub(crate) fn mutate(&mut self, file: &mut syn::File) {
        self.visit_file_mut(file);
    }

    /// Notes a mistake and returns the question whether it is switched on.
    fn note(&mut self, what: &str) -> Expr {
        let number = u32::try_from(self.mutants.len()).unwrap_or(u32::MAX).saturating_add(1);
        let times = self.made.entry(what.to_owned()).or_default();
        *times += 1;
        let again = if *times > 1 { format!(" ({times})") } else { String::new() };
        let name = format!("{}: {}: {what}{again}", self.file, self.function);
        self.mutants.push(Mutant { number, name, words: self.words });
        let (switch, number) = (&self.switch, LitInt::new(&number.to_string(), Span::call_site()));
        parse_quote!(#switch(#number))
    }

    /// Puts a mistake beside an expression.
    fn offer(&mut self, what: &str, expression: &mut Expr, mistake: &Expr) {
        let on = self.note(what);
        *expression = parse_quote!((if #on { #mistake } else { #expression }));
    }

    fn function(
        &mut self,
        signature: &syn::Signature,
        block: &mut Block,
        attributes: &[syn::Attribute],
    ) {
        let test = attributes.iter().any(|attribute| attribute.path().is_ident("test"));
        if signature.constness.is_some()
            || signature.ident == "fmt"
            || signature.ident == "mutant"
            || test
        {
            return;
        }
        let outer = std::mem::replace(&mut self.function, signature.ident.to_string());
        self.made.clear();
        visit_mut::visit_block_mut(self, block);
        if is_iterator(&signature.output)
            && let Some(Stmt::Expr(tail, None)) = block.stmts.last_mut()
        {
            let on = self.note("returns nothing");
            *tail = parse_quote!((#tail).filter(|_| !#on));
        }
        for (what, value) in in_its_stead(&signature.output) {
            let on = self.note(what);
            block.stmts.insert(0, parse_quote!(if #on { return #value; }));
        }
        self.function = outer;
    }

    fn binary(&mut self, expression: &mut Expr) {
        let Expr::Binary(original) = expression.clone() else { return };
        if holds_let(&original.left) || holds_let(&original.right) {
            return;
        }
        let mistakes: &[(BinOp, &str)] = match original.op {
            BinOp::Lt(_) => &[
                (parse_quote!(<=), "< → <="),
                (parse_quote!(>), "< → >"),
                (parse_quote!(==), "< → =="),
            ],
            BinOp::Le(_) => &[(parse_quote!(<), "<= → <"), (parse_quote!(>), "<= → >")],
            BinOp::Gt(_) => &[
                (parse_quote!(>=), "> → >="),
                (parse_quote!(<), "> → <"),
                (parse_quote!(==), "> → =="),
            ],
            BinOp::Ge(_) => &[(parse_quote!(>), ">= → >"), (parse_quote!(<), ">= → <")],
            BinOp::Eq(_) => &[(parse_quote!(!=), "== → !=")],
            BinOp::Ne(_) => &[(parse_quote!(==), "!= → ==")],
            BinOp::And(_) => &[(parse_quote!(||), "&& → ||")],
            BinOp::Or(_) => &[(parse_quote!(&&), "|| → &&")],
            BinOp::Add(_) => &[(parse_quote!(*), "+ → *")],
            BinOp::Mul(_) => &[(parse_quote!(+), "* → +")],
            BinOp::Shl(_) => &[(parse_quote!(>>), "<< → >>")],
            BinOp::Shr(_) => &[(parse_quote!(<<), ">> → <<")],
            _ => &[],
        };
        for (operator, what) in mistakes {
            let mistake = syn::ExprBinary { op: *operator, ..original.clone() };
            self.offer(what, expression, &Expr::Binary(mistake));
        }
        if matches!(original.op, BinOp::Add(_)) {
            // The words of a prover have no operator for it.
            let (left, right) = (&original.left, &original.right);
            self.offer("+ → -", expression, &parse_quote!((#left).wrapping_sub(#right)));
        }
    }

    fn unary(&mut self, expression: &mut Expr) {
        let Expr::Unary(original) = expression.clone() else { return };
        if !matches!(original.op, syn::UnOp::Deref(_)) {
            self.offer("sign left out", expression, &original.expr);
        }
    }

    fn method(&mut self, expression: &mut Expr) {
        let Expr::MethodCall(original) = expression.clone() else { return };
        let name = original.method.to_string();
        if let Some((_, other)) = METHODS.iter().find(|(method, _)| *method == name) {
            let method = Ident::new(other, original.method.span());
            let mistake = syn::ExprMethodCall { method, ..original.clone() };
            self.offer(&format!("{name} → {other}"), expression, &Expr::MethodCall(mistake));
        }
        if matches!(name.as_str(), "checked_add" | "checked_sub" | "checked_mul") {
            let receiver = &original.receiver;
            self.offer(&format!("{name} left out"), expression, &parse_quote!(Some(#receiver)));
        }
        if matches!(
            name.as_str(),
            "is_positive" | "is_negative" | "is_none_or" | "is_some" | "is_none"
        ) {
            let mistake = parse_quote!(!#original);
            self.offer(&format!("not {name}"), expression, &mistake);
        }
        for first in 0..original.args.len().saturating_sub(1) {
            if self.signatures.same_parameters(&name, first) {
                let mut mistake = original.clone();
                swap_arguments(&mut mistake.args, first);
                self.offer(
                    &format!("arguments of {name} swapped"),
                    expression,
                    &Expr::MethodCall(mistake),
                );
            }
        }
    }

    fn call(&mut self, expression: &mut Expr) {
        let Expr::Call(original) = expression.clone() else { return };
        let Some(name) = called(&original) else { return };
        for first in 0..original.args.len().saturating_sub(1) {
            if self.signatures.same_parameters(&name, first) {
                let mut mistake = original.clone();
                swap_arguments(&mut mistake.args, first);
                self.offer(
                    &format!("arguments of {name} swapped"),
                    expression,
                    &Expr::Call(mistake),
                );
            }
        }
    }

    fn structure(&mut self, expression: &mut Expr) {
        let Expr::Struct(original) = expression.clone() else { return };
        let name = match original.path.segments.last() {
            Some(last) if last.ident == "Self" => self.owner.clone(),
            Some(last) => last.ident.to_string(),
            None => return,
        };
        let member = |index: usize| match &original.fields[index].member {
            syn::Member::Named(name) => name.to_string(),
            syn::Member::Unnamed(_) => String::new(),
        };
        for one in 0..original.fields.len() {
            for other in one + 1..original.fields.len() {
                if self.signatures.same_fields(&name, &member(one), &member(other)) {
                    let mut mistake = original.clone();
                    let values =
                        [original.fields[other].expr.clone(), original.fields[one].expr.clone()];
                    for (index, value) in [one, other].into_iter().zip(values) {
                        mistake.fields[index].expr = value;
                        mistake.fields[index].colon_token = Some(parse_quote!(:));
                    }
                    let what = format!("{} and {} swapped", member(one), member(other));
                    self.offer(&what, expression, &Expr::Struct(mistake));
                }
            }
        }
    }

    fn condition(&mut self, expression: &mut Expr) {
        if let Expr::If(choice) = expression
            && !holds_let(&choice.cond)
        {
            let line =
                format!("condition {}", choice.cond.span().source_text().unwrap_or_default());
            let what = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let (never, always) =
                (self.note(&format!("{what}: never")), self.note(&format!("{what}: always")));
            let original = &choice.cond;
            *choice.cond = parse_quote!((!#never && (#original || #always)));
        }
    }

    /// Two arms that bind nothing may be mistaken for each other.
    fn arms(&mut self, expression: &mut Expr) {
        let Expr::Match(choice) = expression else { return };
        let [first, second] = &mut choice.arms[..] else { return };
        let plain = |arm: &syn::Arm| arm.guard.is_none() && binds_nothing(&arm.pat);
        if !plain(first) || !plain(second) {
            return;
        }
        let on = self.note("arms swapped");
        let (one, other) = (first.body.clone(), second.body.clone());
        *first.body = parse_quote!(if #on { #other } else { #one });
        *second.body = parse_quote!(if #on { #one } else { #other });
    }
}

impl Mutator<'_> {
    /// A guard may hold always or never; an arm before one that takes everything may be left out.
    fn guards(&mut self, expression: &mut Expr) {
        let Expr::Match(choice) = expression else { return };
        let caught =
            choice.arms.last().is_some_and(|arm| arm.guard.is_none() && takes_all(&arm.pat));
        let others = choice.arms.len().saturating_sub(1);
        for (index, arm) in choice.arms.iter_mut().enumerate() {
            match &mut arm.guard {
                Some((_, guard)) if !holds_let(guard) => {
                    let (never, always) = (self.note("guard: never"), self.note("guard: always"));
                    **guard = parse_quote!((!#never && (#guard || #always)));
                }
                None if caught && index < others => {
                    let on = self.note("arm left out");
                    arm.guard = Some((syn::Token![if](Span::call_site()), parse_quote!(!#on)));
                }
                _ => {}
            }
        }
    }
}

impl VisitMut for Mutator<'_> {
    fn visit_item_mod_mut(&mut self, item: &mut syn::ItemMod) {
        if !item.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            visit_mut::visit_item_mod_mut(self, item);
        }
    }

    fn visit_item_const_mut(&mut self, _: &mut syn::ItemConst) {}

    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}

    fn visit_item_static_mut(&mut self, _: &mut syn::ItemStatic) {}

    fn visit_type_mut(&mut self, _: &mut syn::Type) {}

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        let owner = &item.self_ty;
        self.owner = quote::quote!(#owner).to_string();
        visit_mut::visit_item_impl_mut(self, item);
    }

    fn visit_item_fn_mut(&mut self, item: &mut syn::ItemFn) {
        self.function(&item.sig, &mut item.block, &item.attrs);
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut syn::ImplItemFn) {
        self.function(&item.sig, &mut item.block, &item.attrs);
    }

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let before = expression.clone();
        visit_mut::visit_expr_mut(self, expression);
        match &before {
            Expr::Binary(_) => self.binary(expression),
            Expr::MethodCall(_) => self.method(expression),
            Expr::Call(_) => self.call(expression),
            Expr::Struct(_) => self.structure(expression),
            Expr::If(_) => self.condition(expression),
            Expr::Match(_) => {
                self.arms(expression);
                self.guards(expression);
            }
            Expr::Unary(_) => self.unary(expression),
            Expr::Path(path) => {
                if let Some((what, mistake)) = other_rounding(&path.path) {
                    self.offer(what, expression, &mistake);
                }
            }
            Expr::Lit(literal) => {
                if let syn::Lit::Int(number) = &literal.lit
                    && let Ok(value) = number.base10_parse::<u64>()
                {
                    let more =
                        LitInt::new(&format!("{}{}", value + 1, number.suffix()), number.span());
                    let what = format!("{value} → {}", value + 1);
                    self.offer(&what, expression, &parse_quote!(#more));
                }
            }
            _ => {}
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        for statement in &mut block.stmts {
            let Stmt::Expr(expression, Some(_)) = statement else { continue };
            if matches!(
                expression,
                Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) | Expr::Try(_)
            ) {
                let on = self.note("statement dropped");
                *statement = parse_quote!(if !#on { #expression; });
            }
        }
    }
}

/// Returns what a function may return without doing anything: the default of its type, nothing, or each truth.
fn in_its_stead(output: &syn::ReturnType) -> Vec<(&'static str, Expr)> {
    const DEFAULT: &str = "returns the default";
    let syn::ReturnType::Type(_, kind) = output else {
        return vec![("does nothing", parse_quote!(()))];
    };
    let text = quote::quote!(#kind).to_string().replace(' ', "");
    let (is_result, held) = match text.strip_prefix("Result<") {
        Some(rest) => (true, rest.rsplit_once(',').map_or(rest, |(held, _)| held)),
        None => (false, &text[..]),
    };
    let values: Vec<(&str, Expr)> = match held {
        "bool" => {
            vec![("returns true", parse_quote!(true)), ("returns false", parse_quote!(false))]
        }
        "Integer" => vec![(DEFAULT, parse_quote!(Integer::from(0u8)))],
        "(Word,Word)" => vec![(DEFAULT, parse_quote!((Word::MIN, Word::MIN)))],
        held if held.starts_with("Option<") => {
            let inside = held.trim_start_matches("Option<").trim_end_matches('>');
            let known = DEFAULTS.contains(&inside) || inside == "AccountIndex";
            let default = known.then(|| (DEFAULT, parse_quote!(Some(Default::default()))));
            std::iter::once(("returns nothing", parse_quote!(None))).chain(default).collect()
        }
        held if DEFAULTS.contains(&held) => vec![(DEFAULT, parse_quote!(Default::default()))],
        _ => Vec::new(),
    };
    let wrapped =
        |(what, value): (_, Expr)| (what, if is_result { parse_quote!(Ok(#value)) } else { value });
    values.into_iter().map(wrapped).collect()
}

/// Returns whether a function returns an iterator whose type it does not name: an empty one would be of another type.
fn is_iterator(output: &syn::ReturnType) -> bool {
    let syn::ReturnType::Type(_, kind) = output else { return false };
    quote::quote!(#kind).to_string().starts_with("impl Iterator")
}

fn other_rounding(path: &syn::Path) -> Option<(&'static str, Expr)> {
    let names: Vec<String> =
        path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["Round", "Down"] => Some(("Down → Up", parse_quote!(Round::Up))),
        ["Round", "Up"] => Some(("Up → Down", parse_quote!(Round::Down))),
        _ => None,
    }
}

fn called(call: &ExprCall) -> Option<String> {
    let Expr::Path(path) = &*call.func else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

fn swap_arguments(arguments: &mut syn::punctuated::Punctuated<Expr, syn::Token![,]>, first: usize) {
    let (one, other) = (arguments[first].clone(), arguments[first + 1].clone());
    arguments[first] = other;
    arguments[first + 1] = one;
}

/// Returns whether a condition binds names, which a choice between two conditions could not.
fn holds_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => holds_let(&binary.left) || holds_let(&binary.right),
        Expr::Paren(inner) => holds_let(&inner.expr),
        _ => false,
    }
}

/// Returns whether a pattern takes everything: a name that is no variant is one.
fn takes_all(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Ident(name) => name.ident.to_string().starts_with(|first: char| first.is_lowercase()),
        _ => false,
    }
}

fn binds_nothing(pattern: &Pat) -> bool {
    match pattern {
        Pat::Lit(_) | Pat::Path(_) | Pat::Wild(_) => true,
        Pat::Or(either) => either.cases.iter().all(binds_nothing),
        _ => false,
    }
}
