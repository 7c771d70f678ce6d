//! What parameters and results look like: the words of the table, and the JSON Schema that they make.

use serde_json::{Map, Value, json};

/// A named part of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it looks like.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
    /// What it is, with its unit.
    pub about: &'static str,
}

impl Field {
    /// Returns a part that is always there.
    #[must_use]
    pub const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: true, about }
    }

    /// Returns a part that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: false, about }
    }
}

/// What a value looks like in JSON.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A whole number below 2^`bits`, written as a number.
    Number {
        /// How many bits it has.
        bits: u32,
    },
    /// A whole number, negative ones too, of 64 bits.
    Signed,
    /// A whole number below 2^`bits`, written as a number or as its digits in a string.
    Digits {
        /// How many bits it has.
        bits: u32,
    },
    /// Bytes: `0x` and two hexadecimal digits for each.
    Bytes,
    /// So many bytes.
    Fixed(u32),
    /// Text.
    Text,
    /// An account: its owner's address, a slash, the number of the sub-account.
    Account,
    /// True or false.
    Boolean,
    /// Always true.
    True,
    /// The value, or null.
    Nullable(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// An object with these parts.
    Object(&'static [Field]),
    /// One of several.
    Either(&'static [Shape]),
    /// A JSON document of another specification.
    Document(&'static str),
}

impl Shape {
    /// Returns its JSON Schema.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            Self::Number { bits: 64 } => json!({ "type": "integer", "minimum": 0 }),
            Self::Number { bits } => {
                let below = 1_u64.checked_shl(bits);
                json!({ "type": "integer", "minimum": 0, "exclusiveMaximum": below })
            }
            Self::Signed => json!({ "type": "integer" }),
            Self::Digits { bits } => json!({
                "anyOf": [Self::Number { bits }.schema(), { "type": "string", "pattern": "^[0-9]+$" }],
            }),
            Self::Bytes => json!({ "type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$" }),
            Self::Fixed(bytes) => {
                let pattern = format!("^0x[0-9a-fA-F]{{{}}}$", bytes.saturating_mul(2));
                json!({ "type": "string", "pattern": pattern })
            }
            Self::Text => json!({ "type": "string" }),
            Self::Account => {
                json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{40}(/[0-9]{1,5})?$" })
            }
            Self::Boolean => json!({ "type": "boolean" }),
            Self::True => json!({ "const": true }),
            Self::Nullable(inner) => json!({ "anyOf": [inner.schema(), { "type": "null" }] }),
            Self::List(inner) => json!({ "type": "array", "items": inner.schema() }),
            Self::Object(fields) => Self::object(fields),
            Self::Either(shapes) => {
                json!({ "anyOf": shapes.iter().map(|shape| shape.schema()).collect::<Vec<_>>() })
            }
            Self::Document(of) => json!({ "type": "object", "description": of }),
        }
    }

    fn object(fields: &[Field]) -> Value {
        let properties = fields.iter().map(|field| {
            let mut schema = field.shape.schema();
            schema["description"] = json!(field.about);
            (field.name.to_owned(), schema)
        });
        let properties = properties.collect::<Map<_, _>>();
        let required = fields.iter().filter(|field| field.required).map(|field| field.name);
        json!({
            "type": "object",
            "properties": properties,
            "required": required.collect::<Vec<_>>(),
        })
    }

    /// Returns it in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Number { bits } => format!("number of {bits} bits"),
            Self::Signed => "signed number of 64 bits".to_owned(),
            Self::Digits { bits } => format!("number of {bits} bits, or its digits in a string"),
            Self::Bytes => "bytes".to_owned(),
            Self::Fixed(bytes) => format!("{bytes} bytes"),
            Self::Text => "text".to_owned(),
            Self::Account => "account, `0x…/sub`".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::True => "true".to_owned(),
            Self::Nullable(inner) => format!("{}, or null", inner.words()),
            Self::List(inner) => format!("list of: {}", inner.words()),
            Self::Object(fields) => {
                let names = fields.iter().map(|field| format!("`{}`", field.name));
                format!("object with {}", names.collect::<Vec<_>>().join(", "))
            }
            Self::Either(shapes) => {
                let words = shapes.iter().map(|shape| shape.words());
                words.collect::<Vec<_>>().join("; or ")
            }
            Self::Document(of) => of.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_bounds_and_what_may_be_left_out() {
        const SHAPE: Shape = Shape::Object(&[
            Field::required("market", Shape::Digits { bits: 32 }, "the market"),
            Field::optional("name", Shape::Fixed(2), "its name"),
        ]);
        let schema = SHAPE.schema();
        assert_eq!(schema["required"], json!(["market"]));
        let market = &schema["properties"]["market"];
        assert_eq!(market["anyOf"][0]["exclusiveMaximum"], json!(4_294_967_296_u64));
        assert_eq!(market["description"], json!("the market"));
        assert_eq!(schema["properties"]["name"]["pattern"], json!("^0x[0-9a-fA-F]{4}$"));
    }
}
