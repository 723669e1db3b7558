//! Purchases that are recorded as such.

use std::borrow::Cow;

use event_model::{
    json::JsonObject,
    mparticle::{Commerce, Decimal, Product},
};

use super::{
    Note,
    commerce_fields::add_description,
    data_fields::{ItemFields, push_once, says_something},
    item_list::ItemList,
};
use crate::iterable::{CommerceItem, TrackPurchaseRequest, User};

/// The name of the list of products in a purchase.
const ITEMS: &str = "items";

/// A purchase with everything that Iterable requires of its products.
pub(super) struct Purchase<'a> {
    /// The items, a JSON array.
    items: String,
    /// The sum of the items.
    sum: f64,
    notes: Vec<Note>,
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
}

impl<'a> Line<'a> {
    /// The product's line, with notes about its values; `None` if it lacks a member that Iterable requires.
    fn read(product: &Product<'a>, notes: &mut Vec<Note>) -> Option<Self> {
        // Most lines have no fields of their own.
        let mut item = ItemFields::new(ITEMS, JsonObject::begin(Vec::new()), notes);
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
        if let Some(note) = note {
            push_once(notes, note);
        }
        Some(Self {
            id: product.id().text()?,
            name: product.name.text()?,
            price: product.price.decimal()?,
            quantity,
            category,
            data_fields,
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a sum of prices is a double at Iterable too"
    )]
    fn amount(&self) -> f64 {
        self.price.value() * self.quantity as f64
    }

    fn write(self, object: JsonObject<&mut Vec<u8>>) {
        let item = CommerceItem {
            id: &self.id,
            name: &self.name,
            price: self.price.as_json(),
            quantity: self.quantity,
            category: self.category.as_deref(),
            data_fields: self.data_fields,
        };
        item.write(object);
    }
}

impl<'a> Purchase<'a> {
    /// Reads a purchase; `None` if it has no products, or one lacks a member that Iterable requires. What is not an object is
    /// no product.
    pub(super) fn read(commerce: &Commerce<'a>) -> Option<Self> {
        let mut items = ItemList::default();
        let mut sum = 0.0;
        let mut notes = Vec::new();
        for product in commerce.products() {
            match product {
                Ok(product) => {
                    let line = Line::read(&product, &mut notes)?;
                    sum += line.amount();
                    line.write(items.begin_item());
                }
                Err(other) if says_something(other) => {
                    push_once(&mut notes, Note::left_out(ITEMS));
                }
                Err(_) => {}
            }
        }
        Some(Self {
            items: items.finish()?,
            sum,
            notes,
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
        for note in &self.notes {
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
            None => rounded(self.sum),
        };
        TrackPurchaseRequest {
            user,
            id,
            created_at,
            total: &total,
            items: &self.items,
            data_fields,
        }
        .into_json()
    }
}

/// In cents, so that 0.1 + 0.2 is 0.3.
fn rounded(sum: f64) -> String {
    let cents = (sum * 100.0).round() / 100.0;
    serde_json::Number::from_f64(cents).map_or_else(|| "0".to_owned(), |number| number.to_string())
}

/// An integral double as an integer, if a double represents it exactly.
#[expect(clippy::cast_possible_truncation, reason = "within 2^53")]
fn whole(value: f64) -> Option<i64> {
    (value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}
