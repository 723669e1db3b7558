//! Purchases that are recorded as such.

use std::borrow::Cow;

use event_model::mparticle::{Commerce, Decimal, Event, EventData, Product, event_id};

use super::{
    Call, Note, Operation,
    batch_context::{BatchContext, is_replaced},
    commerce_fields::{add_description, add_order},
    data_fields::{DataFields, ItemFields, push_once},
    outcome::NotSent,
};
use crate::iterable::{CommerceItem, JsonObject, TrackPurchaseRequest};

/// One product of a purchase, with everything that Iterable requires.
pub(super) struct Line<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    price: Decimal<'a>,
    quantity: i64,
    category: Option<Cow<'a, str>>,
    data_fields: JsonObject,
    notes: Vec<Note>,
}

/// The products of a purchase; `None` when there are none, or one lacks something that Iterable requires.
pub(super) fn lines<'a>(commerce: &Commerce<'a>) -> Option<Vec<Line<'a>>> {
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

/// What is sent for a purchase.
pub(super) fn map<'a>(
    context: &BatchContext<'_, 'a>,
    event: &Event<'a>,
    data: &EventData<'a>,
    commerce: &Commerce<'a>,
    lines: &[Line<'a>],
) -> Result<Call, NotSent> {
    let user = context.user()?;
    let at_ms = context.time_ms(data)?;
    let mut fields = DataFields::default();
    add_order(&mut fields, data, commerce);
    let sent_total = commerce.product_action.total_amount.decimal();
    if sent_total.is_none() {
        // A value that is not a number is kept as text, or noted.
        fields.number("total_amount", commerce.product_action.total_amount);
    }
    context.add_context(&mut fields, data)?;
    let (data_fields, mut notes) = fields.finish();
    for note in lines.iter().flat_map(|line| &line.notes) {
        push_once(&mut notes, note.clone());
    }
    if sent_total.is_none() {
        notes.push(Note::TotalComputed);
    }
    let total = sent_total.map_or_else(|| sum(lines), |total| total.as_json().to_owned());
    let id = event_id(event, data, context.batch);
    if is_replaced(&id, data) {
        notes.push(Note::changed("source_message_id"));
    }
    let items = lines.iter().map(item).collect();
    let created_at = at_ms.div_euclid(1_000);
    let request = TrackPurchaseRequest {
        user,
        id: &id,
        created_at,
        total: &total,
        items,
        data_fields,
    };
    let json = request.into_json();
    let event_name = "purchase".to_owned();
    Ok(Call {
        operation: Operation::Purchase,
        id,
        user: user.clone(),
        event_name,
        at_ms,
        json,
        notes,
    })
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

/// A whole double as an integer, when a double holds it exactly.
#[expect(clippy::cast_possible_truncation, reason = "within 2^53")]
fn whole(value: f64) -> Option<i64> {
    (value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}
