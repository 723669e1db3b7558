//! Purchases that are recorded as such.

use std::borrow::Cow;

use event_model::{
    json::JsonObject,
    mparticle::{Commerce, Decimal, Product},
};

use super::{
    Note,
    commerce_fields::add_description,
    data_fields::{ItemFields, push_once},
};
use crate::iterable::{CommerceItem, TrackPurchaseRequest, User};

/// A purchase with everything that Iterable requires of its products.
pub(super) struct Purchase<'a> {
    lines: Vec<Line<'a>>,
    /// The sender's total.
    total: Option<Decimal<'a>>,
}

struct Line<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    price: Decimal<'a>,
    quantity: i64,
    category: Option<Cow<'a, str>>,
    data_fields: JsonObject,
    notes: Vec<Note>,
}

fn lines<'a>(commerce: &Commerce<'a>) -> Option<Vec<Line<'a>>> {
    let lines: Vec<Line<'a>> = commerce.products.iter().map(line).collect::<Option<_>>()?;
    (!lines.is_empty()).then_some(lines)
}

fn line<'a>(product: &Product<'a>) -> Option<Line<'a>> {
    let mut notes = Vec::new();
    let mut item = ItemFields::new("items", &mut notes);
    let sent = product.quantity.decimal();
    let (quantity, note) = match &sent {
        None => {
            // A value that is not a number is kept as text, or noted.
            item.number("quantity", product.quantity);
            (1, Some(Note::QuantityAssumed))
        }
        Some(sent) if sent.value().fract() == 0.0 => (whole(sent.value())?, None),
        Some(sent) => {
            item.object.json("exact_quantity", sent.as_json());
            (whole(sent.value().ceil())?, Some(Note::QuantityRounded))
        }
    };
    let category = product.category.text();
    if category.is_none() {
        item.text("category", product.category);
    }
    add_description(&mut item, product);
    let data_fields = item.object;
    notes.extend(note);
    Some(Line {
        id: product.id().text()?,
        name: product.name.text()?,
        price: product.price.decimal()?,
        quantity,
        category,
        data_fields,
        notes,
    })
}

impl<'a> Purchase<'a> {
    /// Reads a purchase; `None` if it has no products, or one lacks a member that Iterable requires.
    pub(super) fn read(commerce: &Commerce<'a>) -> Option<Self> {
        Some(Self {
            lines: lines(commerce)?,
            total: commerce.product_action.total_amount.decimal(),
        })
    }

    /// Whether the sender gave a total.
    pub(super) fn has_total(&self) -> bool {
        self.total.is_some()
    }
}

impl Purchase<'_> {
    /// Adds the notes about its products and its total.
    pub(super) fn add_notes(&self, notes: &mut Vec<Note>) {
        for note in self.lines.iter().flat_map(|line| &line.notes) {
            push_once(notes, note.clone());
        }
        if self.total.is_none() {
            notes.push(Note::TotalComputed);
        }
    }

    /// The body of its request. `created_at` is in seconds since the Unix epoch.
    pub(super) fn into_json(
        self,
        user: &User,
        id: &str,
        created_at: i64,
        data_fields: JsonObject,
    ) -> String {
        let total = match &self.total {
            Some(total) => total.as_json().to_owned(),
            None => sum(&self.lines),
        };
        TrackPurchaseRequest {
            user,
            id,
            created_at,
            total: &total,
            items: self.lines.iter().map(item).collect(),
            data_fields,
        }
        .into_json()
    }
}

fn item<'l>(line: &'l Line<'_>) -> CommerceItem<'l> {
    CommerceItem {
        id: &line.id,
        name: &line.name,
        price: line.price.as_json(),
        quantity: line.quantity,
        category: line.category.as_deref(),
        data_fields: line.data_fields.clone(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum of prices is a double at Iterable too"
)]
fn sum(lines: &[Line<'_>]) -> String {
    let total: f64 = lines
        .iter()
        .map(|line| line.price.value() * line.quantity as f64)
        .sum();
    // Cents, so that 0.1 + 0.2 is 0.3.
    let cents = (total * 100.0).round() / 100.0;
    serde_json::Number::from_f64(cents).map_or_else(|| "0".to_owned(), |number| number.to_string())
}

/// An integral double as an integer, if a double represents it exactly.
#[expect(clippy::cast_possible_truncation, reason = "within 2^53")]
fn whole(value: f64) -> Option<i64> {
    (value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}
